"""Where the encoder's windows lie. Fixed positions make the result independent of how the audio arrives."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dreamtalk.audio.mel import FFT_SIZE, HOP
from dreamtalk.types import FEATURE_RATE, SAMPLE_RATE, Float, Latency

STEP = SAMPLE_RATE // FEATURE_RATE
"""Samples per feature."""


@dataclass(frozen=True, slots=True)
class Window:
    """One window hears `before + keep + after` features' worth of sound (50 per second) and gives the `keep`."""

    before: int
    keep: int
    after: int

    @property
    def length(self) -> int:
        """Features in one window, kept or not."""
        return self.before + self.keep + self.after

    @property
    def samples(self) -> int:
        """Samples that one window hears, with what its outermost mel frames reach into on either side."""
        return self.length * STEP + FFT_SIZE - HOP

    def first_sample(self, index: int) -> int:
        """Where window `index` starts, in samples of the file; negative before its beginning."""
        return (index * self.keep - self.before) * STEP - FFT_SIZE // 2

    def needed(self, index: int) -> int:
        """Samples of the file that must have arrived before window `index` can be computed."""
        return self.first_sample(index) + self.samples


WINDOWS: dict[Latency, Window] = {
    "quality": Window(before=25, keep=100, after=25),
    "live": Window(before=50, keep=6, after=10),
}
"""quality: 3 s, the central 2 s kept. live: 1.3 s, 0.12 s kept, 0.2 s of right context, so a delay of 0.2 to 0.32 s."""


class SampleBuffer:
    """Keeps just the samples that future windows need; anything outside the file is zero."""

    def __init__(self, window: Window) -> None:
        self._window = window
        self._held = np.zeros(-window.first_sample(0), np.float32)

    def push(self, samples: Float) -> None:
        """Add the next samples (n,) of the file."""
        self._held = np.concatenate([self._held, samples.astype(np.float32, copy=False)])

    def ready(self) -> bool:
        """True when the next window is complete."""
        return len(self._held) >= self._window.samples

    def pop(self) -> Float:
        """Samples of the next window, padded with zeros if the file has ended within it."""
        window = self._window
        block = self._held[: window.samples]
        block = np.pad(block, (0, window.samples - len(block)))
        self._held = self._held[window.keep * STEP :].copy()
        return block
