"""What is made from a clip once and kept: its face track and its speech features, one .npz each in a cache folder."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.progress import track as progress

from dreamtalk.audio import SpeechEncoder, load_speech
from dreamtalk.data.talkset import Clip
from dreamtalk.errors import FaceNotFound
from dreamtalk.face import FaceTracker, TrackedFace
from dreamtalk.media import read_frames
from dreamtalk.types import VIDEO_FPS, Bool, Float

LANDMARKS = 478


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

    def filled(self) -> RawTrack:
        """Frames without a face replaced by the nearest frame that has one. Raises FaceNotFound when none has."""
        if not self.valid.any():
            raise FaceNotFound("No face was found in any frame of this video.")
        frames, seen = np.arange(len(self.valid)), np.flatnonzero(self.valid)
        nearest = seen[np.abs(frames[:, None] - seen[None, :]).argmin(axis=1)]
        return RawTrack(self.landmarks[nearest], self.blendshapes[nearest], self.matrix[nearest], self.valid)


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


def make_tracks(clips: list[Clip], folder: Path) -> Iterator[RawTrack]:
    """The raw track of each clip, tracked now where it is not in the folder yet. Stops and goes on where it was."""
    folder.mkdir(parents=True, exist_ok=True)
    tracker: FaceTracker | None = None
    for clip in progress(clips, description="Tracking faces", disable=all(_kept(folder, c) for c in clips)):
        file = folder / f"{clip.id}.npz"
        if not file.is_file():
            tracker = tracker or FaceTracker.load()
            made = stack_faces(tracker.track_frames(read_frames(clip.file)))
            _write(file, landmarks=made.landmarks, blendshapes=made.blendshapes, matrix=made.matrix, valid=made.valid,
                   fps=np.float32(VIDEO_FPS))  # fmt: skip
        yield RawTrack.read(file)


def make_features(clips: list[Clip], folder: Path, encoder_name: str) -> Iterator[Float]:
    """Speech features (N, D) at 50 Hz of each clip, encoded now where they are not in the folder yet."""
    folder.mkdir(parents=True, exist_ok=True)
    encoder: SpeechEncoder | None = None
    for clip in progress(clips, description="Encoding speech", disable=all(_kept(folder, c) for c in clips)):
        file = folder / f"{clip.id}.npz"
        if not file.is_file():
            encoder = encoder or SpeechEncoder.load(encoder_name)
            _write(file, values=encoder.encode(load_speech(clip.file)).values.astype(np.float16))
        with np.load(file, allow_pickle=False) as stored:
            yield stored["values"].astype(np.float32)


def _kept(folder: Path, clip: Clip) -> bool:
    return (folder / f"{clip.id}.npz").is_file()


def _write(file: Path, **arrays: object) -> None:
    """Whole or not at all."""
    part = file.with_name(f".{file.stem}.part.npz")
    np.savez(part, **arrays)  # type: ignore[arg-type]
    part.replace(file)
