"""Brows that rise on stressed syllables, not on all of them: a small, quick raise and a slower way back.

Real talkers differ widely in this (docs/natural_motion.md); sizes and shares are authored, the timing is measured.
"""

from __future__ import annotations

from collections import deque
from math import cos, pi

from dreamtalk.motion.chance import BROWS, Chance
from dreamtalk.motion.stress import UNSTRESSED
from dreamtalk.types import VIDEO_FPS

AHEAD_FRAMES = 8
"""Frames (320 ms) ahead that the stress is known: no more than the speech encoder hears ahead anyway."""

_PEAK_FRAMES = 3
"""Frames to either side that a peak of the stress is higher than."""

_WINDOW = 2 * _PEAK_FRAMES + 1
"""Frames of stress that are remembered."""

_RISE = (AHEAD_FRAMES - _PEAK_FRAMES) / VIDEO_FPS
"""Seconds up (0.2), to be up with the stressed syllable: tracked brows are, or just before it."""

_STAY = (0.04, 0.24)
"""Seconds it stays up."""

_FALL = 0.36
"""Seconds down."""

_SIZE = (0.7, 2.4)
"""% iod by which brows are raised."""

_LEAST = 0.8
"""Stress (StressMeter) of the faintest accent."""

_ABOVE = 0.9
"""Share of the usual peak of the stress that an accent reaches."""

_PEAKS = 8
"""Peaks over which the usual one is remembered."""

_SHARE = 0.6
"""Of such accents that brows follow."""

_PAUSE = 0.7
"""Seconds between two raises, from beginning to beginning."""


class BrowAccents:
    """Height of the brow raise, frame by frame. Feed `ahead` the stress of the first AHEAD_FRAMES frames first."""

    def __init__(self, seed: int) -> None:
        self._chance = Chance(seed, BROWS, 3)
        self._frame = 0
        self._stress: deque[float] = deque([UNSTRESSED] * _WINDOW, maxlen=_WINDOW)
        self._usual = _LEAST
        self._raises: deque[tuple[float, float, float]] = deque()  # start (s), seconds up, size (% iod)
        self._last = -_PAUSE

    def ahead(self, stress: float) -> None:
        """Stress of frames 0, 1, ... AHEAD_FRAMES - 1, before the first `next`."""
        self._stress.append(stress)

    def next(self, stress_ahead: float, size: float = 1.0) -> float:
        """Raise of both brows in % iod. stress_ahead: AHEAD_FRAMES after this frame. size: factor of the style."""
        now = self._frame / VIDEO_FPS
        self._stress.append(stress_ahead)
        if self._accent():
            draw = self._chance.uniform(self._frame)
            if now - self._last >= _PAUSE and float(draw[0]) < _SHARE:
                self._last = now
                stay = _STAY[0] + (_STAY[1] - _STAY[0]) * float(draw[1])
                self._raises.append((now, stay, _SIZE[0] + (_SIZE[1] - _SIZE[0]) * float(draw[2])))
        while self._raises and now > self._raises[0][0] + _RISE + self._raises[0][1] + _FALL:
            self._raises.popleft()
        self._frame += 1
        return size * max((height * _raised(now - start, stay) for start, stay, height in self._raises), default=0.0)

    def _accent(self) -> bool:
        """Whether a high peak of the stress is as far ahead as brows take to rise."""
        peak = self._stress[_PEAK_FRAMES]
        if peak < _LEAST or peak < max(self._stress):
            return False
        high = peak >= _ABOVE * self._usual
        self._usual += (peak - self._usual) / _PEAKS
        return high


def _raised(since: float, stay: float) -> float:
    """Share of the raise at `since` seconds after its beginning."""
    if since < _RISE:
        return 0.5 - 0.5 * cos(pi * max(since, 0.0) / _RISE)
    falling = (since - _RISE - stay) / _FALL
    return 1.0 if falling <= 0.0 else 0.5 + 0.5 * cos(pi * min(falling, 1.0))
