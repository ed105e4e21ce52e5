"""What makes a talking face live besides its lips: blinks, gaze, head motion, and a mouth at rest in silence.

`natural` does it for a whole motion, `NaturalMotion` frame by frame for a stream; both give the same numbers.
"""

from __future__ import annotations

from typing import Literal, NamedTuple, Protocol

import numpy as np

from dreamtalk.face.arkit import weights
from dreamtalk.motion.blink import BlinkMotion
from dreamtalk.motion.gaze import GazeMotion
from dreamtalk.motion.head import HeadMotion, place_of
from dreamtalk.motion.rest import ANTICIPATION_FRAMES, RestGate
from dreamtalk.types import Float, Liveliness, Motion

BlinkMode = Literal["natural", "off"]
PoseMode = Literal["natural", "still"]
GazeMode = Literal["natural", "still"]


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
    ) -> None:
        """As in `natural`."""
        self._lower = list(face.lower)
        self._neutral = np.zeros(len(self._lower), dtype=np.float32)
        self._gate = RestGate()
        self._lids = LidMixer(face) if blink == "natural" else None
        self._blinks = BlinkMotion(seed)
        self._head = HeadMotion(seed) if pose == "natural" else None
        self._gaze = GazeMotion(seed, jumps=gaze == "natural")
        self._scale = pose_scale

    def ahead(self, activity: float) -> None:
        """Activity of frames 0, 1, ... ANTICIPATION_FRAMES - 1, before the first `next`."""
        self._gate.next(activity)

    def next(self, expression: Float, activity: float, activity_ahead: float, manner: Manner = _USUAL) -> NaturalFrame:
        """The next frame.

        expression: (E,) from the motion model. activity: of speech at this frame; activity_ahead: ANTICIPATION_FRAMES
        later. manner: of the style at this frame.
        """
        lively = manner.lively
        rest = self._neutral if manner.rest is None else manner.rest[self._lower]
        weight = np.float32(self._gate.next(activity_ahead))
        made = expression.astype(np.float32, copy=True)
        made[self._lower] = (1 - weight) * made[self._lower] + weight * rest
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
) -> Motion:
    """Makes a Motion of what the motion model gives.

    expression: (T, E). activity: (T,) from rest.speech_activity. pose_scale: factor on the head's angles, 0 and more.
    manner: of the style. gaze: whether the eyes jump; while the head turns they hold the viewer all the same. The same
    seed gives the same motion.
    """
    frames = len(expression)
    heard = np.zeros(frames + ANTICIPATION_FRAMES, dtype=np.float32)
    heard[: min(frames, len(activity))] = activity[:frames]
    machine = NaturalMotion(seed, face_model, blink, pose, pose_scale, gaze)
    for level in heard[:ANTICIPATION_FRAMES]:
        machine.ahead(float(level))
    motion = Motion(
        expression=np.empty((frames, expression.shape[1]), dtype=np.float32),
        rotation=np.empty((frames, 3), dtype=np.float32),
        translation=np.empty((frames, 3), dtype=np.float32),
        gaze=np.empty((frames, 4), dtype=np.float32),
    )
    for i in range(frames):
        frame = machine.next(expression[i], float(heard[i]), float(heard[i + ANTICIPATION_FRAMES]), manner)
        motion.expression[i], motion.rotation[i] = frame.expression, frame.rotation
        motion.translation[i], motion.gaze[i] = frame.translation, frame.gaze
    return motion
