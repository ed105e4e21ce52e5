"""Head motion taken from somebody else: a track or motion made to fit a portrait and the length of a talk.

gaps closed ──▶ seen from the usual pose ──▶ smoothed ──▶ brought into the renderer's range ──▶ looped
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from dreamtalk.errors import DoubtfulInput, UnusableInput
from dreamtalk.face.pose import euler_of, rotation_from_euler
from dreamtalk.motion.gaze import EYE_RADIUS
from dreamtalk.types import VIDEO_FPS, Bool, FaceTrack, Float, Motion

RANGE = np.radians(np.array([11.0, 14.0, 11.0]))
"""Nodding, turning and tilting that the renderer shows nearly as told: below render.mesh.geometry.MAX_TURN."""

_REACHED = 95.0
"""Percentile of a head's angles that has to lie within RANGE; rarer ones are left to the renderer's soft limit."""

_LEAST_SEEN, _WELL_SEEN = 0.5, 0.9
"""Shares of frames with a face: below the first a video is refused, below the second there is a warning."""

_MEANT = np.radians(2.0)
"""A usual pose of a motion file up to this is meant; what goes beyond comes from how the camera was held."""

_WINDOW, _DEGREE = 9, 2
"""Frames and degree of the polynomials that smooth a tracked head: noise goes, nods (up to about 4 Hz) stay."""

_FADE = VIDEO_FPS
"""Frames over which a clip that has ended goes over into its beginning."""

_COAST = 5.0
"""Frames in which the speed at its end fades meanwhile."""

_TURNING = 12
"""Frames, at most, in which a clip too short for that turns round at its ends."""


@dataclass(frozen=True, slots=True)
class HeadPath:
    """A head's motion of any length. rotation: (T, 3) rad and translation: (T, 3) iod, as in Motion."""

    rotation: Float
    translation: Float

    def at(self, start: int, frames: int) -> tuple[Float, Float]:
        """Rotation and translation (frames, 3) of the frames start, ... of a talk; see looped."""
        both = looped(np.concatenate([self.rotation, self.translation], axis=1), start, frames)
        return both[:, :3], both[:, 3:]


def head_path(source: FaceTrack | Motion, name: str) -> HeadPath:
    """The head of a track or motion, as a portrait can follow it.

    A track is seen from its median pose, smoothed, and frames without a face are bridged; of a motion, whose numbers
    are relative to a portrait already, only a usual pose of more than 2 degrees is taken off. Heads that turn further
    than the renderer can show are turned less throughout, instead of being held at the limit.
    name: of the source, for messages. Raises UnusableInput for a single frame, for motions of official models, or when
    the face is lost in more than half of the frames; warns (DoubtfulInput) from a tenth on.
    """
    if len(source.expression) < 2:
        raise UnusableInput(f"{name} is a single frame, which has no head motion. Use a video, or --pose still.")
    if isinstance(source, FaceTrack):
        check_seen(source.valid, name)
        pose = smoothed(bridged(source.pose, source.valid))
        usual = np.median(pose, axis=0)
        rotation, translation = _seen_from(pose[:, :3], usual[:3]), pose[:, 3:] - usual[3:]
    elif source.crop is not None:
        raise UnusableInput(f"{name} is a motion of official models, whose head goes with their faces alone.")
    else:
        usual = np.median(source.rotation, axis=0)
        usual = usual - np.clip(usual, -_MEANT, _MEANT)
        rotation = _seen_from(source.rotation, usual) if usual.any() else source.rotation
        translation = source.translation
    gain = _gain(rotation)
    return HeadPath((gain * rotation).astype(np.float32), (gain * translation).astype(np.float32))


def with_head(motion: Motion, path: HeadPath, start: int = 0) -> Motion:
    """The motion with the head of the path, and eyes that keep their target while that head turns.

    start: which frame of the talk the motion begins with. The motion's own head must be still.
    """
    rotation, translation = path.at(start, len(motion))
    held = EYE_RADIUS * np.sin(np.stack([rotation[:, 1], -rotation[:, 0]], axis=1))
    gaze = motion.gaze + np.concatenate([held, held], axis=1)
    return replace(motion, rotation=rotation, translation=translation, gaze=gaze.astype(np.float32))


def looped(path: Float, start: int, frames: int) -> Float:
    """Rows (frames, C) number start, ... of a path (T, C) that goes on for ever without a jump.

    The first T are the path itself. From 2 s on it begins anew, going over from its end within a second, so that nods
    keep their direction; a shorter path runs backwards and forwards in turn, rounding its ends; a single row is held.
    """
    number = np.arange(start, start + frames)
    if len(path) >= 2 * _FADE:
        row = number % len(path)
        share = np.where((number >= len(path)) & (row < _FADE), (row + 1) / (_FADE + 1), 1.0)[:, None]
        share = share * share * (3.0 - 2.0 * share)
        coasted = _COAST * (1.0 - np.exp(-(row[:, None] + 1) / _COAST))
        end = path[-1] + coasted * (path[-1] - path[-2])
        return np.asarray(share * path[row] + (1.0 - share) * end, np.float32)
    return _between_rows(path, _there_and_back(len(path) - 1, number.astype(np.float64)))


def bridged(values: Float, valid: Bool) -> Float:
    """Values (T, C) with straight lines in place of the rows that are not valid; at least one row must be."""
    rows, known = np.arange(len(values)), np.flatnonzero(valid)
    return np.stack([np.interp(rows, known, column[known]) for column in values.T], axis=1).astype(np.float32)


def smoothed(values: Float, window: int = _WINDOW, degree: int = _DEGREE) -> Float:
    """Values (T, C) by the polynomials of that degree that fit best around each row (Savitzky and Golay, 1964)."""
    size = min(window, len(values) - (len(values) + 1) % 2)
    if size <= degree + 1:
        return values
    half = size // 2
    powers = np.arange(-half, half + 1)[:, None] ** np.arange(degree + 1)
    fit = (powers @ np.linalg.pinv(powers.astype(np.float64))).astype(np.float32)  # (size, size)
    middle = np.stack([np.convolve(column, fit[half][::-1], mode="valid") for column in values.T], axis=1)
    ends = fit[:half] @ values[:size], fit[half + 1 :] @ values[-size:]
    return np.concatenate([ends[0], middle, ends[1]]).astype(np.float32)


def check_seen(valid: Bool, name: str) -> None:
    """Refuse (UnusableInput) a recording with a face in less than half of its frames; warn below nine tenths."""
    seen = float(valid.mean())
    if seen < _LEAST_SEEN:
        raise UnusableInput(f"{name}: the face is lost in {1 - seen:.0%} of the frames; its motion is not usable.")
    if seen < _WELL_SEEN:
        message = f"{name}: the face is lost in {1 - seen:.0%} of the frames; the motion is guessed there."
        warnings.warn(message, DoubtfulInput, stacklevel=3)


def _there_and_back(last: int, number: NDArray[np.float64]) -> NDArray[np.float64]:
    """Place on a path of rows 0 to last that goes with each frame, a little beyond both ends where it turns round."""
    if last == 0:
        return np.zeros_like(number)
    turning = min(_TURNING, 4 * last)
    along = number % (2 * (last + turning))
    after_end, after_start = along - last, along - 2 * last - turning
    places = (along, last + after_end * (1.0 - after_end / turning), last - (after_end - turning))
    return np.select(
        [after_end < 0, after_end < turning, after_start < 0], places, -after_start * (1.0 - after_start / turning)
    )


def _between_rows(path: Float, place: NDArray[np.float64]) -> Float:
    """The path (T, C) at places (N,) between rows; beyond its ends it goes on as if turned by half a circle there."""
    last = len(path) - 1
    inside = np.clip(place, 0.0, last)
    mirrored = 2.0 * inside - place  # the same distance on the inner side of the end
    low = np.minimum(mirrored.astype(np.intp), max(0, last - 1))
    share = (mirrored - low)[:, None]
    value = (1.0 - share) * path[low] + share * path[np.minimum(low + 1, last)]
    beyond = (place != inside)[:, None]
    end = path[np.where(place < 0, 0, last)]
    return np.asarray(np.where(beyond, 2.0 * end - value, value), np.float32)


def _seen_from(angles: Float, usual: Float) -> Float:
    """Rotations (T, 3) relative to a usual one (3,)."""
    back = rotation_from_euler(usual.astype(np.float32)).T
    return np.stack([euler_of(rotation_from_euler(row) @ back) for row in angles])


def _gain(rotation: Float) -> float:
    """Factor, at most 1, that brings nearly all of the rotations (T, 3) into RANGE."""
    reached = np.percentile(np.abs(rotation), _REACHED, axis=0)
    return float(min(1.0, (RANGE / np.maximum(reached, 1e-6)).min()))
