"""Painted teeth: two flat strips (upper, lower) that the mouth bends along a dental arch."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from dreamtalk.render.mesh.drawing import Double, smoothstep
from dreamtalk.types import Float

_PAINT = 12.0
"""Painting resolution, px per mm."""
_GUM_MM, _TIP_MM = 15.0, 3.0
"""Height of the strip above the incisal edge (teeth and gum) and below it."""
_CORNER_MM = 1.1
"""Rounding of the incisal corners."""
_ENAMEL = np.array([234.0, 225.0, 214.0])
_GUM = np.array([168.0, 98.0, 112.0])
_GUM_FROM_MM = 5.5
"""Above this height the strip is opaque: gum between the teeth."""

_ARCH_DEPTH, _ARCH_POWER = 0.0015, 2.9
"""Dental arch: depth in mm = 0.0015 |x mm| ** 2.9."""
_ARCH_HALF_MM = 34.0


@dataclass(frozen=True, slots=True)
class _Row:
    """Widths, heights and incisal edges of half a row, from the middle, and how pointed the teeth are, in mm."""

    widths: tuple[float, ...]
    heights: tuple[float, ...]
    edges: tuple[float, ...]
    points: tuple[float, ...]


_UPPER = _Row(
    (8.4, 6.6, 7.6, 7.0, 6.8, 10.0, 9.5),
    (10.2, 9.0, 10.0, 8.6, 8.0, 7.4, 7.0),
    (0.0, 0.7, 0.1, 0.9, 1.1, 1.4, 1.6),
    (0.0, 0.2, 1.2, 0.7, 0.5, 0.3, 0.3),
)
_LOWER = _Row(
    (5.3, 5.9, 6.8, 7.0, 7.1, 11.0, 10.5),
    (8.8, 9.2, 10.2, 8.8, 8.2, 7.5, 7.0),
    (0.0, 0.1, -0.2, 0.6, 0.9, 1.2, 1.3),
    (0.0, 0.0, 1.0, 0.6, 0.4, 0.3, 0.3),
)
_TONES = np.array(
    [
        (1.0, 1.0, 1.0),
        (0.975, 0.97, 0.965),
        (0.95, 0.935, 0.90),
        (0.94, 0.925, 0.90),
        (0.92, 0.905, 0.88),
        (0.90, 0.88, 0.86),
        (0.88, 0.86, 0.84),
    ]
)
"""Colour of each tooth relative to the first: the canines are the yellowest."""


@dataclass(frozen=True, slots=True)
class Teeth:
    """texture: (h, w, 4) float32, colour 0..255 premultiplied by alpha 0..1. scale: px per mm of the texture.
    half: mm from the middle to its left edge. above: mm from the incisal edge to its upper edge.
    """

    texture: Float
    scale: float
    half: float
    above: float


def paint_teeth(upper: bool, scale: float, grey: bool = False) -> Teeth:
    """One strip at `scale` px per mm, without colour for a monochrome picture."""
    strip, half = _painted(upper)
    if grey:
        strip = strip.copy()
        strip[..., :3] = strip[..., :3].mean(axis=2, keepdims=True)
    height, width = strip.shape[:2]
    size = (max(8, round(width * scale / _PAINT)), max(4, round(height * scale / _PAINT)))
    small = cv2.resize(strip, size, interpolation=cv2.INTER_AREA)
    return Teeth(np.asarray(small, np.float32), size[0] / (2 * half), half, _GUM_MM if upper else _TIP_MM)


@lru_cache(maxsize=2)
def _painted(upper: bool) -> tuple[Float, float]:
    """One strip at full resolution, and its half width in mm."""
    row = _UPPER if upper else _LOWER
    half = sum(row.widths) + 1.0
    height, width = round((_GUM_MM + _TIP_MM) * _PAINT), round(2 * half * _PAINT)
    across = np.asarray(((np.arange(width) + 0.5) / _PAINT - half)[None, :], np.float64)
    up = np.asarray(_GUM_MM - ((np.arange(height) + 0.5) / _PAINT)[:, None], np.float64)  # mm above the incisal edge
    colour = _GUM * (0.75 + 0.25 * (1.0 - smoothstep(8.0, 15.0, up)))[..., None] * np.ones((1, width, 1))
    alpha = np.where(up > _GUM_FROM_MM, 1.0, 0.0) * np.ones((1, width))
    start = 0.0
    for number, (tooth_width, tooth_height, edge) in enumerate(zip(row.widths, row.heights, row.edges, strict=True)):
        for side in (1.0, -1.0):
            middle = side * (start + tooth_width / 2)
            columns = np.abs(across[0] - middle) <= tooth_width / 2 + 1.0 / _PAINT
            inside, shade = _tooth(
                (across[:, columns] - middle) / (tooth_width / 2),
                up - edge,
                tooth_width,
                tooth_height,
                row.points[number],
            )
            enamel = _ENAMEL * _TONES[number] * shade[..., None]
            enamel[..., 2] *= 1.0 - 0.12 * smoothstep(2.0, 9.0, up)
            colour[:, columns] += (enamel - colour[:, columns]) * inside[..., None]
            alpha[:, columns] = np.maximum(alpha[:, columns], inside)
        start += tooth_width
    strip = np.dstack([np.clip(colour, 0.0, 255.0) * alpha[..., None], alpha]).astype(np.float32)
    return np.ascontiguousarray(strip if upper else strip[::-1]), half


def _tooth(across: Double, up: Double, width: float, height: float, point: float) -> tuple[Double, Double]:
    """Coverage and shade of one tooth: a rounded box with an arched gum line. across: -1..1; up: mm above its edge.

    point: how far its edge falls back towards its sides, mm: little for incisors, much for canines.
    """
    aside = np.clip(np.abs(across), 0.0, 1.0)
    bottom = up - _CORNER_MM * aside**4 - point * aside**1.5
    top = height - 2.3 * aside**2.2 - up
    side = (1.0 - np.abs(across)) * width / 2
    inside = np.clip(np.minimum(np.minimum(bottom, top), side) * _PAINT * 0.7 + 0.5, 0.0, 1.0)
    rounding = 0.88 + 0.12 * np.sqrt(np.clip(1.0 - 0.90 * across**2, 0.0, 1.0))
    root = 1.0 - 0.14 * smoothstep(2.5, 9.0, up)
    gap = 0.74 + 0.26 * smoothstep(0.0, 0.40, side)
    tip = 1.0 - 0.09 * (1.0 - smoothstep(0.0, 1.4, bottom))
    gloss = 0.06 * np.exp(-((across + 0.2) ** 2) / 0.10 - (up - 0.55 * height) ** 2 / 6.0)
    return inside, rounding * root * gap * tip + gloss


def arch_table(samples: int = 97) -> tuple[Double, Double, Double]:
    """The dental arch as a table over x in mm, middle to both sides: (x, arc length with sign, depth)."""
    fine = np.linspace(0.0, _ARCH_HALF_MM, 800)
    depth = _ARCH_DEPTH * fine**_ARCH_POWER
    arc = np.concatenate([[0.0], np.cumsum(np.hypot(np.diff(fine), np.diff(depth)))])
    x = np.linspace(-_ARCH_HALF_MM, _ARCH_HALF_MM, samples)
    return x, np.sign(x) * np.interp(np.abs(x), fine, arc), np.interp(np.abs(x), fine, depth)
