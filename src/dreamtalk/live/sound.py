"""The sound of a live talk: what was pushed, given back with the frames that it goes with."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

import numpy as np

from dreamtalk.types import SAMPLE_RATE, VIDEO_FPS, Float

FRAME_SAMPLES = SAMPLE_RATE // VIDEO_FPS
"""Samples that are heard with one frame."""

_AFTERWARDS = 2 * VIDEO_FPS
"""Frames without speech after which an utterance is over in any case."""


class FrameSound(NamedTuple):
    """What goes with one frame. samples: (FRAME_SAMPLES,), zeros where nothing is said. utterance: number of the one
    that goes on. ended: numbers of those that are over with this frame."""

    samples: Float
    utterance: int
    ended: tuple[int, ...]


class PushedSound:
    """The speech of a session that was pushed and not shown yet; what was shown is forgotten."""

    def __init__(self) -> None:
        self._lines: deque[_Utterance] = deque([_Utterance(0)])
        self._number = 0
        self._silent = 0

    def push(self, samples: Float) -> None:
        """More speech (n,) of the utterance that goes on, or of a new one."""
        if self._lines[-1].finished:
            self._next()
        self._lines[-1].push(samples)

    def finish(self) -> None:
        """The utterance is over."""
        self._lines[-1].finished = True

    def interrupt(self) -> None:
        """All of it is forgotten; the next is another utterance."""
        self._lines.clear()
        self._next()
        self._silent = 0

    def of(self, speech: float | None) -> FrameSound:
        """The sound of the next frame, which goes with that second of its utterance; None: with none."""
        ended = list[int]()
        while speech is not None and self._lines[0].finished and not self._lines[0].begun:  # has no frames
            ended.append(self._drop())
        first = self._lines[0]
        samples = np.zeros(FRAME_SAMPLES, np.float32) if speech is None else first.take(speech)
        self._silent = self._silent + 1 if speech is None else 0
        while self._lines[0].finished and (self._lines[0].shown or self._silent > _AFTERWARDS):
            ended.append(self._drop())
            self._silent = 0
        return FrameSound(samples, first.number, tuple(ended))

    def _drop(self) -> int:
        """The first utterance is over; its number."""
        number = self._lines.popleft().number
        if not self._lines:
            self._next()
        return number

    def _next(self) -> None:
        self._number += 1
        self._lines.append(_Utterance(self._number))


class _Utterance:
    def __init__(self, number: int) -> None:
        self.number, self.begun, self.finished = number, False, False
        self._parts: deque[Float] = deque()
        self._first = self._pushed = self._taken = 0

    @property
    def shown(self) -> bool:
        """Whether frames have covered all of it."""
        return self._taken >= self._pushed

    def push(self, samples: Float) -> None:
        self.begun = True
        if len(samples):
            self._parts.append(samples)
            self._pushed += len(samples)

    def take(self, speech: float) -> Float:
        """(FRAME_SAMPLES,) from that second on; what lies before is forgotten."""
        start = round(speech * SAMPLE_RATE)
        while self._parts and self._first + len(self._parts[0]) <= start:
            self._first += len(self._parts.popleft())
        self._taken = start + FRAME_SAMPLES
        sound, place = np.zeros(FRAME_SAMPLES, np.float32), self._first - start
        for part in self._parts:
            if place >= FRAME_SAMPLES:
                break
            piece = part[max(0, -place) : FRAME_SAMPLES - place]
            sound[max(0, place) : max(0, place) + len(piece)] = piece
            place += len(part)
        return sound
