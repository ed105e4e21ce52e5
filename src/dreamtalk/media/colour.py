"""Other colours to those of an ordinary screen: HDR (PQ, HLG), wide gamuts (BT.2020, Display P3, Adobe RGB) to sRGB.

The curves are those of the standards: PQ is SMPTE ST 2084, HLG is ITU-R BT.2100, the bending of bright tones is the
Hermite curve of ITU-R BT.2390 (5.4.1), diffuse white stands at 203 cd/m² as ITU-R BT.2408 wants it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from dreamtalk.types import Float, Image

WHITE_NITS = 203.0
"""What HDR makes of a white sheet of paper, cd/m² (BT.2408): the white of our pictures."""

PEAK_NITS = 1000.0
"""Brightest light that keeps a tone of its own, cd/m²: what phones and films are graded for. Brighter is white."""

_PQ_NITS = 10_000.0
"""Light of PQ's highest value, cd/m²."""

_HLG_GAMMA = 1.2
"""Exponent of HLG from scene to screen at PEAK_NITS."""

_HLG_A, _HLG_B, _HLG_C = 0.17883277, 0.28466892, 0.55991073
_PQ_M1, _PQ_M2 = 2610 / 16384, 2523 / 4096 * 128
_PQ_C1, _PQ_C2, _PQ_C3 = 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32

_BITS = 12
"""Of stored values that count: as many as the finest videos have."""

_LEVELS = 1 << _BITS
"""Entries of a table from stored values to light."""

_SCREEN_LEVELS = 65_536
"""Entries of the table from light to 8 bits: sRGB is steep near black."""

_STRIP_PIXELS = 100_000
"""Pixels converted at a time: few enough for the processor's cache, and little memory for any picture."""

_D65 = (0.3127, 0.3290)
PRIMARIES = {
    "BT.709": ((0.640, 0.330), (0.300, 0.600), (0.150, 0.060)),
    "BT.2020": ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046)),
    "Display P3": ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060)),
}
"""x and y of red, green and blue; white is D65 in all of them."""

_PRIMARIES_BY_CODE = {9: "BT.2020", 12: "Display P3"}
"""Of ITU-T H.273, table 2. All others are near BT.709, or unknown, and stay as they are."""

_PQ, _HLG, _LINEAR, _SRGB = 16, 18, 8, 13
"""Transfers of H.273, table 3."""


@dataclass(frozen=True, slots=True, eq=False)
class ColourSpace:
    """How stored RGB becomes light. light: (3, _LEVELS) float32, of stored values in even steps; 1.0 is white.

    to_bt709: (3, 3), light to light of BT.709's primaries. luminance: (3,) shares of the channels where HLG's gamma is
    to be applied, else None. tone: (N,) factor on light of sqrt(brightest channel / brightest of all), or None.
    """

    name: str
    light: Float
    to_bt709: Float
    luminance: Float | None = None
    tone: Float | None = None


def to_srgb(stored: NDArray[np.uint8] | NDArray[np.uint16], space: ColourSpace) -> Image:
    """(H, W, 3) uint8 or uint16 in `space` to (H, W, 3) uint8 sRGB. What sRGB cannot show is cut off per channel."""
    deep = stored.dtype == np.uint16
    tables = space.light if deep else space.light[:, np.rint(np.arange(256) * ((_LEVELS - 1) / 255)).astype(np.int32)]
    result = np.empty(stored.shape, np.uint8)
    rows = max(1, _STRIP_PIXELS // stored.shape[1])
    for top in range(0, stored.shape[0], rows):
        strip = stored[top : top + rows] >> (16 - _BITS) if deep else stored[top : top + rows]
        light = np.stack([np.take(tables[channel], strip[..., channel]) for channel in range(3)], axis=-1)
        result[top : top + rows] = _on_screen(_toned(light, space), space.to_bt709)
    return result


@cache
def coded_space(transfer: int, primaries: int) -> ColourSpace | None:
    """The colour space of a video or picture by the codes of ITU-T H.273; None: it can be taken for sRGB.

    Transfers other than PQ, HLG and linear light look on a screen as sRGB does.
    """
    gamut = _PRIMARIES_BY_CODE.get(primaries, "BT.709")
    matrix = np.linalg.inv(to_xyz("BT.709")) @ to_xyz(gamut)
    steps = np.linspace(0.0, 1.0, _LEVELS)
    if transfer == _PQ:
        return _space(f"{gamut} PQ", pq_light(steps) / WHITE_NITS, matrix, tone=_tone(_PQ_NITS))
    if transfer == _HLG:
        luminance = to_xyz(gamut)[1].astype(np.float32)
        light = hlg_light(steps) * (PEAK_NITS / WHITE_NITS) ** (1 / _HLG_GAMMA)
        return _space(f"{gamut} HLG", light, matrix, luminance, _tone(PEAK_NITS))
    if transfer == _LINEAR:
        return _space(f"{gamut} linear", steps, matrix)
    return None if gamut == "BT.709" else _space(gamut, srgb_light(steps), matrix)


def _space(
    name: str,
    light: NDArray[np.float64],
    matrix: NDArray[np.float64],
    luminance: Float | None = None,
    tone: Float | None = None,
) -> ColourSpace:
    return ColourSpace(name, np.tile(light, (3, 1)).astype(np.float32), matrix.astype(np.float32), luminance, tone)


def to_xyz(gamut: str) -> NDArray[np.float64]:
    """(3, 3): light of the primaries to CIE XYZ, white at Y = 1."""
    columns = np.array([[x / y, 1.0, (1.0 - x - y) / y] for x, y in PRIMARIES[gamut]]).T
    white = np.array([_D65[0] / _D65[1], 1.0, (1.0 - sum(_D65)) / _D65[1]])
    matrix: NDArray[np.float64] = columns * np.linalg.solve(columns, white)
    return matrix


def srgb_light(value: NDArray[np.float64]) -> NDArray[np.float64]:
    """IEC 61966-2-1: stored value 0 to 1 to light."""
    light: NDArray[np.float64] = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    return light


def pq_light(value: NDArray[np.float64]) -> NDArray[np.float64]:
    """ST 2084: stored value 0 to 1 to cd/m²."""
    power = value ** (1 / _PQ_M2)
    light: NDArray[np.float64] = _PQ_NITS * (np.maximum(power - _PQ_C1, 0) / (_PQ_C2 - _PQ_C3 * power)) ** (1 / _PQ_M1)
    return light


def pq_value(nits: NDArray[np.float64]) -> NDArray[np.float64]:
    """ST 2084 backwards: cd/m² to the stored value."""
    power = (nits / _PQ_NITS) ** _PQ_M1
    value: NDArray[np.float64] = ((_PQ_C1 + _PQ_C2 * power) / (1 + _PQ_C3 * power)) ** _PQ_M2
    return value


def hlg_light(value: NDArray[np.float64]) -> NDArray[np.float64]:
    """BT.2100: stored value 0 to 1 to light of the scene, 0 to 1."""
    bright = (np.exp((value - _HLG_C) / _HLG_A) + _HLG_B) / 12
    light: NDArray[np.float64] = np.where(value <= 0.5, value**2 / 3, bright)
    return light


@cache
def _tone(brightest_nits: float) -> Float:
    """Factors that bring PEAK_NITS down to white and leave what is darker than half of white alone (BT.2390, 5.4.1)."""
    nits = np.linspace(0.0, 1.0, _LEVELS) ** 2 * brightest_nits
    peak, white = pq_value(np.array([PEAK_NITS, WHITE_NITS]))
    value, top = np.minimum(pq_value(nits) / peak, 1.0), white / peak
    knee = 1.5 * top - 0.5
    t = np.maximum(value - knee, 0.0) / (1.0 - knee)
    bent = (2 * t**3 - 3 * t**2 + 1) * knee + (t**3 - 2 * t**2 + t) * (1 - knee) + (3 * t**2 - 2 * t**3) * top
    shown = pq_light(np.where(value > knee, bent, value) * peak)
    factor: Float = np.divide(shown, nits, out=np.ones_like(nits), where=nits > 0).astype(np.float32)
    return factor


def _toned(light: Float, space: ColourSpace) -> Float:
    if space.luminance is not None:
        light *= cv2.pow(cv2.transform(light, space.luminance[np.newaxis]), _HLG_GAMMA - 1.0)[..., np.newaxis]
    if space.tone is not None:
        peak = _PQ_NITS if space.luminance is None else PEAK_NITS
        brightest = np.maximum(np.maximum(light[..., 0], light[..., 1]), light[..., 2])
        relative = np.sqrt(brightest * (WHITE_NITS / peak))
        light *= space.tone[np.minimum(relative * (_LEVELS - 1), _LEVELS - 1).astype(np.int32)][..., np.newaxis]
    return light


def _on_screen(light: Float, to_bt709: Float) -> Image:
    linear = np.clip(cv2.transform(light, to_bt709), 0.0, 1.0)
    shown: Image = np.take(_screen(), (linear * (_SCREEN_LEVELS - 1) + 0.5).astype(np.uint16))
    return shown


@cache
def _screen() -> NDArray[np.uint8]:
    """sRGB backwards: light in _SCREEN_LEVELS even steps to 8 bits."""
    light = np.linspace(0.0, 1.0, _SCREEN_LEVELS)
    value = np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)
    shown: Image = np.rint(value * 255).astype(np.uint8)
    return shown
