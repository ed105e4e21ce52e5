"""Framed faces: the frames of talking clips cut around the head as PIRenderer draws it, with their coefficients."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from rich.progress import track as progress

from dreamtalk.data.cache import make_tracks
from dreamtalk.data.talkset import Clip
from dreamtalk.errors import UnusableInput
from dreamtalk.face.model import FaceModel
from dreamtalk.face.raw import RawTrack
from dreamtalk.media import read_frames
from dreamtalk.media.files import replacing
from dreamtalk.render.pirenderer.framing import Square, cut, placed, square_around, usual_head
from dreamtalk.render.pirenderer.layout import Layout
from dreamtalk.types import Float, Image

_MIN_VALID = 0.9
"""Clips in which the face is lost more often are left out."""
_JPEG_QUALITY = 95


@dataclass(frozen=True, slots=True)
class FramedClip:
    """pictures: JPEG files back to back; ends: (T,) where each ends. rows: (T, C) coefficients in a layout.

    usable: (U,) numbers of the frames in which the face was found. id: which clip.
    """

    id: str
    pictures: NDArray[np.uint8]
    ends: NDArray[np.int64]
    rows: Float
    usable: NDArray[np.int64]

    def picture(self, frame: int) -> Image:
        """Frame (side, side, 3) uint8 RGB."""
        begin = int(self.ends[frame - 1]) if frame else 0
        stored = self.pictures[begin : int(self.ends[frame])]
        return np.asarray(cv2.imdecode(stored, cv2.IMREAD_COLOR_RGB), dtype=np.uint8)


def load_framed(clips: list[Clip], cache: Path, face_model: FaceModel, layout: Layout, side: int) -> list[FramedClip]:
    """Clips with pictures of side x side px, made now where they are not in the cache folder yet.

    The neutral face is pooled over all clips of a speaker. Clips with two frames or fewer of a face are left out.
    Raises UnusableInput when the layout is not of our own face space.
    """
    if not layout.relative:
        raise UnusableInput(
            f"Videos are tracked in our own face space; coefficients of {layout.face_space} are not made."
        )
    tracks = list(make_tracks(clips, cache / "tracks"))
    by_speaker: dict[str, list[int]] = defaultdict(list)
    for index, (clip, track) in enumerate(zip(clips, tracks, strict=True)):
        if len(track.valid) and track.valid.mean() >= _MIN_VALID and track.valid.sum() > 2:
            by_speaker[clip.speaker].append(index)
    framed = []
    for members in progress(by_speaker.values(), description="Framing faces"):
        filled = {i: tracks[i].filled(clips[i].file) for i in members}
        neutral = face_model.neutral(
            np.concatenate([t.landmarks for t in filled.values()]),
            np.concatenate([t.blendshapes for t in filled.values()]),
        )
        framed += [
            _framed(clips[i], filled[i], neutral, face_model, layout, (cache / f"faces{side}", side)) for i in members
        ]
    return framed


def _framed(
    clip: Clip, track: RawTrack, neutral: Float, face_model: FaceModel, layout: Layout, place: tuple[Path, int]
) -> FramedClip:
    folder, side = place
    expression, pose, gaze = face_model.fit(track.landmarks, neutral)
    head = usual_head(track.landmarks)
    square = square_around(head)
    rows = layout.join(expression, pose[:, :3], pose[:, 3:], placed(head, square), gaze)
    pictures, ends = _pictures(clip, square, folder, side)
    frames = min(len(rows), len(ends))
    return FramedClip(clip.id, pictures, ends, rows[:frames], np.flatnonzero(track.valid[:frames]))


def _pictures(clip: Clip, square: Square, folder: Path, side: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """The clip's framed pictures, out of the folder or made and put there (whole or not at all)."""
    file = folder / f"{clip.id}.npz"
    if not file.is_file():
        coded = [_jpeg(cut(frame, square, side)) for frame in read_frames(clip.file)]
        with replacing(file) as part:
            np.savez(part, pictures=np.concatenate(coded), ends=np.cumsum([len(c) for c in coded], dtype=np.int64))
    with np.load(file, allow_pickle=False) as stored:
        return stored["pictures"], stored["ends"]


def _jpeg(picture: Image) -> NDArray[np.uint8]:
    _, coded = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    return np.asarray(coded, dtype=np.uint8).reshape(-1)
