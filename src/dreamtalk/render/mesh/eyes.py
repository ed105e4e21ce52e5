"""Eyes behind the lids: the photo's own eyes, cut out by the moving lids; gaze moves the irises."""

from __future__ import annotations

import cv2
import numpy as np

from dreamtalk.render.mesh.canvas import Canvas
from dreamtalk.render.mesh.drawing import Double, fill, region, smoothstep, soften, stroke
from dreamtalk.render.mesh.eyeball import Eye, prepare_eye
from dreamtalk.render.mesh.geometry import FaceGeometry, Shape
from dreamtalk.types import Float, Image

_LID_SHADOW_MM, _LID_SHADOW = 1.3, 0.35
"""Shadow of a closing lid on the eye: width and depth."""
_GAZE_SIDE, _GAZE_HEIGHT = 0.45, 0.30
"""Largest shift of the iris, in iris radii."""
_GAZE_CORE, _GAZE_RIM = 1.1, 2.3
"""The eye moves fully within the first radius (in iris radii) and not at all beyond the second."""
_GAZE_BLEND = 0.10
"""Shift of the iris, in radii, at which the extended eyeball replaces the photo's eye fully."""
_LIDS_FROM, _LIDS_FULL = 0.14, 0.44
"""Closure over which lids without eye pixels replace the photo's."""
_STILL_CLOSURE, _STILL_GAZE_MM = (0.06, 0.34), (0.4, 1.6)
"""An eye of which lids and iris have moved by less than the first of each is the photo's own, stretched with its lids;
by the second of either, it is the painted one."""
_SEAL_FROM, _SEAL_FULL = 0.65, 0.95
"""Closure over which the line of the closed lids is drawn."""
_SEAL_MM, _SEAL_BLUR_MM, _SEAL_DARK = 0.7, 0.4, 0.55
_THIN_PX = 1.5
"""An opening narrower than this is drawn thinner than a pixel."""


class EyeLayer:
    """Draws both eyes of one portrait."""

    def __init__(self, canvas: Canvas, geometry: FaceGeometry) -> None:
        self._canvas = canvas
        self._eyes = [prepare_eye(canvas, geometry, side) for side in (0, 1)]

    def lids_shown(self, closure: Float) -> tuple[float, float]:
        """How far the eyes are taken out of the photo to be warped, 0 to 1, at a closure (2,) of the lids."""
        right, left = smoothstep(_LIDS_FROM, _LIDS_FULL, closure)
        return float(right), float(left)

    def paint_lids(self, skin: Image, shown: tuple[float, float]) -> None:
        """Takes the eyes out of the photo to be warped (H, W, 3), in place, so far; 0 puts them back."""
        for eye, amount in zip(self._eyes, shown, strict=True):
            x0, y0, x1, y1 = eye.box
            skin[y0:y1, x0:x1] = np.rint(eye.photo + (eye.lids - eye.photo) * np.float32(amount)).astype(np.uint8)

    def draw(self, picture: Image, shape: Shape, closure: Float, gaze: Float) -> None:
        """Draws into the warped picture (H, W, 3), in place. closure: (2,); gaze: (4,) iod, see Motion."""
        for side, eye in enumerate(self._eyes):
            shift = gaze[2 * side : 2 * side + 2].astype(np.float64) * self._canvas.iod
            self._draw(picture, shape, eye, float(np.clip(closure[side], 0.0, 1.0)), shift)

    def _draw(self, picture: Image, shape: Shape, eye: Eye, closure: float, shift: Double) -> None:
        mm = self._canvas.mm
        outline = shape.vertices[eye.loop, :2]
        roi = region(outline, 2.0 * mm + 2.0, picture.shape)
        if roi is None:
            return
        x0, y0, x1, y1 = roi
        target = picture[y0:y1, x0:x1]
        mask = fill(target.shape, outline, x0, y0)
        opening = float(np.max((shape.vertices[eye.lower] - shape.vertices[eye.upper])[:, :2] @ self._canvas.down[:2]))
        mask = mask * np.float32(np.clip(opening / max(min(_THIN_PX, 0.5 * eye.opening), 1e-3), 0.0, 1.0))
        mask = mask * np.float32(self._moved(closure, shift))
        xs, ys = np.arange(x0, x1, dtype=np.float32)[None], np.arange(y0, y1, dtype=np.float32)[:, None]
        u, v = shape.pose.back_to_photo(xs, ys, eye.depth)
        u, v = u - np.float32(eye.box[0]), v - np.float32(eye.box[1])
        colour = self._eyeball(eye, u, eye.floor + (v - eye.floor) * np.float32(self._narrowing(shape, eye)), shift)
        line = shape.vertices[eye.upper, :2]
        if closure > 0.0:
            below = (ys - np.interp(xs[0], *_by_x(line))[None].astype(np.float32)) / np.float32(mm)
            shadow = _LID_SHADOW * min(1.0, 2.0 * closure) * np.exp(-np.maximum(below, 0.0) / _LID_SHADOW_MM)
            colour = colour * (1.0 - shadow[..., None])
        blended: Float = target + (colour - target) * mask[..., None]
        seal = float(smoothstep(_SEAL_FROM, _SEAL_FULL, closure)) * _SEAL_DARK
        if seal > 0.0:
            blended = soften(blended, line[1:-1], x0, y0, min(1.0, 2.0 * seal))
            soft = stroke(target.shape, line[1:-1], x0, y0, _SEAL_MM * mm, max(0.5, _SEAL_BLUR_MM * mm))
            blended = blended + (eye.lash - blended) * (soft * np.float32(seal))[..., None]
        target[:] = np.clip(blended + 0.5, 0.0, 255.0).astype(np.uint8)

    def _eyeball(self, eye: Eye, u: Float, v: Float, shift: Double) -> Float:
        """The eye's colours (h, w, 3) at places u, v of its picture, the iris moved by `shift` px of the face frame."""
        limit = np.array([_GAZE_SIDE, _GAZE_HEIGHT]) * eye.radius
        turn = limit * np.tanh((self._canvas.rotation[:2, :2] @ shift) / limit)
        amount = float(np.hypot(*turn)) / eye.radius
        photo = cv2.remap(eye.photo, u, v, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
        extended = min(1.0, amount / _GAZE_BLEND)
        if extended <= 0.0:
            return np.asarray(photo, np.float32)
        distance: Double = np.hypot(u - (eye.centre[0] + turn[0]), v - (eye.centre[1] + turn[1])) / eye.radius
        weight = (1.0 - smoothstep(_GAZE_CORE, _GAZE_RIM, distance)).astype(np.float32)
        moved_u, moved_v = u - weight * np.float32(turn[0]), v - weight * np.float32(turn[1])
        ball = cv2.remap(eye.ball, moved_u, moved_v, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
        shade = cv2.remap(eye.shade, u, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(photo + np.float32(extended) * (ball * shade - photo), np.float32)

    def _moved(self, closure: float, shift: Double) -> float:
        """How much of the painted eye is seen, 0 to 1: all of it once lids or iris have clearly moved."""
        gaze = float(np.hypot(*shift)) / self._canvas.mm
        still = (1.0 - smoothstep(*_STILL_CLOSURE, closure)) * (1.0 - smoothstep(*_STILL_GAZE_MM, gaze))
        return float(1.0 - still)

    def _narrowing(self, shape: Shape, eye: Eye) -> float:
        """Of a widened eye, its height in the photo relative to its height now: it is stretched with its lids.

        What is behind the lids is not known, and what was painted there had a pale rim.
        """
        middle = eye.upper[::2][3:6]
        raised = -(shape.control[middle] - self._canvas.landmarks[middle]) @ self._canvas.down
        return float(eye.opening / max(eye.opening + max(float(raised.mean()), 0.0), 1e-3))


def _by_x(line: Float) -> tuple[Double, Double]:
    order = np.argsort(line[:, 0])
    return line[order, 0].astype(np.float64), line[order, 1].astype(np.float64)
