"""Photos that show their teeth: the lips without tooth pixels, and the photo's own teeth as a layer behind them."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from dreamtalk.render.mesh import topology as topo
from dreamtalk.render.mesh.canvas import Canvas
from dreamtalk.render.mesh.drawing import Box, fill, region
from dreamtalk.render.mesh.geometry import Shape
from dreamtalk.types import Bool, Float, Image

_TEETH_MM = 2.2
"""A photo with lips this far apart shows its inside, which is kept as a layer."""
_MARGIN_MM = 8.0
_RING_MM = 2.4
"""Tooth or cavity pixels are looked for this far outside the tracked lips."""
_INNER_MM = 0.5
"""The layer begins this far inside the lips."""
_DEPTH_MM = 4.0
"""How far behind the upper lip the teeth stand."""


@dataclass(frozen=True, slots=True)
class OwnTeeth:
    """layer: (h, w, 4) float32, colour premultiplied by alpha, of the photo region `box`. depth: px."""

    layer: Float
    box: Box
    depth: float

    def sample(self, shape: Shape, box: Box) -> Float:
        """The layer where the rigid head shows it, (h, w, 4) for a region of the moved picture."""
        x0, y0, x1, y1 = box
        xs, ys = np.arange(x0, x1, dtype=np.float32)[None], np.arange(y0, y1, dtype=np.float32)[:, None]
        u, v = shape.pose.back_to_photo(xs, ys, self.depth)
        u, v = u - np.float32(self.box[0]), v - np.float32(self.box[1])
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
    patch = canvas.image[y0:y1, x0:x1]
    mask = fill(patch.shape, outline, x0, y0)
    inside = _inside(canvas, patch, mask > 0.5, box)
    skin = canvas.image.copy()
    skin[y0:y1, x0:x1] = _without(patch, inside, canvas.mm)
    size = max(1, round(_INNER_MM * canvas.mm))
    core = cv2.erode(mask, np.ones((3, 3), np.uint8), iterations=size)
    alpha = cv2.GaussianBlur(core, (0, 0), max(0.6, 0.5 * canvas.mm))
    layer = np.dstack([patch * alpha[..., None], alpha]).astype(np.float32)
    depth = float(canvas.landmarks[13, 2]) + _DEPTH_MM * canvas.mm
    return skin, OwnTeeth(layer, box, depth)


def _inside(canvas: Canvas, patch: Image, mouth: Bool, box: Box) -> Bool:
    """Pixels of teeth and cavity: the tracked opening and what looks like it just outside."""
    kernel = np.ones((3, 3), np.uint8)
    steps = max(1, round(_RING_MM * canvas.mm))
    ring = (cv2.dilate(mouth.astype(np.uint8), kernel, iterations=steps) > 0) & ~mouth
    lips = fill(patch.shape, canvas.landmarks[list(topo.LIP_OUTER), :2], box[0], box[1]) > 0.5
    lip = lips & ~mouth & ~ring
    if lip.sum() < 8:
        lip = lips & ~mouth
    if lip.sum() < 4 or mouth.sum() < 4:
        return mouth
    lab = cv2.cvtColor(patch, cv2.COLOR_RGB2LAB).astype(np.float32)
    lip_red, lip_light = float(np.median(lab[lip][:, 1])), float(np.median(lab[lip][:, 0]))
    tooth_red = float(np.median(lab[mouth][:, 1]))
    tooth = (lab[..., 1] < tooth_red + 0.5 * (lip_red - tooth_red)) & (lab[..., 0] > lip_light * 0.9)
    dark = lab[..., 0] < lip_light * 0.62
    found = (ring & (tooth | dark)).astype(np.uint8)
    return np.asarray(mouth | (cv2.dilate(found, kernel) > 0) & (ring | mouth))


def _without(patch: Image, hole: Bool, mm: float) -> Image:
    """The patch with the hole filled from its rim, nearest colours first."""
    filled = cv2.inpaint(patch, cv2.dilate(hole.astype(np.uint8), np.ones((3, 3), np.uint8)), 3.0, cv2.INPAINT_TELEA)
    return np.asarray(filled, np.uint8)
