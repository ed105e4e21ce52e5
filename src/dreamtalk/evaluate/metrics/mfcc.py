"""Mel-frequency cepstral coefficients exactly as SyncNet was trained with (the defaults of python_speech_features)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dreamtalk.types import SAMPLE_RATE, Float

COEFFICIENTS = 13
FRAMES_PER_SECOND = 100

_WINDOW, _HOP, _FFT = 400, 160, 512
"""Samples: 25 ms, 10 ms, and the transform's length."""
_FILTERS = 26
_PRE_EMPHASIS = 0.97
_LIFTER = 22
_FULL_SCALE = 32768.0
"""The network heard 16-bit numbers."""


def mfcc(samples: Float) -> Float:
    """Samples (S,) in [-1, 1] at 16 kHz to (13, T), T = 100 per second; number 0 is the log energy."""
    signal = np.asarray(samples, dtype=np.float64) * _FULL_SCALE
    signal = np.append(signal[:1], signal[1:] - _PRE_EMPHASIS * signal[:-1])
    frames = 1 + max(0, -(-(len(signal) - _WINDOW) // _HOP))
    signal = np.pad(signal, (0, max(0, (frames - 1) * _HOP + _WINDOW - len(signal))))
    windows = np.lib.stride_tricks.sliding_window_view(signal, _WINDOW)[::_HOP][:frames]
    power = np.abs(np.fft.rfft(windows, _FFT)) ** 2 / _FFT
    energy = np.log(_positive(power.sum(axis=1)))
    cepstrum = np.log(_positive(power @ _filters().T)) @ _cosines().T
    n = np.arange(COEFFICIENTS)
    cepstrum *= 1 + _LIFTER / 2 * np.sin(np.pi * n / _LIFTER)
    cepstrum[:, 0] = energy
    return np.ascontiguousarray(cepstrum.T, dtype=np.float32)


def _positive(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(values == 0, np.finfo(np.float64).eps, values)


def _filters() -> NDArray[np.float64]:
    """(26, 257) triangles, evenly spaced in mel from 0 to half the sample rate."""
    mel = np.linspace(0, 2595 * np.log10(1 + SAMPLE_RATE / 2 / 700), _FILTERS + 2)
    corner = np.floor((_FFT + 1) * 700 * (10 ** (mel / 2595) - 1) / SAMPLE_RATE)
    bins = np.arange(_FFT // 2 + 1)
    bank = np.zeros((_FILTERS, len(bins)))
    for i, (left, top, right) in enumerate(zip(corner, corner[1:], corner[2:], strict=False)):
        rising = (bins >= left) & (bins < top)
        falling = (bins >= top) & (bins < right)
        bank[i, rising] = (bins[rising] - left) / (top - left)
        bank[i, falling] = (right - bins[falling]) / (right - top)
    return bank


def _cosines() -> NDArray[np.float64]:
    """(13, 26): the orthonormal cosine transform of the second kind."""
    k, n = np.arange(COEFFICIENTS)[:, None], np.arange(_FILTERS)
    table = np.sqrt(2 / _FILTERS) * np.cos(np.pi * k * (2 * n + 1) / (2 * _FILTERS))
    table[0] /= np.sqrt(2)
    return np.asarray(table, dtype=np.float64)
