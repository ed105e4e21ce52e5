"""Log-mel spectrogram as Whisper hears it, but with a fixed floor instead of one that follows the loudest frame.

Whisper (Radford et al. 2022, section 2.2) clamps each 30 s window at its own maximum minus 8 decades. In short windows
that makes the same instant look different from window to window, and lets the faint noise of a pause appear as soon as
nobody speaks within the window. Here the floor is a constant, so that every spectrogram frame depends
on nothing but its own 400 samples. docs/audio.md shows the comparison.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from dreamtalk.types import SAMPLE_RATE, Float

FFT_SIZE = 400
"""Samples per spectrogram frame (25 ms)."""

HOP = 160
"""Samples between spectrogram frames (10 ms)."""

MEL_BANDS = 80

FLOOR = -6.5
"""Smallest log10 mel power told apart from silence: 8 decades below 1.5, where ordinary recorded speech is loudest."""

_LEAST_POWER = 1e-10
"""Mel power that stands for zero before the logarithm (Whisper's constant)."""


def _slaney_mel(hertz: NDArray[np.float64]) -> NDArray[np.float64]:
    """Slaney's mel scale: linear below 1 kHz (200/3 Hz per mel), logarithmic above (27 mel per factor 6.4)."""
    linear = hertz * 3.0 / 200.0
    return np.where(hertz < 1000.0, linear, 15.0 + 27.0 * np.log(np.maximum(hertz, 1e-9) / 1000.0) / math.log(6.4))


def _slaney_hertz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    """Inverse of `_slaney_mel`."""
    return np.where(mel < 15.0, mel * 200.0 / 3.0, 1000.0 * np.exp((mel - 15.0) * math.log(6.4) / 27.0))


def mel_filters() -> Float:
    """Triangular filters (80, 201) of equal area from 0 Hz to 8 kHz."""
    bins = np.linspace(0.0, SAMPLE_RATE / 2, FFT_SIZE // 2 + 1)
    top = float(_slaney_mel(np.asarray(SAMPLE_RATE / 2)))
    corners = _slaney_hertz(np.linspace(0.0, top, MEL_BANDS + 2))
    low, centre, high = corners[:-2, None], corners[1:-1, None], corners[2:, None]
    rising = (bins - low) / (centre - low)
    falling = (high - bins) / (high - centre)
    triangles = np.maximum(0.0, np.minimum(rising, falling)) * 2.0 / (high - low)
    return triangles.astype(np.float32)


class LogMel(nn.Module):
    """Samples to normalised log-mel frames. Holds no trained numbers."""

    window: Tensor
    filters: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("window", torch.hann_window(FFT_SIZE), persistent=False)
        self.register_buffer("filters", torch.from_numpy(mel_filters()), persistent=False)

    def forward(self, samples: Tensor) -> Tensor:
        """samples: (B, 160 n + 240), frame i centred on sample 160 i + 200. Returns (B, 80, n), about -0.6 to 1.6."""
        spectrum = torch.stft(samples, FFT_SIZE, HOP, window=self.window, center=False, return_complex=True)
        power = self.filters @ spectrum.abs().square()  # (B, 80, n)
        log_power = power.clamp(min=_LEAST_POWER).log10().clamp(min=FLOOR)
        return (log_power + 4.0) / 4.0
