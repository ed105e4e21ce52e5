"""Where the eyes look: mostly at the viewer, in small jumps between fixations, now and then away and back.

The eyes keep their target while the head turns (the vestibulo-ocular reflex); without that a moving head looks absent.
"""

from __future__ import annotations

import numpy as np

from dreamtalk.motion.chance import GAZE, Chance
from dreamtalk.motion.rest import SPEAKING
from dreamtalk.types import VIDEO_FPS, Float, Liveliness

EYE_RADIUS = 0.132
"""Radius of the eyeball in iod (12 mm of 91 mm): how far the iris moves for a turn of one radian."""

_NEAR = np.array([0.7, 0.5])
"""Spread of fixations on the viewer's face, degrees sideways, up and down."""

_STAY = (0.35, 1.6)
"""Seconds of a fixation on the viewer; most are short."""

_AVERT = (0.10, 0.05)
"""Share of fixations that leave the viewer, in speech (thinking), in silence."""

_AWAY = (3.5, 7.0)
"""Degrees of such a glance."""

_AWAY_STAY = (0.3, 0.9)
"""Seconds it lasts."""

_FLAT = 0.6
"""Glances go sideways rather than up or down: factor on the vertical part."""

_BIG = 2.5
"""Degrees from which a jump takes two frames instead of one."""

_FIRST = 0.8
"""Seconds before the first jump: the portrait keeps its own gaze at first."""


_USUAL = Liveliness()


class GazeMotion:
    """Offset of the irises, frame by frame. Needs nothing of the future."""

    def __init__(self, seed: int, jumps: bool = True) -> None:
        """jumps: whether the eyes leave the middle; without, they only make up for the head."""
        self._jumps = jumps
        self._chance = Chance(seed, GAZE, 5)
        self._frame = 0
        self._until = round(_FIRST * VIDEO_FPS)
        self._away = False
        self._target = np.zeros(2)
        self._now = np.zeros(2)

    def next(self, activity: float, rotation: Float, lively: Liveliness = _USUAL) -> Float:
        """Offset (4,) in iod of the person's right iris (x, y) and left iris (x, y), x to the picture's right, y down.

        activity: of speech at this frame. rotation: (3,) of the head at this frame, radians. lively: of the style.
        """
        if self._jumps and self._frame >= self._until:
            self._jump(activity, self._chance.uniform(self._frame), self._chance.normal(self._frame), lively)
        step = self._target - self._now
        self._now = self._now + (step * 0.65 if np.hypot(*step) > _BIG else step)
        self._frame += 1
        turned = np.radians(self._now) + _held(rotation)
        offset = EYE_RADIUS * np.sin(turned)
        return np.concatenate([offset, offset]).astype(np.float32)

    def _jump(self, activity: float, u: Float, n: Float, lively: Liveliness) -> None:
        """Chooses the next fixation and how long it lasts."""
        averts = lively.glance_rate * _AVERT[0 if activity >= SPEAKING else 1]
        self._away = not self._away and float(u[0]) < averts
        if self._away:
            size = _AWAY[0] + (_AWAY[1] - _AWAY[0]) * float(u[1])
            angle = 2 * np.pi * float(u[2])
            self._target = size * np.array([np.cos(angle), _FLAT * np.sin(angle)])
            stay = _AWAY_STAY[0] + (_AWAY_STAY[1] - _AWAY_STAY[0]) * float(u[3])
        else:
            self._target = _NEAR * np.clip(n[:2].astype(np.float64), -2.0, 2.0)
            self._target[1] += lively.gaze_drop
            stay = _STAY[0] + (_STAY[1] - _STAY[0]) * float(u[3]) ** 2
        self._until = self._frame + max(2, round(stay / lively.gaze_pace * VIDEO_FPS))


def _held(rotation: Float) -> Float:
    """Turn of the eyes (x, y) in radians that keeps their target while the head is turned by rotation (3,).

    A positive rotation about y turns the nose to the picture's left, one about x turns it down: the eyes go the other
    way.
    """
    return np.array([rotation[1], -rotation[0]])
