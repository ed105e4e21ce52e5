"""Tracked landmarks of the evaluation clips: from a folder of track files, or tracked once and cached."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import platformdirs

from dreamtalk.face import FaceTracker
from dreamtalk.face.raw import stack_faces
from dreamtalk.media import check_input, read_frames
from dreamtalk.media.files import replacing, sha256_of
from dreamtalk.types import VIDEO_FPS, Bool, Float

_CACHE_VERSION = 1
"""Raise when the tracker's results change, so that old files are not used."""


@dataclass(frozen=True, slots=True)
class Track:
    """landmarks: (T, 478, 3) px. blendshapes: (T, 52) scores. valid: (T,) False where no face was found (the others
    then hold the nearest valid frame's).
    """

    landmarks: Float
    blendshapes: Float
    valid: Bool


def load_track(video: Path, folder: Path | None) -> Track:
    """The track of a video: `folder`/<stem>.npz where that exists, else from the cache, else tracked now.

    Raises FaceNotFound when no frame of the video shows a face, UnusableInput when there is no video.
    """
    if folder is not None and (folder / f"{video.stem}.npz").is_file():
        return _read(folder / f"{video.stem}.npz")
    key = sha256_of(check_input(video))[:16]
    cached = Path(platformdirs.user_cache_dir("dreamtalk")) / "tracks" / f"{key}-{_CACHE_VERSION}.npz"
    if not cached.is_file():
        _write(cached, _track(video))
    return _read(cached)


def _read(file: Path) -> Track:
    with np.load(file, allow_pickle=False) as arrays:
        landmarks, scores = arrays["landmarks"].astype(np.float32), arrays["blendshapes"].astype(np.float32)
        return Track(landmarks, scores, arrays["valid"].astype(np.bool_))


def _write(file: Path, track: Track) -> None:
    with replacing(file) as part:
        np.savez_compressed(part, landmarks=track.landmarks, blendshapes=track.blendshapes, valid=track.valid)


def _track(video: Path) -> Track:
    frames = read_frames(video, fps=float(VIDEO_FPS))
    found = stack_faces(FaceTracker.load().track_frames(frames)).filled(video)
    return Track(found.landmarks, found.blendshapes, found.valid)
