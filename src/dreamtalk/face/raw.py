"""A face through a video as the tracker saw it, in arrays: one row per frame, nothing fitted yet."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dreamtalk.errors import FaceNotFound
from dreamtalk.face.tracker import LANDMARKS, TrackedFace
from dreamtalk.media.files import replacing
from dreamtalk.types import VIDEO_FPS, Bool, Float


@dataclass(frozen=True, slots=True)
class RawTrack:
    """landmarks: (T, 478, 3) px. blendshapes: (T, 52). matrix: (T, 4, 4). valid: (T,); NaN where it is False."""

    landmarks: Float
    blendshapes: Float
    matrix: Float
    valid: Bool

    @classmethod
    def read(cls, file: Path) -> RawTrack:
        with np.load(file, allow_pickle=False) as stored:
            return cls(*(stored[name] for name in ("landmarks", "blendshapes", "matrix", "valid")))

    def write(self, file: Path) -> None:
        """As .npz, whole or not at all."""
        with replacing(file) as part:
            np.savez(
                part,
                landmarks=self.landmarks,
                blendshapes=self.blendshapes,
                matrix=self.matrix,
                valid=self.valid,
                fps=np.float32(VIDEO_FPS),
            )

    def filled(self, source: str | Path) -> RawTrack:
        """Frames without a face replaced by the nearest frame that has one.

        source: its name, for the message. Raises FaceNotFound when no frame shows a face.
        """
        if not self.valid.any():
            raise FaceNotFound(f"No face was found in {source}. Use a picture or video with one clearly visible face.")
        nearest = nearest_valid(self.valid)
        return RawTrack(self.landmarks[nearest], self.blendshapes[nearest], self.matrix[nearest], self.valid)


def nearest_valid(valid: Bool) -> NDArray[np.int64]:
    """(T,) index of the valid frame nearest to each frame; at least one must be valid."""
    good = np.flatnonzero(valid)
    frames = np.arange(len(valid))
    return np.asarray(good[np.abs(frames[:, None] - good[None]).argmin(axis=1)])


def stack_faces(faces: Iterable[TrackedFace | None]) -> RawTrack:
    """The tracker's stream as arrays."""
    landmarks, blendshapes, matrices, valid = [], [], [], []
    for face in faces:
        valid.append(face is not None)
        landmarks.append(face.landmarks if face else np.full((LANDMARKS, 3), np.nan, np.float32))
        blendshapes.append(face.blendshapes if face else np.full(52, np.nan, np.float32))
        matrices.append(face.matrix if face else np.eye(4, dtype=np.float32))
    if not valid:
        return RawTrack(
            np.empty((0, LANDMARKS, 3), np.float32),
            np.empty((0, 52), np.float32),
            np.empty((0, 4, 4), np.float32),
            np.empty(0, bool),
        )
    return RawTrack(np.stack(landmarks), np.stack(blendshapes), np.stack(matrices), np.array(valid))
