"""What makes a talking face live besides its lips: blinks, gaze, head motion, and a mouth at rest in silence.

`natural` does it for a whole motion, `NaturalMotion` frame by frame for a stream; both give the same numbers.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, NamedTuple, Protocol

import numpy as np

from dreamtalk.face.arkit import weights
from dreamtalk.motion.blink import BlinkMotion
from dreamtalk.motion.brows import AHEAD_FRAMES, BrowAccents
from dreamtalk.motion.gaze import GazeMotion
from dreamtalk.motion.head import HeadMotion, place_of
from dreamtalk.motion.rest import ANTICIPATION_FRAMES, RestGate
from dreamtalk.motion.stress import UNSTRESSED
from dreamtalk.types import Float, Liveliness, Motion

BlinkMode = Literal["natural", "off"]
PoseMode = Literal["natural", "still"]
GazeMode = Literal["natural", "still"]
AccentMode = Literal["natural", "off"]


class Lids(Protocol):
    """What this file needs of a face model; dreamtalk.face.FaceModel has it."""

    @property
    def lid_shut(self) -> Float:
        """(2,) % iod by which tracked eyes close in a full blink."""
        ...

    @property
    def lower(self) -> tuple[int, ...]:
        """Expression dimensions of the lower face."""
        ...

    @property
    def upper(self) -> tuple[int, ...]:
        """Expression dimensions of the upper face."""
        ...

    def from_arkit(self, scores: Float) -> Float:
        """ARKit weights (..., 52) to expression (..., E)."""
        ...

    def measure(self, name: str) -> Float:
        """(E,) so that expression @ measure(name) is the change of that measure in % iod."""
        ...


class Heard(NamedTuple):
    """The speech at a frame. activity: see rest.speech_activity; activity_ahead: ANTICIPATION_FRAMES later;
    stress_ahead: see stress.speech_stress, brows.AHEAD_FRAMES later."""

    activity: float
    activity_ahead: float
    stress_ahead: float = UNSTRESSED


class Manner(NamedTuple):
    """What a style asks of a frame. rest: (E,) expression whose lower face is the resting mouth; None: the neutral."""

    rest: Float | None = None
    lively: Liveliness = Liveliness()


_USUAL = Manner()


class NaturalFrame(NamedTuple):
    """One frame of a Motion: expression (E,), rotation (3,), translation (3,), gaze (4,)."""

    expression: Float
    rotation: Float
    translation: Float
    gaze: Float


def raised_brows(face: Lids) -> Float:
    """(E,) that raises both brows by 1 % iod, the inner ends first, and moves nothing of the lower face."""
    way = face.from_arkit(weights(browInnerUp=1.0, browOuterUp=0.7))
    way[list(face.lower)] = 0.0
    height = (face.measure("brow_height_right") + face.measure("brow_height_left")) / 2
    return np.asarray(way / (way @ height), dtype=np.float32)


class LidMixer:
    """Adds blinks to an expression, each eye by its own lid, never shutting it further than shut."""

    def __init__(self, face: Lids) -> None:
        opening = np.stack([face.measure("eye_opening_right"), face.measure("eye_opening_left")])
        self._closure = -opening / np.asarray(face.lid_shut, dtype=np.float32)[:, None]  # (2, E), unclipped lid_closure
        drop = np.stack([face.from_arkit(weights(eyeBlinkRight=1.0)), face.from_arkit(weights(eyeBlinkLeft=1.0))])
        drop[:, list(face.lower)] = 0.0  # a blink does not move the mouth
        self._drop = np.linalg.solve(drop @ self._closure.T, drop)  # (2, E): closes one eye by exactly 1

    def close(self, expression: Float, amount: Float) -> Float:
        """Expression (E,) with the eyes shut by a share amount (2,) of what they are open; 1 shuts them fully."""
        open_by = 1.0 - self._closure @ expression
        return np.asarray(expression + (amount * open_by) @ self._drop, dtype=np.float32)

    def shut_as(self, expression: Float, model: Float) -> Float:
        """Expressions (T, E) with the lids as far down as in others (T, E), where those are down at all."""
        wanted = np.clip(model @ self._closure.T, 0.0, 1.0)
        now = expression @ self._closure.T
        # Wide eyes (below 0) may stay wide, unless the lids are to come down.
        change = wanted - np.maximum(now, 0.0) - np.minimum(now, 0.0) * wanted
        return np.asarray(expression + change @ self._drop, dtype=np.float32)


class NaturalMotion:
    """Everything besides speech, frame by frame. Feed `ahead` first: see RestGate."""

    def __init__(
        self,
        seed: int,
        face: Lids,
        blink: BlinkMode = "natural",
        pose: PoseMode = "natural",
        pose_scale: float = 1.0,
        gaze: GazeMode = "natural",
        accents: AccentMode = "natural",
    ) -> None:
        """accents: whether brows rise on stressed syllables. The others as in `natural`."""
        self._lower = list(face.lower)
        self._neutral = np.zeros(len(self._lower), dtype=np.float32)
        self._gate = RestGate()
        self._lids = LidMixer(face) if blink == "natural" else None
        self._blinks = BlinkMotion(seed)
        self._brows = BrowAccents(seed) if accents == "natural" else None
        self._raise = raised_brows(face)
        self._head = HeadMotion(seed) if pose == "natural" else None
        self._gaze = GazeMotion(seed, jumps=gaze == "natural")
        self._scale = pose_scale

    def ahead(self, activity: Iterable[float], stress: Iterable[float] = ()) -> None:
        """Once, before the first `next`: activity of the first ANTICIPATION_FRAMES frames, stress of the first
        AHEAD_FRAMES."""
        for level in activity:
            self._gate.next(level)
        for level in stress:
            if self._brows is not None:
                self._brows.ahead(level)

    def next(self, expression: Float, heard: Heard, manner: Manner = _USUAL) -> NaturalFrame:
        """The next frame. expression: (E,) from the motion model. manner: of the style at this frame."""
        activity = heard.activity
        lively = manner.lively
        rest = self._neutral if manner.rest is None else manner.rest[self._lower]
        weight = np.float32(self._gate.next(heard.activity_ahead))
        made = expression.astype(np.float32, copy=True)
        made[self._lower] = (1 - weight) * made[self._lower] + weight * rest
        if self._brows is not None:
            made += np.float32(self._brows.next(heard.stress_ahead, lively.brow_accent)) * self._raise
        if self._lids is not None:
            made = self._lids.close(made, self._blinks.next(activity, lively.blink_rate))
        rotation = translation = np.zeros(3, dtype=np.float32)
        if self._head is not None:
            turned, breath = self._head.next(activity, lively)
            rotation = turned * np.float32(self._scale)
            translation = place_of(rotation, breath * self._scale)
        return NaturalFrame(made, rotation, translation, self._gaze.next(activity, rotation, lively))


def natural(
    expression: Float,
    activity: Float,
    seed: int,
    face_model: Lids,
    blink: BlinkMode = "natural",
    pose: PoseMode = "natural",
    pose_scale: float = 1.0,
    manner: Manner = _USUAL,
    gaze: GazeMode = "natural",
    stress: Float | None = None,
) -> Motion:
    """Makes a Motion of what the motion model gives.

    expression: (T, E). activity: (T,) from rest.speech_activity. pose_scale: factor on the head's angles, 0 and more.
    manner: of the style. gaze: whether the eyes jump; while the head turns they hold the viewer all the same. stress:
    (T,) from stress.speech_stress, for brow accents; None: without them. The same seed gives the same motion.
    """
    frames = len(expression)
    heard = np.zeros(frames + ANTICIPATION_FRAMES, dtype=np.float32)
    heard[: min(frames, len(activity))] = activity[:frames]
    stressed = np.full(frames + AHEAD_FRAMES, UNSTRESSED, dtype=np.float32)
    if stress is not None:
        stressed[: min(frames, len(stress))] = stress[:frames]
    machine = NaturalMotion(seed, face_model, blink, pose, pose_scale, gaze, "off" if stress is None else "natural")
    machine.ahead(heard[:ANTICIPATION_FRAMES].tolist(), stressed[:AHEAD_FRAMES].tolist())
    motion = Motion(
        expression=np.empty((frames, expression.shape[1]), dtype=np.float32),
        rotation=np.empty((frames, 3), dtype=np.float32),
        translation=np.empty((frames, 3), dtype=np.float32),
        gaze=np.empty((frames, 4), dtype=np.float32),
    )
    for i in range(frames):
        now = Heard(float(heard[i]), float(heard[i + ANTICIPATION_FRAMES]), float(stressed[i + AHEAD_FRAMES]))
        frame = machine.next(expression[i], now, manner)
        motion.expression[i], motion.rotation[i] = frame.expression, frame.rotation
        motion.translation[i], motion.gaze[i] = frame.translation, frame.gaze
    return motion
