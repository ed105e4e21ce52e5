"""Photos that show their teeth: lips without tooth pixels, and the photo's own teeth as a layer behind them."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from dreamtalk.render.mesh import topology as topo
from dreamtalk.render.mesh.canvas import Canvas
from dreamtalk.render.mesh.drawing import Box, Double, coarser, fill, region, smoothstep, spread_colours
from dreamtalk.render.mesh.geometry import Shape
from dreamtalk.types import Bool, Float, Image

_TEETH_MM = 2.2
"""A photo with lips this far apart shows its inside, which is kept as a layer."""
_MARGIN_MM = 8.0
_RING_MM = 2.4
"""Tooth or cavity pixels are looked for this far outside the tracked lips."""
_SHADOW_MM = 3.0
"""Dark pixels this near to a corner of the mouth stay."""
_DEPTH_MM = 4.0
"""How far behind the upper lip the teeth stand."""
_TOOTH_LIGHT = (0.50, 0.72)
"""Brightness relative to the photo's bright teeth from which on a pixel may be, and surely is, a tooth."""
_TOOTH_RED, _TOOTH_SKIN, _TOOTH_RED_LEAST = 0.7, 1.15, 0.12
"""Teeth are less red than the first times the lips, and than the second times the skin (or the third, if more)."""
_TOOTH_DARK = 0.55
"""Teeth are no darker than this times the skin."""
_LEAST_TALL_MM = 3.0
"""Teeth of which the photo shows less are painted: a strip of them would lie on the painted ones like a line."""
_TALLEST_MM = 14.0
"""Visible teeth end at most this far below the upper lip."""
_TOOTH_GAP_MM = 2.5
"""Dark gaps up to this width belong to the teeth beside them."""
_EDGE_MM, _ROUNDING_MM = 0.4, 0.8
"""Width of the blurred edge of the lips that counts as inside; rounding of the outline found."""
_KERNEL = np.ones((3, 3), np.uint8)


@dataclass(frozen=True, slots=True)
class OwnTeeth:
    """layer: (h, w, 4) float32, colour premultiplied by alpha, of the photo from `corner` on, `fine` times enlarged.
    depth: photo px. colour: (3,) of bright teeth. edge: (3,) photo px of the lower edge of the teeth in the middle.
    """

    layer: Float
    corner: tuple[int, int]
    fine: int
    depth: float
    colour: Double
    edge: Double

    def sample(self, shape: Shape, box: Box) -> Float:
        """The layer where the rigid head shows it, (h fine, w fine, 4) for a region (h, w) of the moved picture."""
        (x0, y0, x1, y1), fine = box, self.fine
        xs = np.arange((x1 - x0) * fine, dtype=np.float32)[None] / fine + np.float32(x0 + 0.5 / fine - 0.5)
        ys = np.arange((y1 - y0) * fine, dtype=np.float32)[:, None] / fine + np.float32(y0 + 0.5 / fine - 0.5)
        u, v = shape.pose.back_to_photo(xs, ys, self.depth)
        u, v = ((at - np.float32(start) + 0.5) * fine - 0.5 for at, start in zip((u, v), self.corner, strict=True))
        seen = cv2.remap(self.layer, u, v, cv2.INTER_CUBIC, borderMode=cv2.BORDER_CONSTANT)
        seen[..., 3] = np.clip(seen[..., 3], 0.0, 1.0)
        return np.asarray(seen, np.float32)


def split_mouth(canvas: Canvas, gap_mm: float) -> tuple[Image, OwnTeeth | None]:
    """The photo with lips only, and its own teeth if it shows them. gap_mm: opening of its lips."""
    outline = canvas.landmarks[list(topo.HOLES[0]), :2]
    box = region(outline, _MARGIN_MM * canvas.mm, canvas.image.shape)
    if gap_mm < _TEETH_MM or box is None:
        return canvas.image, None
    x0, y0, x1, y1 = box
    large = canvas.enlarged(box)
    mouth = fill(large.image.shape, large.landmarks[list(topo.HOLES[0]), :2], 0, 0) > 0.5
    lips = fill(large.image.shape, large.landmarks[list(topo.LIP_OUTER), :2], 0, 0) > 0.5
    inside = _inside(large, mouth, lips)
    painted, cover = _closed(large, inside, lips)
    change = coarser((painted - large.image) * cover[..., None], canvas.fine)
    skin = canvas.image.copy()
    skin[y0:y1, x0:x1] = np.clip(skin[y0:y1, x0:x1] + change + 0.5, 0, 255).astype(np.uint8)
    found = _teeth(large, mouth, inside, lips)
    if found is None:
        return skin, None
    layer, colour = found
    edge = _lower_edge(large, layer[..., 3])
    edge[:2] = (edge[:2] + 0.5) / canvas.fine - 0.5 + (x0, y0)
    edge[2] /= canvas.fine
    depth = float(canvas.landmarks[13, 2]) + _DEPTH_MM * canvas.mm
    return skin, OwnTeeth(layer, (x0, y0), canvas.fine, depth, colour, edge)


def _inside(canvas: Canvas, mouth: Bool, lips: Bool) -> Bool:
    """Pixels of teeth and cavity: the tracked opening and what looks like it just outside."""
    steps = max(1, round(_RING_MM * canvas.mm))
    ring = (cv2.dilate(mouth.astype(np.uint8), _KERNEL, iterations=steps) > 0) & ~mouth
    lip = lips & ~mouth & ~(cv2.dilate(mouth.astype(np.uint8), _KERNEL) > 0)
    if lip.sum() < 8 or mouth.sum() < 8:
        return mouth
    lab = cv2.cvtColor(canvas.image, cv2.COLOR_RGB2LAB).astype(np.float32)
    lip_red, lip_light = float(np.median(lab[lip][:, 1])), float(np.median(lab[lip][:, 0]))
    bright = mouth & (lab[..., 0] >= np.percentile(lab[mouth][:, 0], 60))
    tooth_red = float(np.median(lab[bright][:, 1]))
    tooth = (lab[..., 1] < tooth_red + 0.4 * (lip_red - tooth_red)) & (lab[..., 0] > lip_light)
    dark = lab[..., 0] < lip_light * 0.6
    margin = cv2.dilate(mouth.astype(np.uint8), _KERNEL, iterations=max(1, round(_EDGE_MM * canvas.mm))) > 0
    ys, xs = np.mgrid[0 : mouth.shape[0], 0 : mouth.shape[1]]
    for end in (topo.LIP_UPPER[0], topo.LIP_UPPER[-1]):  # the shadow in the corners belongs to the lips
        x, y = canvas.landmarks[end, :2]
        dark &= np.hypot(xs - x, ys - y) > _SHADOW_MM * canvas.mm
    every = cv2.dilate((mouth | margin | (ring & lips & (tooth | dark))).astype(np.float32), _KERNEL)
    # Blurring and cutting rounds the outline: ragged edges would be drawn out into hairs where the lips stretch.
    return np.asarray((cv2.GaussianBlur(every, (0, 0), max(0.8, _ROUNDING_MM * canvas.mm)) > 0.45) | mouth)


def _closed(canvas: Canvas, hole: Bool, lips: Bool) -> tuple[Float, Float]:
    """The picture with the hole painted in the colour of the nearer lip, and how much of that is to be seen (0..1).

    Each lip paints its own side of the middle line.
    """
    patch = canvas.image
    upper, lower = canvas.landmarks[list(topo.LIP_UPPER), :2], canvas.landmarks[list(topo.LIP_LOWER), :2]
    middle = (upper + lower) / 2
    across = np.array([canvas.down[1], -canvas.down[0]])
    ys, xs = np.mgrid[0 : patch.shape[0], 0 : patch.shape[1]]
    along = xs * across[0] + ys * across[1]
    line_at, line_height = middle @ across, middle @ canvas.down[:2]
    below = xs * canvas.down[0] + ys * canvas.down[1] > np.interp(along, np.maximum.accumulate(line_at), line_height)
    painted = patch.astype(np.float32)
    for side in (~below, below):
        painted = np.where(side[..., None], spread_colours(patch, lips & ~hole & side, canvas.mm), painted)
    wider = cv2.dilate(hole.astype(np.float32), _KERNEL)
    soft = cv2.GaussianBlur(wider, (0, 0), max(0.7, 0.5 * canvas.mm))
    return np.asarray(painted, np.float32), np.maximum(soft, hole).astype(np.float32)


def _teeth(canvas: Canvas, mouth: Bool, inside: Bool, lips: Bool) -> tuple[Float, Double] | None:
    """The teeth as a layer (h, w, 4) and their colour: bright pixels without the red of lips, and the gaps between."""
    patch = canvas.image
    light = patch.astype(np.float32).max(axis=2)
    bright = float(np.percentile(light[mouth], 85))
    sure = mouth & (light >= bright * 0.85)
    colour = np.median(patch[sure], axis=0).astype(np.float64)
    lip = np.median(patch[lips & ~inside], axis=0) if (lips & ~inside).any() else canvas.skin
    reddest = min(_TOOTH_RED * _redness(lip), max(_TOOTH_RED_LEAST, _TOOTH_SKIN * _redness(canvas.skin)))
    if (not canvas.grey and _redness(colour) > reddest) or colour.max() < _TOOTH_DARK * canvas.skin.max():
        return None
    tint = patch.astype(np.float64)
    red = (tint[..., 0] - tint[..., 1:].mean(axis=2)) / np.maximum(tint[..., 0], 1.0)
    step = max(_redness(lip) - _redness(colour), 0.05)  # next to nothing in a grey photo
    pale = 1.0 - smoothstep(0.4, 0.8, (red - _redness(colour)) / step)
    tooth = smoothstep(_TOOTH_LIGHT[0] * bright, _TOOTH_LIGHT[1] * bright, light) * pale * mouth
    width = 2 * max(1, round(_TOOTH_GAP_MM * canvas.mm / 2)) + 1
    joined = cv2.morphologyEx(tooth.astype(np.float32), cv2.MORPH_CLOSE, np.ones((1, width), np.uint8)) * mouth
    smooth = cv2.GaussianBlur(joined.astype(np.float32), (0, 0), max(0.8, _ROUNDING_MM * canvas.mm))
    cut = (smoothstep(0.45, 0.75, smooth) * mouth * _largest(smooth > 0.45)).astype(np.float32)
    seen = (cut > 0.5).sum(axis=0)
    if not seen.any() or float(np.median(seen[seen > 0])) < _LEAST_TALL_MM * canvas.mm:
        return None
    alpha = np.asarray(cv2.GaussianBlur(cut, (0, 0), max(0.5, 0.25 * canvas.mm)), np.float32)
    return np.dstack([patch * alpha[..., None], alpha]).astype(np.float32), colour


def _largest(mask: Bool) -> Bool:
    """The largest connected part of a mask."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    if count < 2:
        return mask
    return np.asarray(labels == 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA])))


def _redness(colour: Double) -> float:
    """Share of red beyond green and blue."""
    return float((colour[0] - (colour[1] + colour[2]) / 2) / max(colour[0], 1.0))


def _lower_edge(canvas: Canvas, alpha: Float) -> Double:
    """Where the visible teeth end below the middle of the upper lip, px with depth."""
    start = canvas.landmarks[13].astype(np.float64)
    best = start
    for step in np.arange(0.0, _TALLEST_MM, 0.25) * canvas.mm:
        point = start + canvas.down * step
        x, y = round(point[0]), round(point[1])
        if 0 <= y < alpha.shape[0] and 0 <= x < alpha.shape[1] and alpha[y, x] > 0.5:
            best = point
    return np.array(best)
