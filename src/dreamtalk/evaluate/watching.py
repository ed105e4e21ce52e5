"""A video as the video metrics need it: face crops of one size, tracked landmarks, expression, pose and sound."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from itertools import islice
from pathlib import Path
from typing import overload

import cv2
import numpy as np
from numpy.typing import DTypeLike, NDArray

from dreamtalk.errors import UnusableAudio, UnusableInput
from dreamtalk.evaluate.stamps import code_of, sha_of, shipped, stamp
from dreamtalk.face import FaceTracker
from dreamtalk.face.align import align, canonical_face, interocular, to_face_frame
from dreamtalk.face.model import FaceModel
from dreamtalk.face.video import track_video
from dreamtalk.media import fps_of, read_frames
from dreamtalk.store import load_track, save_track
from dreamtalk.types import SAMPLE_RATE, VIDEO_FPS, FaceTrack, Float, Image

CROP = 256
"""Side of the face crop, px: the size most published figures are for."""

_REACH = 1.7
"""Half the side of the crop, in iod: brows to below the chin and both cheeks."""

_BELOW = 0.45
"""How far its middle lies below that of the eyes, in iod."""

_SAME_RATE = 0.02
"""Frames per second by which a rate may differ from 25 unsaid."""

_EYES = (33, 133, 263, 362)
"""Eye corners."""

_TRACKING = ("face-landmarker", "face-mesh-topology", "mesh64")
"""Embedded files that tracks depend on."""


@dataclass(frozen=True, slots=True)
class Watching:
    """How videos are looked at. seconds: of each, at most. kept: folder where tracks are kept, under the sha256 of the
    video and of what tracked it, so that no stale one is ever used; None: nothing is kept."""

    seconds: float
    kept: Path | None = None

    @property
    def models(self) -> list[str]:
        """Stamps of what decides on a track: our code, the tracker's and the face model's weights."""
        code = code_of("face", "media/reader.py", "media/clock.py", "store.py")
        return [code, *(value for name, value in shipped().items() if name.startswith(_TRACKING))]


class _Film:
    """All crops of a video file, cut when one is first asked for."""

    def __init__(self, path: Path, frames: int, matrix: Float) -> None:
        self._path, self._frames, self._matrix = path, frames, matrix

    @cached_property
    def cut(self) -> Image:
        """(T, 256, 256, 3)."""
        crops = [_cut(frame, self._matrix) for frame in islice(read_frames(self._path), self._frames)]
        if len(crops) != self._frames:
            raise UnusableInput(f"{self._path}: the video reads differently twice; it is damaged.")
        return np.stack(crops)


@dataclass(frozen=True, eq=False)
class Crops:
    """Some of them, by their numbers in the file: of many videos only the face's motion is needed."""

    film: _Film
    index: NDArray[np.intp]

    def __len__(self) -> int:
        return len(self.index)

    @overload
    def __getitem__(self, which: int) -> Image: ...

    @overload
    def __getitem__(self, which: NDArray[np.intp]) -> Crops: ...

    def __getitem__(self, which: int | NDArray[np.intp]) -> Image | Crops:
        """The crop of a frame, or those of several, which are not read yet."""
        if isinstance(which, np.ndarray):
            return Crops(self.film, self.index[which])
        return np.asarray(self.film.cut[self.index[which]])

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> Image:
        return np.asarray(self.film.cut[self.index], dtype=dtype)


@dataclass(frozen=True)
class Watched:
    """One video at 25 fps. crops: (T, 256, 256, 3) uint8, the same place in all frames. track: of the whole frames.
    samples: (S,) at 16 kHz; none in a silent video. size: width and height of the frames, px. notes: what readers of
    its numbers should know."""

    name: str
    crops: Image | Crops
    track: FaceTrack
    samples: Float
    size: tuple[int, int]
    notes: tuple[str, ...] = ()

    @cached_property
    def face(self) -> Float:
        """Landmarks (T, 478, 3) in the face frame: unit iod, head pose and size removed."""
        return in_face_frame(self.track)

    @cached_property
    def points(self) -> Float:
        """Landmarks (T, 478, 2) in px of the crop."""
        matrix = crop_matrix(self.track)
        return np.asarray(self.track.landmarks[..., :2] @ matrix[:, :2].T + matrix[:, 2], dtype=np.float32)

    @property
    def pictures(self) -> Image:
        """All crops as one array."""
        return np.asarray(self.crops)

    def __len__(self) -> int:
        return len(self.track.landmarks)

    def at(self, index: NDArray[np.intp]) -> Watched:
        """The video with these frames alone; the sound from its beginning, as long as they are."""
        track = self.track
        picked = replace(
            track,
            landmarks=track.landmarks[index],
            expression=track.expression[index],
            pose=track.pose[index],
            gaze=track.gaze[index],
            blendshapes=track.blendshapes[index],
            valid=track.valid[index],
        )
        samples = self.samples[: len(index) * SAMPLE_RATE // VIDEO_FPS]
        return replace(self, crops=self.crops[index], track=picked, samples=samples)

    def first(self, frames: int) -> Watched:
        """Its first frames."""
        return self if frames == len(self) else self.at(np.arange(frames))

    def held(self) -> Watched:
        """Its first frame with a face (videos fade in), held, with its sound."""
        return replace(self.at(np.full(len(self), self.track.valid.argmax(), dtype=np.intp)), samples=self.samples)


def in_face_frame(track: FaceTrack) -> Float:
    """Landmarks (T, 478, 3) of a track with the unit iod, head pose and size removed."""
    first = track.landmarks[int(track.valid.argmax())]
    return align(track.landmarks, to_face_frame(first, canonical_face()))[0]


def watch(path: Path, parts: Watching, sound: Path | None = None) -> Watched:
    """The first seconds of a video. sound: a file that holds its sound; None: its own. Raises UnusableInput or
    FaceNotFound."""
    most = max(1, round(parts.seconds * VIDEO_FPS))
    track = _track(path, most, parts)
    height, width = next(iter(read_frames(path))).shape[:2]
    frames = len(track.landmarks)
    crops = Crops(_Film(path, frames, crop_matrix(track)), np.arange(frames))
    samples, doubts = _sound(sound or path)
    return Watched(path.stem, crops, track, samples, (width, height), (*_doubts(path, track), *doubts))


def track_file(path: Path, parts: Watching) -> Path | None:
    """Where the track of a video is kept, made now if it is not there; None where nothing is kept."""
    if parts.kept is None:
        return None
    most = max(1, round(parts.seconds * VIDEO_FPS))
    file = parts.kept / f"{sha_of(path)}-{stamp(most, parts.models)}.npz"
    if not file.is_file():
        save_track(file, _tracked(path, most))
    return file


def _track(path: Path, most: int, parts: Watching) -> FaceTrack:
    file = track_file(path, parts)
    return _tracked(path, most) if file is None else load_track(file)


def _tracked(path: Path, most: int) -> FaceTrack:
    tracker, face = _models()
    return track_video(islice(read_frames(path), most), tracker, face, path)


@lru_cache(maxsize=1)
def _models() -> tuple[FaceTracker, FaceModel]:
    """Once per process."""
    return FaceTracker.load(), FaceModel.load()


def crop_matrix(track: FaceTrack) -> Float:
    """(2, 3): picture to crop, from where the face is in the first frame with one."""
    first = track.landmarks[int(track.valid.argmax())]
    iod = float(interocular(first))
    x, y = first[list(_EYES), :2].mean(axis=0)
    scale = CROP / (2 * _REACH * iod)
    left, top = x - _REACH * iod, y + (_BELOW - _REACH) * iod
    return np.array([[scale, 0, -scale * left], [0, scale, -scale * top]], dtype=np.float32)


def _cut(frame: Image, matrix: Float) -> Image:
    flags = cv2.INTER_AREA if matrix[0, 0] < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.warpAffine(frame, matrix, (CROP, CROP), flags=flags, borderMode=cv2.BORDER_REPLICATE))


def _sound(path: Path) -> tuple[Float, tuple[str, ...]]:
    """Samples of a video's sound, none where it has none that can be used, and why."""
    from dreamtalk.audio import load_speech

    try:
        return load_speech(path, max_seconds=math.inf).samples, ()
    except UnusableAudio as problem:
        return np.zeros(0, dtype=np.float32), (f"no metric of sound: {problem}",)


def _doubts(path: Path, track: FaceTrack) -> Iterator[str]:
    """What was made of frames that are not as they should be."""
    rate, lost = fps_of(path), int((~track.valid).sum())
    if rate is not None and abs(rate - VIDEO_FPS) > _SAME_RATE:
        yield f"{rate:g} frames per second, read at {VIDEO_FPS}: jitter and speeds hold the uneven steps."
    if lost:
        yield f"no face in {lost} of {len(track.valid)} frames; the nearest frame's was taken."
