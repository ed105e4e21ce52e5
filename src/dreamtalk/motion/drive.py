"""Head motion taken from somebody else: a track or motion made to fit the length of a talk."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from dreamtalk.face.pose import euler_of, rotation_from_euler
from dreamtalk.types import FaceTrack, Float, Motion


def with_head(motion: Motion, source: FaceTrack | Motion, start: int = 0) -> Motion:
    """The motion with the head motion of the source, relative to the source's usual head pose.

    start: which frame of the talk the motion begins with. A shorter source runs forwards and backwards in turn, so that
    there is no jump.
    """
    if isinstance(source, Motion):
        rotation, translation = source.rotation, source.translation
    else:
        place = source.pose[:, 3:]
        rotation = _relative(source.pose[:, :3])
        translation = (place - np.median(place, axis=0)).astype(np.float32)
    index = there_and_back(len(rotation), start, len(motion))
    return replace(
        motion, rotation=rotation[index].astype(np.float32), translation=translation[index].astype(np.float32)
    )


def _relative(angles: Float) -> Float:
    """Rotations (T, 3) seen from the median one."""
    usual = rotation_from_euler(np.median(angles, axis=0).astype(np.float32))
    return np.stack([euler_of(rotation_from_euler(a) @ usual.T) for a in angles])


def there_and_back(length: int, start: int, frames: int) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
    """Which of a source's frames (frames,) go with frames start, ...: forwards and backwards in turn, one is held."""
    period = max(1, 2 * (length - 1))
    place = np.arange(start, start + frames) % period
    return np.minimum(place, period - place) if length > 1 else np.zeros(frames, np.intp)
