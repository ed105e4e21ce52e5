"""Where the samples of a sound stream stand in time: holes in the time stamps become silence."""

from __future__ import annotations

GAP_SECONDS = 0.1
"""A hole longer than this is filled; shorter ones are rounding of the container."""

JUMP_SECONDS = 10.0
"""A step longer than this is a broken or restarted clock, not a hole."""


class StreamClock:
    """Follows decoded blocks of sound; time 0 is the start of the container, that is of the first video frame."""

    def __init__(self, start: float) -> None:
        """start: of the container, in seconds."""
        self._now = start
        self._first = True

    def silence_before(self, time: float | None, seconds: float) -> float:
        """Seconds of silence to put before a block that says it starts at ``time`` and lasts ``seconds``."""
        start = self._now if time is None else time
        hole = start - self._now
        fill = hole if (0.0 if self._first else GAP_SECONDS) < hole <= JUMP_SECONDS else 0.0
        self._now = max(start, self._now) + seconds
        self._first = False
        return fill
