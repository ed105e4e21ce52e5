"""A motion as ARKit's 52 weights and a head, at any frame rate, and back: what avatars of other programs understand.

The eyes go into the eight weights eyeLook..., with the lids that follow them. The other weights are those whose shapes,
added up, come nearest to the expression, lips and lids above all: weights lie between 0 and 1, so not every expression
can be reached, and docs/motion_formats.md says how much is lost.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from dreamtalk.errors import UnusableInput
from dreamtalk.face.arkit import ARKIT, ARKIT_INDEX
from dreamtalk.face.measures import MEASURES
from dreamtalk.face.model import FaceModel
from dreamtalk.motion.drive import head_path
from dreamtalk.motion.gaze import EYE_RADIUS
from dreamtalk.motion.head import place_of
from dreamtalk.types import VIDEO_FPS, Float, Motion

FACE_SPACE = "mesh64"

MAX_FPS = 240
"""Frames per second that a take may have; phones and animation programs have no more."""

_FULL_TURN = {"Out": np.radians(22.0), "In": np.radians(22.0), "Up": np.radians(11.0), "Down": np.radians(16.0)}
"""How far an eye turns at weight 1, on the CC0 head (convert/makehuman.py); Apple gives no angles."""

_MEASURED = 10.0
"""How much more the measures of lips, lids and brows count than points of the face."""

_TOWARDS_SCORES = 0.03
"""How strongly weights are drawn to what a tracker would score: of many sums that look alike, the usual one."""

_ROUNDS = 200
"""Of the descent; 100 give the same to three digits."""

_LOOKS = np.array([name.startswith("eyeLook") for name in ARKIT])
_FREE = np.flatnonzero(~_LOOKS & (np.array(ARKIT) != "tongueOut"))

Double = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ArkitTake:
    """weights: (T, 52) in 0..1, in the order of face.arkit.ARKIT. rotation: (T, 3) rad of the head, as in Motion.
    fps: frames per second."""

    weights: Float
    rotation: Float
    fps: float


def take_of(motion: Motion, face: FaceModel, fps: float = float(VIDEO_FPS)) -> ArkitTake:
    """The motion in ARKit's terms. The head's translation, breath and the tongue inside the mouth have no place there.

    Raises UnusableInput for less than 1 or more than MAX_FPS frames per second, and for the face space of official
    models, which has no shapes without the Basel Face Model.
    """
    if not 1 <= fps <= MAX_FPS:
        raise UnusableInput(f"{fps:g} frames per second cannot be written; 1 to {MAX_FPS} can.")
    if motion.face_space != FACE_SPACE:
        raise UnusableInput(f"Motions of the face space {motion.face_space} cannot be turned into ARKit's weights.")
    weights = np.zeros((len(motion), len(ARKIT)), np.float32)
    weights[:, _LOOKS] = looks_of(motion.gaze)[:, _LOOKS]
    weights[:, _FREE] = _nearest(motion.expression - face.from_arkit(weights), motion.expression, face)
    rows = np.concatenate([weights, motion.rotation], axis=1)
    if fps != motion.fps:
        times = np.arange(len(motion)) / motion.fps
        wanted = np.arange(max(1, round(len(motion) * fps / motion.fps))) / fps
        rows = resampled(rows, times, wanted)
    return ArkitTake(rows[:, : len(ARKIT)], rows[:, len(ARKIT) :], fps)


def motion_of(take: ArkitTake, face: FaceModel, name: str) -> Motion:
    """The motion at 25 fps that a take asks of a portrait: of any person, as weights know of none.

    The head is brought to the portrait's pose and range by drive.head_path, and turns about the neck; that of a single
    frame is the portrait's own. name: of the source, for messages.
    """
    rows = np.concatenate([take.weights, take.rotation], axis=1)
    if take.fps != VIDEO_FPS:
        times = np.arange(len(rows)) / take.fps
        rows = resampled(rows, times, np.arange(max(1, round(len(rows) * VIDEO_FPS / take.fps))) / VIDEO_FPS)
    weights, rotation = rows[:, : len(ARKIT)], rows[:, len(ARKIT) :]
    motion = Motion(face.from_arkit(weights), rotation, np.zeros_like(rotation), gaze_of(weights))
    if len(motion) == 1:
        return replace(motion, rotation=np.zeros_like(rotation))
    rotation = head_path(motion, name).rotation
    return Motion(motion.expression, rotation, np.stack([place_of(row) for row in rotation]), motion.gaze)


def looks_of(gaze: Float) -> Float:
    """Weights (T, 52), all 0 but eyeLook..., of iris offsets (T, 4) as in Motion."""
    weights = np.zeros((len(gaze), len(ARKIT)), np.float32)
    turn = np.arcsin(np.clip(gaze / EYE_RADIUS, -1.0, 1.0))
    for side, x, y in (("Right", turn[:, 0], turn[:, 1]), ("Left", turn[:, 2], turn[:, 3])):
        outwards = -x if side == "Right" else x  # the person's right is the picture's left
        for way, angle in (("Out", outwards), ("In", -outwards), ("Down", y), ("Up", -y)):
            weights[:, ARKIT_INDEX[f"eyeLook{way}{side}"]] = np.clip(angle / _FULL_TURN[way], 0.0, 1.0)
    return weights


def eye_turns(weights: Float) -> Float:
    """Turn (T, 4) in radians of weights (T, 52): right eye x, y, left eye x, y; x to the picture's right, y down."""
    turns = []
    for side, outwards in (("Right", -1.0), ("Left", 1.0)):
        of = {way: weights[:, ARKIT_INDEX[f"eyeLook{way}{side}"]] * full for way, full in _FULL_TURN.items()}
        turns += [outwards * (of["Out"] - of["In"]), of["Down"] - of["Up"]]
    return np.stack(turns, axis=1).astype(np.float32)


def gaze_of(weights: Float) -> Float:
    """Iris offsets (T, 4) as in Motion, of weights (T, 52)."""
    return np.asarray(EYE_RADIUS * np.sin(eye_turns(weights)), np.float32)


def resampled(values: Float, times: NDArray[np.float64], wanted: NDArray[np.float64]) -> Float:
    """Values (T, C) given at rising times (T,), at the wanted ones (N,): smooth, and never beyond their neighbours.

    Cubic pieces with limited slopes (Fritsch and Carlson, 1980); beyond the ends the first and last value are held.
    """
    if len(values) == 1:
        return np.repeat(values, len(wanted), axis=0)
    given, step = values.astype(np.float64), np.diff(times)[:, None]
    rise = np.diff(given, axis=0) / step
    before, after = np.concatenate([rise[:1], rise]), np.concatenate([rise, rise[-1:]])
    least = np.minimum(np.abs(before), np.abs(after))
    slope = np.where(before * after > 0, np.sign(before) * np.minimum(np.abs(before + after) / 2, 2 * least), 0.0)
    at = np.clip(wanted, times[0], times[-1])
    piece = np.clip(np.searchsorted(times, at, side="right") - 1, 0, len(times) - 2)
    h, t = step[piece], ((at - times[piece]) / step[piece][:, 0])[:, None]
    made = (1 + 2 * t) * (1 - t) ** 2 * given[piece] + t * (1 - t) ** 2 * h * slope[piece]
    made += t**2 * (3 - 2 * t) * given[piece + 1] + t**2 * (t - 1) * h * slope[piece + 1]
    return made.astype(np.float32)


def _nearest(wanted: Float, expression: Float, face: FaceModel) -> Double:
    """Weights (T, N) of the free actions whose shapes come nearest to expressions (T, 64), within 0..1.

    Least squares within bounds by accelerated projected gradients (Beck and Teboulle, 2009). expression: the whole one,
    of which a tracker's scores are read.
    """
    measures = np.stack([face.measure(name) for name in MEASURES]) / 100.0  # iod
    seen = np.concatenate([np.eye(measures.shape[1]), _MEASURED * measures]).astype(np.float64)
    shapes = seen @ face.arkit_write[:, _FREE]
    scores = face.to_arkit(expression)[:, _FREE].astype(np.float64)
    square = shapes.T @ shapes + _TOWARDS_SCORES * np.eye(len(_FREE))
    target = wanted @ seen.T @ shapes + _TOWARDS_SCORES * scores
    pace = 1.0 / np.linalg.eigvalsh(square)[-1]
    weights = ahead = scores
    momentum = 1.0
    for _ in range(_ROUNDS):
        stepped = np.clip(ahead - pace * (ahead @ square - target), 0.0, 1.0)
        faster = (1.0 + np.sqrt(1.0 + 4.0 * momentum**2)) / 2.0
        ahead = stepped + (momentum - 1.0) / faster * (stepped - weights)
        weights, momentum = stepped, faster
    return weights
