"""What is behind the lips, pixel by pixel: cavity, tongue, teeth, the light that reaches them. Compiled by numba."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from dreamtalk.render.mesh.raster import compiled
from dreamtalk.types import Float

_SLIT_LEAST = 0.36
"""Share of the light that an opening without height lets in."""
_CORNER_SHARE, _CORNER_LEAST = 0.30, 0.25
"""Towards its corners, over this share of its width, a mouth darkens to the second share of its light."""
_SHADOW_MM, _SHADOW_LEAST = 2.0, 0.65
"""Below the upper lip it is dark: over this height, from this share of the light on."""
_WET_TUCKED_MM, _WET_OWN = 0.6, 0.6
"""A lower lip under the teeth shows so much of its wet inside; over the photo's own teeth it is the second share of the
way from the usual width to that."""
_TIP_HALF_MM, _TIP_CRISP = 15.0, 0.18
"""A raised tongue: half the width of its tip, and how much sharper its outline gets."""
_TIP_LIGHT, _TIP_UNDER = 0.92, 0.62
"""Brightness of a raised tip, and of the tongue's underside below it."""
_OWN_PURSED = 0.35
"""The photo's own teeth lose this share of their light behind pursed lips."""
_HAZY = 120.0
"""Brighter than this (0 to 255), nothing in the mouth shows the photo's haze."""
_EDGE_SLACK_MM = 0.4
"""Distances to the lips, measured on pixels, count only where they are shorter than heights by this."""


class Strip(NamedTuple):
    """A row of teeth in one frame. texture: (h, w, 4) premultiplied; scale: px per mm; half, above: see Teeth.
    edge: mm below the origin at which its incisal edge is in the middle. tint: (3,) factor on the colour.
    arc, depth: (samples,) arc length and depth on the arch over the table of columns. fall: how much the row darkens
    towards its ends, 1 as usual.
    """

    texture: Float
    scale: float
    half: float
    above: float
    edge: float
    shift: float
    tint: Float
    arc: Float
    depth: Float
    fall: float


class Scene(NamedTuple):
    """One frame of the mouth, in mm of its own axes (x along the lips, y down, origin between the resting lips).

    to_mm: (2, 3) affine from px of the region to mm. lean: y shift per mm of depth (nodding). first, step: the table of
    columns starts at x = first mm, every `step` mm. upper, lower: (columns,) y of the lips. gap: widest opening, mm.
    slit: the opening that lets all light in, mm. wet: how much of the lips' inside is seen, mm.
    narrow: 0 for a mouth as wide as at rest, 1 for pursed lips, which shade what is behind them. tuck: 1 where the
    upper teeth lie on the lower lip, in the light. tongue: centre x, y, half width, half height, how much higher its
    tip reaches, how far the tip is raised (0 to 1). cavity, flesh: (3,) colours of cavity and tongue. lips: (3,)
    colours of the wet inside of upper and lower lip. warmth: what green and blue lose in full shadow. haze: (3,) the
    colour of full darkness in this photo, which lies over what is dark.
    """

    to_mm: Float
    lean: float
    first: float
    step: float
    upper: Float
    lower: Float
    gap: float
    slit: float
    wet: float
    narrow: float
    tuck: float
    tongue: Float
    cavity: Float
    flesh: Float
    lips: tuple[Float, Float]
    warmth: float
    haze: Float


@compiled
def _ramp(low: float, high: float, value: float) -> float:
    t = min(1.0, max(0.0, (value - low) / (high - low)))
    return t * t * (3.0 - 2.0 * t)


@compiled
def _add_teeth(strip: Strip, column: float, y: float, lean: float, colour: Float) -> None:
    """Lays a row of teeth over `colour` (3,), in place."""
    cell = int(column)
    part = column - cell
    arc = strip.arc[cell] + part * (strip.arc[cell + 1] - strip.arc[cell])
    depth = strip.depth[cell] + part * (strip.depth[cell + 1] - strip.depth[cell])
    u = (arc + strip.shift + strip.half) * strip.scale - 0.5
    v = (y - lean * depth - strip.edge + strip.above) * strip.scale - 0.5
    height, width = strip.texture.shape[0], strip.texture.shape[1]
    if u < 0.0 or v >= height - 1.0 or u >= width - 1.0:
        return
    v = max(v, 0.0)
    j, i = int(u), int(v)
    fu, fv = u - j, v - i
    alpha = 0.0
    top, low = strip.texture[i], strip.texture[i + 1]
    shade = max(0.15, 1.02 - strip.fall * (0.035 * depth + 0.008 * abs(arc)))
    a = (top[j, 3] * (1 - fu) + top[j + 1, 3] * fu) * (1 - fv) + (low[j, 3] * (1 - fu) + low[j + 1, 3] * fu) * fv
    alpha = a
    for c in range(3):
        value = (top[j, c] * (1 - fu) + top[j + 1, c] * fu) * (1 - fv) + (
            low[j, c] * (1 - fu) + low[j + 1, c] * fu
        ) * fv
        colour[c] = colour[c] * (1.0 - alpha) + value * strip.tint[c] * shade


@compiled
def _fill_flesh(scene: Scene, x: float, y: float, under: float, colour: Float) -> None:
    """Cavity and tongue at (x, y) mm, `under` mm below the upper lip, into `colour` (3,)."""
    deep = 0.75 + 0.35 * _ramp(2.0, 14.0, under)
    raised = scene.tongue[5]
    aside = (x - scene.tongue[0]) / _TIP_HALF_MM
    tip = np.exp(-(aside**4)) if raised > 0.0 else 0.0
    tx, ty = (x - scene.tongue[0]) / scene.tongue[2], y - scene.tongue[1]
    ty /= scene.tongue[3] + (scene.tongue[4] * tip if ty < 0.0 else 0.0)
    out = np.sqrt(tx * tx + ty * ty)
    flesh = 1.0 - _ramp(0.70 + _TIP_CRISP * raised, 1.08 - 0.5 * _TIP_CRISP * raised, out)
    back = 0.50 + 0.50 * _ramp(-1.0, 0.2, ty)
    if raised > 0.0:  # its tip is near the teeth, in the light; what is below it is its shaded underside
        near = (_TIP_UNDER + (_TIP_LIGHT - _TIP_UNDER) * _ramp(0.2, 0.8, -ty)) * (1.0 - 0.3 * _ramp(0.75, 1.0, out))
        back += (near - back) * raised * tip
    light = back * (1.0 - 0.16 * (1.0 - raised) * np.exp(-((tx / 0.10) ** 2)))
    light *= 0.75 + 0.25 * max(0.0, 1.0 - tx * tx)
    for c in range(3):
        colour[c] = scene.cavity[c] * deep
        colour[c] += (scene.flesh[c] * light - colour[c]) * flesh


@compiled
def paint_interior(
    target: Float, mask: Float, edge: Float, own: Float, scene: Scene, upper: Strip, lower: Strip
) -> None:
    """Paints the mouth into target (h, w, 3), colours 0..255 premultiplied by the mask; elsewhere target is left alone.

    mask: (h, w) 0..1. edge: (h, w) mm to the lips. own: (h, w, 4)
    the photo's own teeth, colour premultiplied by alpha.
    """
    colour, seen = np.zeros(3, np.float32), np.zeros(3, np.float32)
    last = scene.upper.shape[0] - 1.001
    width = (last + 0.001) * scene.step
    for row in range(mask.shape[0]):
        for col in range(mask.shape[1]):
            cover = mask[row, col]
            if cover <= 0.0:
                continue
            m = scene.to_mm
            x = m[0, 0] * col + m[0, 1] * row + m[0, 2]
            y = m[1, 0] * col + m[1, 1] * row + m[1, 2]
            column = min(max((x - scene.first) / scene.step, 0.0), last)
            cell = int(column)
            part = column - cell
            lip_up = scene.upper[cell] + part * (scene.upper[cell + 1] - scene.upper[cell])
            lip_low = scene.lower[cell] + part * (scene.lower[cell + 1] - scene.lower[cell])
            under, over = y - lip_up, lip_low - y
            _fill_flesh(scene, x, y, under, colour)
            _add_teeth(lower, column, y, scene.lean, colour)
            _add_teeth(upper, column, y, scene.lean, colour)
            # Heights are smooth, distances have the steps of pixels but see the corners of the mouth as well.
            near = min(edge[row, col] + _EDGE_SLACK_MM, max(0.0, min(under, over)))
            height = max(0.0, under + over)
            # Light comes in between the lips: a slit is dark, whatever is behind it, and so are the corners.
            corner = min(x - scene.first, scene.first + width - x)
            open_to = max(_ramp(0.0, scene.slit, height), 0.8 * scene.tuck) * (1.0 - 0.30 * scene.narrow)
            aside = _ramp(0.0, _CORNER_SHARE * width, corner)
            lit = (_SLIT_LEAST + (1.0 - _SLIT_LEAST) * open_to) * (_CORNER_LEAST + (1.0 - _CORNER_LEAST) * aside)
            shadow = _SHADOW_LEAST + (1.0 - _SHADOW_LEAST) * _ramp(-0.3, _SHADOW_MM, under)
            light = shadow * (0.70 + 0.30 * _ramp(-0.2, 2.0, near)) * lit
            # The lips turn inwards: their red goes on for a moment and gets darker, most where no light comes in.
            real = own[row, col, 3]
            reach = scene.wet + (_WET_TUCKED_MM - scene.wet) * max(scene.tuck, _WET_OWN * real)
            wet = 0.85 * (1.0 - _ramp(0.0, reach, near))
            side = _ramp(0.3, 0.7, under / max(0.1, height))
            rim = 0.52 + 0.48 * min(lit, _ramp(-0.5, 1.2, near) + 0.35 + 0.35 * side)
            keep = 1.0 - real
            soft = (0.80 + 0.20 * _ramp(-0.2, 1.5, near)) * min(1.0, 0.15 + 0.85 * lit / 0.80)
            soft *= 1.0 - _OWN_PURSED * scene.narrow
            bright = 0.0
            for c in range(3):
                # Shadows in a mouth are red: green and blue lose a little more.
                tinge = 0.0 if c == 0 else scene.warmth
                value = colour[c] * light * (1.0 - tinge * (1.0 - light)) * keep
                value += own[row, col, c] * soft * (1.0 - tinge * (1.0 - soft))
                lip = (scene.lips[0][c] + side * (scene.lips[1][c] - scene.lips[0][c])) * rim
                seen[c] = value + (lip - value) * wet
                bright += seen[c] / 3.0
            hazy = max(0.0, 1.0 - bright / _HAZY)
            for c in range(3):
                target[row, col, c] = min(255.0, max(0.0, seen[c] + scene.haze[c] * hazy)) * cover
