"""Head motion of somebody talking calmly: posture that shifts with phrases, sway, nods on accents, breath.

All of it starts at rest in the portrait's own pose and is smooth: every part is a damped spring, pushed by chance and
by the loudness of the speech. Amplitudes are those of calm talkers in tracked clips (docs/natural_motion.md); the whole
stays within about 6 degrees, which the renderer can show.
"""

from __future__ import annotations

from math import exp, pi, sin

import numpy as np
from numpy.typing import NDArray

from dreamtalk.motion.chance import HEAD, Chance
from dreamtalk.motion.rest import SPEAKING
from dreamtalk.types import VIDEO_FPS, Float, Liveliness

_STEP = 1.0 / VIDEO_FPS
"""Seconds between frames."""

LIMIT = 6.0
"""Degrees that no angle passes."""

_NECK = np.array([0.0, 1.1, 0.8])
"""Where the head turns, in iod from the middle of the face: down, and back into the head."""

_POSTURE = np.array([1.6, 2.4, 1.7])
"""Standard deviation of the postures in degrees: nod, turn, tilt."""

_POSTURE_SPEED = 3.4
"""Of the move into a new posture, 1/s: it takes about a second."""

_PHRASE_PAUSE = 0.3
"""Seconds of silence after which speech begins a new phrase."""

_SHIFT_AT_PHRASE = 0.8
"""Chance that a new phrase brings a new posture."""

_SHIFTS = (0.30, 0.10)
"""New postures per second within speech, in silence."""

_SILENT_POSTURE = 0.6
"""Size of postures taken up in silence, relative to those in speech."""

_SWAY = np.array([0.70, 0.75, 0.45])
"""Standard deviation of the sway in speech, degrees."""

_SWAY_RATE = 2 * pi * 0.55
"""Its natural frequency, rad/s."""

_SWAY_DAMPING = 0.55
_SWAY_SILENT = 0.35
"""Size of the sway in silence, relative to that in speech."""

_BEAT = np.array([0.62, 0.42, 0.24])
"""Standard deviation of the small quick movements that go with loud syllables, degrees."""

_BEAT_RATE = 2 * pi * 1.6
"""Their natural frequency, rad/s."""

_BEAT_DAMPING = 0.5

_AROUSAL_TIME = 0.5
"""Seconds over which speech wakes the sway and silence calms it."""

_ACCENT = (0.72, 0.22)
"""Activity that an accent reaches, and by how much it rose in two frames."""

_NOD_CHANCE = 0.55
_NOD_PAUSE = 0.55
"""Seconds between nods."""

_NOD_SIZE = (1.0, 2.9)
"""Degrees."""

_NOD_UP = 0.25
"""Share of nods that lift the chin instead."""

_NOD_ASIDE = 0.35
"""How much of a nod may go into a turn or a tilt."""

_NOD_TIME = 0.2
"""Seconds for which the head is pulled; it is back after three times that."""

_NOD_SPEED = 9.0
"""Of the spring, 1/s."""

_BREATHS = (0.22, 0.28)
"""Per second."""

_BREATH_NOD = 0.18
"""Degrees."""

_BREATH_LIFT = 0.005
"""iod, up and down."""

_USUAL = Liveliness()

Vector = NDArray[np.float64]


class _Spring:
    """Three damped springs side by side, at rest at 0; exact for a push that is constant within a frame."""

    def __init__(self, rate: float, damping: float) -> None:
        self._rate, self._damping = rate, damping
        self.place: Vector = np.zeros(3)
        self._speed: Vector = np.zeros(3)
        self._substeps = 4

    def move(self, target: Vector, pace: float = 1.0) -> Vector:
        """One frame towards `target`. pace: factor on the spring's rate."""
        dt, rate = _STEP / self._substeps, self._rate * pace
        for _ in range(self._substeps):  # semi-implicit: stable and smooth at these rates
            pull = rate**2 * (target - self.place) - 2 * self._damping * rate * self._speed
            self._speed = self._speed + dt * pull
            self.place = self.place + dt * self._speed
        return self.place


class HeadMotion:
    """Rotation and translation of the head, frame by frame. Needs nothing of the future."""

    def __init__(self, seed: int) -> None:
        self._chance = Chance(seed, HEAD, 10)
        self._frame = 0
        self._posture = _Spring(_POSTURE_SPEED, 1.0)
        self._sway = _Spring(_SWAY_RATE, _SWAY_DAMPING)
        self._beat = _Spring(_BEAT_RATE, _BEAT_DAMPING)
        self._nod = _Spring(_NOD_SPEED, 1.0)
        self._target: Vector = np.zeros(3)
        self._arousal = 0.0
        self._silent = _PHRASE_PAUSE
        self._since_nod = 0.0
        self._nodding: Vector = np.zeros(3)
        self._before = (0.0, 0.0)
        first = self._chance.uniform(0)
        self._breaths = _BREATHS[0] + (_BREATHS[1] - _BREATHS[0]) * float(first[9])

    def next(self, activity: float, lively: Liveliness = _USUAL) -> tuple[Float, float]:
        """Rotation (3,) in radians relative to the portrait's pose, in picture axes, and the lift of breath in iod.

        The translation that belongs to them is `place_of`. activity: see speech_activity. lively: of the style.
        """
        u, n = self._chance.uniform(self._frame), self._chance.normal(self._frame).astype(np.float64)
        speaking = activity >= SPEAKING
        self._arousal += (float(speaking) - self._arousal) * (1 - exp(-_STEP / _AROUSAL_TIME))
        pace = lively.head_pace
        self._shift(speaking, float(u[0]), n[:3], pace)
        self._accent(activity, u[1:6])
        self._silent = 0.0 if speaking else self._silent + _STEP
        self._before = (self._before[1], activity)

        size = lively.head_range * _SWAY * (_SWAY_SILENT + (1 - _SWAY_SILENT) * self._arousal)
        lowered = np.array([lively.head_drop, 0.0, 0.0])
        angles = self._posture.move(lively.head_range * self._target + lowered, pace)
        angles = angles + self._sway.move(size * n[3:6] * _push_for_unit(_SWAY_RATE * pace, _SWAY_DAMPING), pace)
        beat = lively.head_range * _BEAT * min(activity, 1.0)
        angles = angles + self._beat.move(beat * n[6:9] * _push_for_unit(_BEAT_RATE * pace, _BEAT_DAMPING), pace)
        angles = angles + self._nod.move(lively.nod * self._nodding if self._since_nod < _NOD_TIME else np.zeros(3))
        breath = sin(2 * pi * self._breaths * self._frame * _STEP)
        angles = angles + np.array([_BREATH_NOD * breath, 0.0, 0.0])
        self._frame += 1
        rotation = np.radians(LIMIT * np.tanh(angles / LIMIT))
        return rotation.astype(np.float32), _BREATH_LIFT * breath

    def _shift(self, speaking: bool, chance: float, direction: Vector, pace: float) -> None:
        """Takes up a new posture, often where a phrase begins."""
        if speaking and self._silent >= _PHRASE_PAUSE:
            likely = _SHIFT_AT_PHRASE
        else:
            likely = _SHIFTS[0 if speaking else 1] * pace * _STEP
        if chance < likely:
            drawn = np.clip(direction, -1.8, 1.8) * _POSTURE
            self._target = drawn * (1.0 if speaking else _SILENT_POSTURE)

    def _accent(self, activity: float, u: Float) -> None:
        """Nods where the speech swells up, not every time."""
        self._since_nod += _STEP
        level, rise = _ACCENT
        swells = activity >= level and activity - self._before[0] >= rise
        if swells and self._since_nod >= _NOD_PAUSE and float(u[0]) < _NOD_CHANCE:
            self._since_nod = 0.0
            size = _NOD_SIZE[0] + (_NOD_SIZE[1] - _NOD_SIZE[0]) * float(u[1])
            aside = _NOD_ASIDE * (2 * u[3:5].astype(np.float64) - 1)
            reached = 1 - (1 + _NOD_SPEED * _NOD_TIME) * exp(-_NOD_SPEED * _NOD_TIME)  # of the pull, by such a spring
            self._nodding = size / reached * np.array([-1.0 if float(u[2]) < _NOD_UP else 1.0, aside[0], aside[1]])


def place_of(rotation: Float | Vector, lift: float = 0.0) -> Float:
    """Translation (3,) in iod of the middle of the face when the head turns by rotation (3,) rad about the neck.

    lift: of the whole head, iod, downwards.
    """
    moved = _NECK - _matrix(rotation) @ _NECK
    moved[1] += lift
    return np.asarray(moved, dtype=np.float32)


def _matrix(rotation: Float | Vector) -> Vector:
    """R = Rz Ry Rx of angles (3,) in radians."""
    (cx, cy, cz), (sx, sy, sz) = np.cos(rotation), np.sin(rotation)
    return np.array(
        [
            [cz * cy, cz * sy * sx - sz * cx, cz * sy * cx + sz * sx],
            [sz * cy, sz * sy * sx + cz * cx, sz * sy * cx - cz * sx],
            [-sy, cy * sx, cy * cx],
        ]
    )


def _push_for_unit(rate: float, damping: float) -> float:
    """Standard deviation of white pushes, one per frame, that makes a spring's place have standard deviation 1.

    A damped oscillator under white noise of spectral density s has variance s / (4 damping rate^3); pushes p per frame
    into rate^2 (p - place) have density rate^4 p^2 times the frame's duration.
    """
    return float(np.sqrt(4 * damping / (rate * _STEP)))
