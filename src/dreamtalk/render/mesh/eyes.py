"""Eyes behind the lids: the photo's own eyes, cut out by the moving lids; gaze moves the irises."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from dreamtalk.render.mesh import topology as topo
from dreamtalk.render.mesh.canvas import Canvas
from dreamtalk.render.mesh.drawing import Box, Double, fill, region, smoothstep, stroke
from dreamtalk.render.mesh.geometry import FaceGeometry, Shape
from dreamtalk.render.mesh.topology import Index
from dreamtalk.types import Float, Image

_MARGIN_MM = 10.0
"""Picture kept around each eye."""
_PURE_MM = 0.9
"""Pixels this far inside the lids show nothing but eye."""
_CONTACT_MM, _CONTACT_SHADE = 1.5, 0.66
"""An eyeball is shaded where it meets the lid: over this width, from this brightness."""
_LID_SHADOW_MM, _LID_SHADOW = 1.3, 0.35
"""Shadow of a closing lid on the eye: width and depth."""
_GAZE_SIDE, _GAZE_HEIGHT = 0.45, 0.30
"""Largest shift of the iris, in iris radii."""
_GAZE_CORE, _GAZE_RIM = 1.1, 2.3
"""The eye moves fully within the first radius (in iris radii) and not at all beyond the second."""
_WIDE_MM = 0.8
"""Widening at which the extended eyeball replaces the photo's eye fully."""
_SEAL_FROM, _SEAL_FULL = 0.70, 0.95
"""Closure over which the line of the closed lids is drawn."""


@dataclass(frozen=True, slots=True)
class _Eye:
    """box: x0, y0, x1, y1 of the picture kept. photo, ball: (h, w, 3) float32: as it is, and extended behind the lids.
    loop, upper, lower: mesh points of the whole outline and of both lids. centre, radius: of the iris. depth: of the
    lid's edge. lash, lid: colours.
    """

    box: Box
    photo: Float
    ball: Float
    loop: Index
    upper: Index
    lower: Index
    centre: Double
    radius: float
    depth: float
    lash: Float
    lid: Float


class EyeLayer:
    """Draws both eyes of one portrait."""

    def __init__(self, canvas: Canvas, geometry: FaceGeometry) -> None:
        self._canvas = canvas
        self._eyes = [_prepare(canvas, geometry, side) for side in (0, 1)]

    def draw(self, picture: Image, shape: Shape, closure: Float, gaze: Float) -> None:
        """Draws into the warped picture (H, W, 3), in place. closure: (2,); gaze: (4,) iod, see Motion."""
        for side, eye in enumerate(self._eyes):
            shift = gaze[2 * side : 2 * side + 2].astype(np.float64) * self._canvas.iod
            self._draw(picture, shape, eye, float(np.clip(closure[side], 0.0, 1.0)), shift)

    def _draw(self, picture: Image, shape: Shape, eye: _Eye, closure: float, shift: Double) -> None:
        canvas = self._canvas
        outline = shape.vertices[eye.loop, :2]
        roi = region(outline, 2.0 * canvas.mm + 2.0, picture.shape)
        if roi is None:
            return
        x0, y0, x1, y1 = roi
        target = picture[y0:y1, x0:x1]
        mask = fill(target.shape[:2], outline, x0, y0)
        xs, ys = np.arange(x0, x1, dtype=np.float32)[None], np.arange(y0, y1, dtype=np.float32)[:, None]
        u, v = shape.pose.back_to_photo(xs, ys, eye.depth)
        turn = _limited(canvas.rotation[:2, :2] @ shift, eye.radius)
        amount = float(np.hypot(*turn)) / eye.radius
        wide = self._widening(shape, eye)
        u, v = u - np.float32(eye.box[0]), v - np.float32(eye.box[1])
        if amount > 1e-4:
            distance: Double = np.hypot(u - (eye.centre[0] + turn[0]), v - (eye.centre[1] + turn[1])) / eye.radius
            weight = (1.0 - smoothstep(_GAZE_CORE, _GAZE_RIM, distance)).astype(np.float32)
            u, v = u - weight * np.float32(turn[0]), v - weight * np.float32(turn[1])
        colour = cv2.remap(eye.photo, u, v, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
        extended = max(wide, min(1.0, amount / 0.25) * 0.9)
        if extended > 0.0:
            ball = cv2.remap(eye.ball, u, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
            inside = cv2.distanceTransform((mask > 0.5).astype(np.uint8), cv2.DIST_L2, 3) / canvas.mm
            contact = _CONTACT_SHADE + (1.0 - _CONTACT_SHADE) * smoothstep(0.0, _CONTACT_MM, inside)
            colour = colour + extended * (ball * contact[..., None].astype(np.float32) - colour)
        line = shape.vertices[eye.upper, :2]
        if closure > 0.0:
            below = (ys - np.interp(xs[0], *_by_x(line))[None].astype(np.float32)) / np.float32(canvas.mm)
            shadow = _LID_SHADOW * min(1.0, 2.0 * closure) * np.exp(-np.maximum(below, 0.0) / _LID_SHADOW_MM)
            colour = colour * (1.0 - shadow[..., None])
        blended: Float = target + (colour - target) * mask[..., None]
        seal = float(smoothstep(_SEAL_FROM, _SEAL_FULL, closure))
        if seal > 0.0:
            blended = self._seal(blended, eye, line - (x0, y0), seal)
        target[:] = np.clip(blended + 0.5, 0.0, 255.0).astype(np.uint8)

    def _widening(self, shape: Shape, eye: _Eye) -> float:
        """How far the lid is raised above its place in the photo, 0 to 1."""
        canvas = self._canvas
        middle = eye.upper[::2][3:6]
        raised = -(shape.control[middle] - canvas.landmarks[middle]) @ canvas.down
        return float(np.clip(raised.mean() / (_WIDE_MM * canvas.mm), 0.0, 1.0))

    def _seal(self, picture: Float, eye: _Eye, line: Float, amount: float) -> Float:
        """Covers what is left of the eye between closed lids by a band of lid colour and a line of lashes."""
        mm = self._canvas.mm
        for colour, width, blur in ((eye.lid, 1.5, 0.5), (eye.lash, 0.9, 0.3)):
            soft = stroke(picture.shape, line, 0, 0, width * mm, max(0.5, blur * mm)) * np.float32(0.8 * amount)
            picture = picture + (colour - picture) * soft[..., None]
        return picture


def _prepare(canvas: Canvas, geometry: FaceGeometry, side: int) -> _Eye:
    upper, lower = topo.LID_UPPER[side], topo.LID_LOWER[side]
    outline = canvas.landmarks[list(topo.hole_loop(upper, lower)), :2]
    box = region(outline, _MARGIN_MM * canvas.mm + 4.0, canvas.image.shape) or (0, 0, 8, 8)
    x0, y0, x1, y1 = box
    photo = canvas.image[y0:y1, x0:x1].astype(np.float32)
    iris = canvas.landmarks[list(topo.IRIS[side]), :2]
    centre = iris[0] - (x0, y0)
    radius = max(0.5, float(np.linalg.norm(iris[1] - iris[3]) + np.linalg.norm(iris[2] - iris[4])) / 4)
    mask = fill(photo.shape[:2], outline, x0, y0)
    return _Eye(
        box=box,
        photo=photo,
        ball=_eyeball(photo, mask, centre, radius, canvas.mm),
        loop=geometry.mesh.loop(topo.HOLES[1 + side]),
        upper=geometry.mesh.path(upper),
        lower=geometry.mesh.path(lower),
        centre=centre,
        radius=radius,
        depth=float(canvas.landmarks[list(upper), 2].mean()),
        lash=_darkest(canvas, upper),
        lid=_lid_colour(canvas, side),
    )


def _eyeball(photo: Float, mask: Float, centre: Double, radius: float, mm: float) -> Float:
    """The eye extended behind the lids: the iris mirrored through its centre, white by smooth extrapolation."""
    pure = (
        cv2.erode((mask > 0.5).astype(np.uint8), np.ones((3, 3), np.uint8), iterations=max(1, round(_PURE_MM * mm))) > 0
    )
    if not pure.any():
        return photo.copy()
    ys, xs = np.mgrid[0 : photo.shape[0], 0 : photo.shape[1]].astype(np.float32)
    distance = np.hypot(xs - centre[0], ys - centre[1]) / radius
    white = pure & (distance > 1.15)
    known = (white if white.sum() >= 4 else pure).astype(np.float32)
    blur = max(1.0, 3.0 * mm)
    weight = cv2.GaussianBlur(known, (0, 0), blur) + 1e-4
    fallback = photo[known > 0].mean(axis=0)
    spread = (cv2.GaussianBlur(photo * known[..., None], (0, 0), blur) + 1e-4 * fallback) / weight[..., None]
    mirrored = cv2.remap(
        photo, (2 * centre[0] - xs).astype(np.float32), (2 * centre[1] - ys).astype(np.float32), cv2.INTER_LINEAR
    )
    mirror_pure = cv2.remap(
        pure.astype(np.float32),
        (2 * centre[0] - xs).astype(np.float32),
        (2 * centre[1] - ys).astype(np.float32),
        cv2.INTER_LINEAR,
    )
    ring = pure & (distance > 0.5) & (distance < 0.95)
    brown = photo[ring].mean(axis=0) if ring.any() else spread.mean(axis=(0, 1)) * 0.4
    inner = np.where(mirror_pure[..., None] > 0.5, mirrored, brown)
    in_iris = (1.0 - smoothstep(0.95, 1.1, distance))[..., None]
    behind = inner * in_iris + spread * (1.0 - in_iris)
    keep = cv2.GaussianBlur(pure.astype(np.float32), (0, 0), max(0.6, 0.4 * mm))[..., None] * pure[..., None]
    return np.asarray(photo * keep + behind * (1.0 - keep), np.float32)


def _darkest(canvas: Canvas, line: tuple[int, ...]) -> Float:
    """Colour of the lashes: the mean of the darkest pixels along the upper lid's edge."""
    image, reach = canvas.image, max(1, int(canvas.mm))
    colours = []
    for x, y in np.rint(canvas.landmarks[list(line[1:-1]), :2]).astype(int):
        patch = image[max(0, y - reach) : max(0, y + 2), max(0, x - 1) : max(0, x + 2)].reshape(-1, 3)
        if len(patch):
            colours.append(patch.min(axis=0))
    return np.asarray(np.mean(colours, axis=0) if colours else canvas.skin * 0.4, np.float32)


def _lid_colour(canvas: Canvas, side: int) -> Float:
    """Colour of the skin between the lashes and the brow."""
    height, width = canvas.image.shape[:2]
    points = np.rint(canvas.landmarks[list(topo.CREASE_ROW[side][2:7]), :2]).astype(int)
    xs, ys = np.clip(points[:, 0], 0, width - 1), np.clip(points[:, 1], 0, height - 1)
    return np.asarray(np.median(canvas.image[ys, xs], axis=0), np.float32)


def _limited(turn: Double, radius: float) -> Double:
    """Iris shift with soft limits."""
    limit = np.array([_GAZE_SIDE, _GAZE_HEIGHT]) * radius
    return np.asarray(limit * np.tanh(turn / limit))


def _by_x(line: Float) -> tuple[Double, Double]:
    order = np.argsort(line[:, 0])
    return line[order, 0].astype(np.float64), line[order, 1].astype(np.float64)
