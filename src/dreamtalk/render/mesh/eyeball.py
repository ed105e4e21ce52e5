"""One eye of the photo, prepared: the ball extended behind the lids, the lids' shading, lids without eye pixels."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from dreamtalk.render.mesh import topology as topo
from dreamtalk.render.mesh.canvas import Canvas
from dreamtalk.render.mesh.drawing import Box, Double, Index, fill, region, smoothstep, spread_colours
from dreamtalk.render.mesh.geometry import FaceGeometry
from dreamtalk.types import Bool, Float, Image

_MARGIN_MM = 10.0
"""Picture kept around each eye."""
_PURE_MM = 0.9
"""Pixels this far inside the lids show nothing but eye."""
_LID_EDGE_MM, _LID_RIM_MM = 0.3, 5.0
"""Closed lids are painted from the edge of the opening on, with the colours found up to this far around it."""
_SHADE_RANGE = (0.2, 1.04)
"""Limits of the lids' shading on the eyeball."""
_STRETCH = (2.2, 4.0)
"""A strip of skin between brow and lashes that a shut lid draws out by the first is shown as it is, by the second or
more without hairs and shadows, which would become streaks (deep-set eyes)."""
_STRIP_LIGHT, _STRIP_SMOOTH, _STRIP_EDGE_MM = 50.0, 6.0, 0.5
"""Of its pixels, those above this percentile of brightness are skin; their colours are spread so many times wider than
others; its edge is blurred by so many mm."""
_BRIDGE, _BRIDGE_LUMA, _BRIDGE_HALF_MM = (168, 6, 197, 195), (0.45, 0.65), 2.0
"""Glasses: along these points down the nose, a line of this half width crosses something darker than the first times
the skin. Their rims stay. A nose brighter than the second everywhere carries none."""
_KERNEL = np.ones((3, 3), np.uint8)


@dataclass(frozen=True, slots=True)
class Eye:
    """Pictures (h, w, 3) float32 of the photo region `box`: photo, as it is; ball, extended behind the lids; shade,
    what the lids do to it (photo / ball); lids, uint8 without the eye. loop, upper, lower: mesh points of the outline
    and of both lids. centre (in the box), radius: of the iris, px. depth: of the lids' edge. opening: px. floor: height
    of the lower lid in the box, px. lash: (3,) colour.
    """

    box: Box
    photo: Float
    ball: Float
    shade: Float
    lids: Image
    loop: Index
    upper: Index
    lower: Index
    centre: Double
    radius: float
    depth: float
    opening: float
    floor: np.float32
    lash: Float


def prepare_eye(canvas: Canvas, geometry: FaceGeometry, side: int) -> Eye:
    """side: 0 the person's right eye, 1 the left one."""
    upper, lower = topo.LID_UPPER[side], topo.LID_LOWER[side]
    outline = canvas.landmarks[list(topo.hole_loop(upper, lower)), :2]
    box = region(outline, _MARGIN_MM * canvas.mm + 4.0, canvas.image.shape) or (0, 0, 8, 8)
    x0, y0, x1, y1 = box
    picture = canvas.image[y0:y1, x0:x1]
    photo = picture.astype(np.float32)
    iris = canvas.landmarks[list(topo.IRIS[side]), :2]
    centre = iris[0] - (x0, y0)
    radius = max(0.5, float(np.linalg.norm(iris[1] - iris[3]) + np.linalg.norm(iris[2] - iris[4])) / 4)
    mask = fill(photo.shape, outline, x0, y0) > 0.5
    ball = _eyeball(photo, mask, centre, radius, canvas.mm)
    shade = cv2.GaussianBlur((photo + 6.0) / (ball + 6.0), (0, 0), max(0.5, 0.35 * canvas.mm))
    gap = (canvas.landmarks[list(lower)] - canvas.landmarks[list(upper)]) @ canvas.down
    return Eye(
        box=box,
        photo=photo,
        ball=ball,
        shade=np.clip(shade, *_SHADE_RANGE).astype(np.float32),
        lids=_plain_strip(canvas, _lids(picture, mask, canvas.mm), box, side),
        loop=geometry.mesh.loop(topo.HOLES[1 + side]),
        upper=geometry.mesh.path(upper),
        lower=geometry.mesh.path(lower),
        centre=centre,
        radius=radius,
        depth=float(canvas.landmarks[list(upper), 2].mean()),
        opening=float(gap.max()),
        floor=np.float32(canvas.landmarks[list(lower[3:6]), 1].mean() - y0),
        lash=_lash_colour(canvas, upper),
    )


def _steps(mm: float, length_mm: float) -> int:
    return max(1, round(length_mm * mm))


def _eyeball(photo: Float, mask: Bool, centre: Double, radius: float, mm: float) -> Float:
    """The eye extended behind the lids: the iris as a disc of its own rings' colours, the white by extrapolation."""
    pure = cv2.erode(mask.astype(np.uint8), _KERNEL, iterations=_steps(mm, _PURE_MM)) > 0
    if not pure.any():
        return np.array(photo)
    ys, xs = np.mgrid[0 : photo.shape[0], 0 : photo.shape[1]].astype(np.float32)
    distance: Double = np.asarray(np.hypot(xs - centre[0], ys - centre[1]) / radius, np.float64)
    white = pure & (distance > 1.15)
    spread = spread_colours(np.asarray(photo, np.uint8), white if white.sum() >= 4 else pure, mm)
    iris = _iris(photo, pure, distance, spread)
    in_iris = (1.0 - smoothstep(0.95, 1.1, distance))[..., None] * _iris_like(photo, pure, iris, spread, mm)
    behind = iris * in_iris + spread * (1.0 - in_iris)
    keep = cv2.GaussianBlur(pure.astype(np.float32), (0, 0), max(0.6, 0.4 * mm))[..., None] * pure[..., None]
    return np.asarray(photo * keep + behind * (1.0 - keep), np.float32)


def _iris(photo: Float, pure: Bool, distance: Double, spread: Float) -> Double:
    """Colours of the iris by the distance from its centre, in radii: medians of what is seen at that distance.

    Mirroring what is seen above its centre would put the lid's shadow, as a dark arc, below it.
    """
    middles = np.arange(0.05, 1.0, 0.1)
    known, colours = [], []
    for middle in middles:
        ring = pure & (np.abs(distance - middle) <= 0.1)
        if ring.sum() >= 3:
            known.append(middle)
            colours.append(np.median(photo[ring], axis=0))
    if not known:
        return np.broadcast_to(spread.mean(axis=(0, 1)) * 0.4, photo.shape).astype(np.float64)
    table = np.array(colours)
    return np.stack([np.interp(distance, known, table[:, c]) for c in range(3)], axis=2)


def _iris_like(photo: Float, pure: Bool, iris: Double, white: Float, mm: float) -> Double:
    """(h, w, 1) whether the seen pixels nearest to each place look like the iris (1) or like the white (0).

    The tracked iris may reach too far down; behind the lower lid it must end where the photo's ends.
    """
    step = iris - white
    share = ((photo - white) * step).sum(axis=2) / np.maximum((step * step).sum(axis=2), 1.0)
    seen = np.repeat((255.0 * np.clip(share, 0.0, 1.0))[..., None], 3, axis=2).astype(np.uint8)
    return np.asarray(smoothstep(0.25, 0.65, spread_colours(seen, pure, mm)[..., :1] / 255.0))


def _lids(picture: Image, mask: Bool, mm: float) -> Image:
    """The photo with the eye painted over by what surrounds it, for lids that are about to meet."""
    hole = cv2.dilate(mask.astype(np.uint8), _KERNEL, iterations=_steps(mm, _LID_EDGE_MM)) > 0
    around = cv2.dilate(hole.astype(np.uint8), _KERNEL, iterations=_steps(mm, _LID_RIM_MM)) > 0
    painted = spread_colours(picture, around & ~hole, mm)
    return np.where(hole[..., None], painted, picture).astype(np.uint8)


def _plain_strip(canvas: Canvas, picture: Image, box: Box, side: int) -> Image:
    """The picture (h, w, 3) of a box with plain skin where there is so little of it that shut lids would smear it."""
    rows = [
        canvas.landmarks[list(row[side])] for row in (topo.CREASE_ROW, topo.LASH_ROW, topo.LID_UPPER, topo.LID_LOWER)
    ]
    heights = [float((row[3:6] @ canvas.down).mean()) for row in rows]
    strip, opening = (max(heights[i + 1] - heights[i], 0.1 * canvas.mm) for i in (0, 2))
    amount = float(smoothstep(*_STRETCH, 1.0 + opening / strip)) * _bare_nose(canvas)
    if amount <= 0.0:
        return picture
    crease, lash, lid = (row[:, :2] for row in rows[:3])
    inside = fill(picture.shape, np.concatenate([crease, lash[::-1]]), box[0], box[1])
    skin = fill(picture.shape, np.concatenate([crease, lid[::-1]]), box[0], box[1]) > 0.5
    if skin.sum() < 4:
        return picture
    light = picture.mean(axis=2)
    plain = spread_colours(
        picture, skin & (light >= np.percentile(light[skin], _STRIP_LIGHT)), _STRIP_SMOOTH * canvas.mm
    )
    cover = amount * cv2.GaussianBlur(inside, (0, 0), max(0.5, _STRIP_EDGE_MM * canvas.mm))[..., None]
    return np.rint(picture + (plain - picture) * cover).astype(np.uint8)


def _bare_nose(canvas: Canvas) -> float:
    """1 where nothing dark lies across the nose between the eyes, 0 where the bridge of glasses does."""
    points = canvas.landmarks[list(_BRIDGE), :2]
    along = np.linspace(0.0, len(_BRIDGE) - 1.0, 60)
    line = np.stack([np.interp(along, np.arange(len(_BRIDGE)), points[:, axis]) for axis in (0, 1)], axis=1)
    aside = np.linspace(-_BRIDGE_HALF_MM, _BRIDGE_HALF_MM, 9) * canvas.mm
    at = line[:, None] + aside[:, None] * np.array([canvas.down[1], -canvas.down[0]])
    rows, columns = (np.clip(np.rint(at[..., k]).astype(int), 0, canvas.image.shape[1 - k] - 1) for k in (1, 0))
    light = np.median(canvas.image[rows, columns].mean(axis=2), axis=1) / max(float(canvas.skin.mean()), 1.0)
    return float(smoothstep(*_BRIDGE_LUMA, light.min()))


def _lash_colour(canvas: Canvas, line: tuple[int, ...]) -> Float:
    """The mean of the darkest pixels along the upper lid's edge."""
    image, reach = canvas.image, max(1, int(canvas.mm))
    colours = []
    for x, y in np.rint(canvas.landmarks[list(line[1:-1]), :2]).astype(int):
        patch = image[max(0, y - reach) : max(0, y + 2), max(0, x - 1) : max(0, x + 2)].reshape(-1, 3)
        if len(patch):
            colours.append(patch.min(axis=0))
    return np.asarray(np.mean(colours, axis=0) if colours else canvas.skin * 0.4, np.float32)
