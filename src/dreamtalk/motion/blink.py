"""Blinks as talking people blink: about one in three seconds, a little more often where speech pauses.

Measured on 26 minutes of tracked talkers (docs/natural_motion.md): a lid closes in 2 to 3 frames, is shut for 1 to 2
and opens in 3 to 5, slower towards the end; a tenth only reaches half way; some come in pairs.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from math import cos, pi

import numpy as np

from dreamtalk.motion.chance import BLINK, Chance
from dreamtalk.motion.rest import SPEAKING
from dreamtalk.types import VIDEO_FPS, Float

_RATE_SPEAKING = 0.36
"""Blinks per second that may start while speech sounds, after the refractory time."""

_RATE_PAUSING = 2.2
"""The same in the first moments of a pause: people blink at the end of phrases."""

_RATE_SILENT = 0.46
"""The same in longer silence."""

_PAUSE = 0.4
"""Seconds of silence that count as the first moments of a pause."""

_REFRACTORY = 0.9
"""Seconds between the end of a blink and the next one, pairs aside."""

_STARING = 5.5
"""Seconds without a blink after which the rate rises by `_STARING_GAIN`: eyes get dry."""

_STARING_GAIN = 3.0

_UNBLINKING = (1.5, 10.0)
"""A portrait that has never blinked looks like a photo: after so many seconds its rate rises by this gain."""

_FIRST = 0.5
"""Seconds before the first blink: the portrait is seen with its eyes as they are."""

_CLOSING = (0.080, 0.120)
"""Seconds a lid takes to fall."""

_SHUT = (0.042, 0.070)
"""Seconds it stays down: longer than a frame, so that every blink has a frame with shut eyes."""

_OPENING = (0.130, 0.200)
"""Seconds it takes to rise."""

_OPENING_SHAPE = 0.8
"""Below 1: quick at first, then slower."""

_HALF = (0.12, 0.45, 0.75)
"""Share of blinks that do not close the eye, and how far those go."""

_PAIRED = (0.08, 0.10, 0.30)
"""Share of blinks followed by another, and the seconds between them."""

_SKEW = 0.008
"""Seconds by which one eye may be ahead of the other."""

_UNEVEN = 0.04
"""By how much one lid may fall short of the other."""


@dataclass(frozen=True, slots=True)
class Blink:
    """start, closing, shut, opening: seconds. depth: (right, left) 0..1. skew: seconds the left eye is late."""

    start: float
    closing: float
    shut: float
    opening: float
    depth: tuple[float, float]
    skew: float

    @property
    def end(self) -> float:
        return self.start + self.closing + self.shut + self.opening + _SKEW

    def at(self, time: float) -> Float:
        """Closure (2,) of the person's right and left eye at a time in seconds: 0 open, 1 shut."""
        late = (0.0, self.skew)
        return np.array([d * self._fallen(time - s) for d, s in zip(self.depth, late, strict=True)], dtype=np.float32)

    def _fallen(self, time: float) -> float:
        since = time - self.start
        if since <= 0:
            return 0.0
        if since < self.closing:
            return 0.5 - 0.5 * cos(pi * since / self.closing)
        risen = (since - self.closing - self.shut) / self.opening
        return 1.0 if risen <= 0 else 0.5 + 0.5 * cos(pi * min(risen, 1.0) ** _OPENING_SHAPE)


class BlinkMotion:
    """Closure of both eyes, frame by frame. Needs nothing of the future."""

    def __init__(self, seed: int) -> None:
        self._chance = Chance(seed, BLINK, 10)
        self._frame = 0
        self._silent = _PAUSE  # speech that has not begun is no pause
        self._blinks: deque[Blink] = deque()
        self._has_blinked = False
        self._rested = _FIRST - _REFRACTORY  # time from which the refractory time counts

    def next(self, activity: float, frequency: float = 1.0) -> Float:
        """Closure (2,) right and left, 0 open to 1 shut. activity: see speech_activity. frequency: factor on how often
        eyes blink."""
        now = self._frame / VIDEO_FPS
        self._silent = 0.0 if activity >= SPEAKING else self._silent + 1 / VIDEO_FPS
        while self._blinks and self._blinks[0].end <= now:
            self._rested = self._blinks.popleft().end
        draw = self._chance.uniform(self._frame)
        if not self._blinks and float(draw[0]) < self._rate(now, frequency) / VIDEO_FPS:
            self._begin(now, draw)
        self._frame += 1
        closure = np.zeros(2, dtype=np.float32)
        for blink in self._blinks:
            closure = np.maximum(closure, blink.at(now))
        return closure

    def _rate(self, now: float, frequency: float) -> float:
        """Blinks per second that may start now, `frequency` times the usual."""
        waited = now - self._rested
        if waited < _REFRACTORY / frequency:
            return 0.0
        rate = frequency * _RATE_SPEAKING
        if self._silent > 0:
            rate = frequency * (_RATE_PAUSING if self._silent < _PAUSE else _RATE_SILENT)
        if not self._has_blinked and now > _UNBLINKING[0]:
            return rate * _UNBLINKING[1]
        return rate * (_STARING_GAIN if waited > _STARING / frequency else 1.0)

    def _begin(self, now: float, draw: Float) -> None:
        """Plans a blink that starts within this frame, perhaps with a second one after it."""
        u = [float(x) for x in draw]
        share, shallow, deep = _HALF
        depth = 1.0 if u[1] > share else shallow + (deep - shallow) * u[1] / share
        lids = (depth * (1 - _UNEVEN * u[2]), depth) if u[3] < 0.5 else (depth, depth * (1 - _UNEVEN * u[2]))
        first = Blink(
            start=now - u[4] / VIDEO_FPS,
            closing=_within(_CLOSING, u[5]),
            shut=_within(_SHUT, u[6]),
            opening=_within(_OPENING, u[7]),
            depth=lids,
            skew=_SKEW * (2 * u[8] - 1),
        )
        self._blinks.append(first)
        self._has_blinked = True
        share, soon, late = _PAIRED
        if u[9] < share:
            start = first.end + _within((soon, late), u[9] / share)
            self._blinks.append(Blink(start, first.closing, first.shut, first.opening, (lids[1], lids[0]), -first.skew))


def _within(span: tuple[float, float], share: float) -> float:
    """The value at a share of the way through a span."""
    return span[0] + (span[1] - span[0]) * share
