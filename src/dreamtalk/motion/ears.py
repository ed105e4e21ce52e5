"""What the motion model hears of a speech that arrives in pieces, at fixed places: the same for any pieces.

`LongEars` put the features of long windows side by side and give 2 s of frames at once. `QuickEars` give the few frames
that a short window keeps as soon as it is complete. Frames hear up to 0.14 s around them; here these neighbours come
from the same window, so that nothing waits for the next one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from dreamtalk.audio import WINDOWS, Latency, SpeechEncoder
from dreamtalk.audio.encoder import FEATURES_PER_FRAME
from dreamtalk.audio.windows import SampleBuffer
from dreamtalk.types import SAMPLE_RATE, VIDEO_FPS, Float

LONG_CHUNK = 50
"""Frames (2 s) that LongEars give at once: the encoder's window gives as much; more is no faster."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Features for some frames in a row. values: (N, width). first: number of the first of them within the speech.
    frames: how many frames they are for. shown: how many of these the speech still has; only its last piece has less.
    """

    values: Float
    first: int
    frames: int
    shown: int


class Ears(Protocol):
    """One use: push ..., finish; in between, `next` as long as it gives something."""

    def push(self, samples: Float) -> None:
        """Hear samples (n,) at 16 kHz, any n."""

    def finish(self, frames: int) -> None:
        """The speech has ended; it has so many frames in all."""

    def next(self) -> Piece | None:
        """The features of the next frames; None: more must be heard, or the speech is over."""


class LongEars:
    """In chunks of LONG_CHUNK frames, the last one shorter. reach: features needed around a frame's own."""

    def __init__(self, encoder: SpeechEncoder, reach: int) -> None:
        self._stream, self._reach = encoder.stream("quality"), reach
        self._heard = np.zeros((0, encoder.width), np.float32)
        self._first = self._made = 0
        self._total: int | None = None

    def push(self, samples: Float) -> None:
        self._heard = np.concatenate([self._heard, self._stream.push(samples)])

    def finish(self, frames: int) -> None:
        self._heard = np.concatenate([self._heard, self._stream.finish()])
        self._total = frames

    def next(self) -> Piece | None:
        frames = LONG_CHUNK if self._total is None else min(LONG_CHUNK, self._total - self._made)
        needed = FEATURES_PER_FRAME * (self._made + frames) + self._reach
        if frames == 0 or (self._total is None and self._first + len(self._heard) < needed):
            return None
        piece = Piece(self._heard, self._first, frames, frames)
        self._made += frames
        done = max(0, FEATURES_PER_FRAME * self._made - self._reach - self._first)
        self._heard, self._first = self._heard[done:], self._first + done
        return piece


class QuickEars:
    """In chunks of as many frames as a short window keeps. After the end there is silence."""

    def __init__(self, encoder: SpeechEncoder, reach: int, latency: Latency = "live") -> None:
        self._encoder, self._reach = encoder, reach
        self._window = WINDOWS[latency]
        self._buffer = SampleBuffer(self._window)
        self._made = 0
        self._total: int | None = None

    def push(self, samples: Float) -> None:
        self._buffer.push(samples)

    def finish(self, frames: int) -> None:
        self._total = frames

    def next(self) -> Piece | None:
        over = self._total is not None and self._made >= self._total
        if over or (self._total is None and not self._buffer.ready()):
            return None
        frames = self._window.keep // FEATURES_PER_FRAME
        values = self._encoder.window(self._buffer.pop(), self._window, self._reach)
        first = FEATURES_PER_FRAME * self._made - self._reach
        shown = frames if self._total is None else min(frames, self._total - self._made)
        before = max(0, -first)  # the speech goes on before its beginning as it began, as with LongEars
        self._made += frames
        return Piece(values[before:], first + before, frames, shown)


def silence(encoder: SpeechEncoder, reach: int, frames: int) -> Piece:
    """Features of so many frames in the middle of a long silence; `first` counts from the first of these frames."""
    window = WINDOWS["live"]
    steady = encoder.window(np.zeros(window.samples, np.float32), window)[window.keep // 2]
    return Piece(np.tile(steady, (FEATURES_PER_FRAME * frames + 2 * reach, 1)), -reach, frames, frames)


def frames_of(samples: int) -> int:
    """Frames that cover so many samples, at least one."""
    return max(1, -(-samples * VIDEO_FPS // SAMPLE_RATE))
