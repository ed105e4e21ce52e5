"""Makes the picture as quiet as can be where the detector of the invisible mark listens.

An edge is loud in waves across it and silent in those along it. So the picture is taken apart by length and direction
of its waves, each part is weighed, pixel by pixel, by the mark's strength over the part's own, and all are put
together again. Weighing by place alone hears half as much.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import cv2
import numpy as np

from dreamtalk.provenance.watermark import strength_of, texture_of
from dreamtalk.types import Float

_LENGTHS = 5.0 * 1.7 ** np.arange(4)
"""Wave lengths, px, at the middle of the parts; neighbours overlap by half."""

_DIRECTIONS = 4

_NEIGHBOURHOOD = 0.4
"""Sigma over which a part's strength is measured, in its wave lengths."""

_NOISE = 0.2
"""Variance that video encoders add to every part, squared grey levels."""

_TEXTURE = 2.0
"""Sigma, px, of the texture that says how strong the mark is."""

_EDGE = 24
"""The picture is mirrored this far beyond its right and lower edges, px, as a Fourier transform joins opposite ones."""


def whitened(brightness: Float) -> Float:
    """The picture (H, W), in no unit, in which no place, length or direction is louder than others; for waves of 4 to
    30 px. brightness: (H, W) in grey levels."""
    height, width = brightness.shape
    rows, columns = (cv2.getOptimalDFTSize(length + _EDGE) for length in (height, width))
    # A picture smaller than its border would be mirrored more than once: OpenCV does.
    framed = cv2.copyMakeBorder(brightness.astype(np.float32), 0, rows - height, 0, columns - width, cv2.BORDER_REFLECT)
    spectrum = cv2.dft(framed, flags=cv2.DFT_COMPLEX_OUTPUT)
    total = np.zeros_like(spectrum)
    for length, mask in _masks(rows, columns):
        # Half of the spectrum only: the size of the complex wave is its strength, its real part the wave.
        part = cv2.idft(spectrum * mask, flags=cv2.DFT_SCALE)
        wave = part[..., 0]
        power = cv2.GaussianBlur((part * part).sum(axis=2), (0, 0), _NEIGHBOURHOOD * length) / 2
        total += cv2.dft(wave / (power + _NOISE), flags=cv2.DFT_COMPLEX_OUTPUT) * mask
    quiet = cv2.idft(total, flags=cv2.DFT_SCALE)[:height, :width, 0]
    return np.asarray(quiet * strength_of(texture_of(brightness, _TEXTURE)), np.float32)


def _masks(rows: int, columns: int) -> Iterator[tuple[float, Float]]:
    """Each part's wave length and its mask (rows, columns, 1) for the spectrum."""
    logarithm, angle = _plane(rows, columns)
    step = np.log(_LENGTHS[1] / _LENGTHS[0])
    for length in _LENGTHS:
        ring = np.cos(np.clip((logarithm - np.log(length)) / step, -1, 1) * np.pi / 2)
        for direction in np.arange(_DIRECTIONS) * np.pi / _DIRECTIONS:
            away = (angle - direction + np.pi) % (2 * np.pi) - np.pi
            wedge = np.cos(np.clip(away * _DIRECTIONS / np.pi, -1, 1) * np.pi / 2)
            yield float(length), np.asarray(2 * ring * wedge, np.float32)[..., np.newaxis]


@lru_cache(maxsize=2)
def _plane(rows: int, columns: int) -> tuple[Float, Float]:
    """Logarithm of the wave length in px, and direction in rad, (rows, columns) each, of a spectrum."""
    down, across = np.fft.fftfreq(rows)[:, np.newaxis], np.fft.fftfreq(columns)[np.newaxis]
    size = np.maximum(np.hypot(across, down), 1e-9)
    return -np.log(size).astype(np.float32), np.arctan2(down, across).astype(np.float32)
