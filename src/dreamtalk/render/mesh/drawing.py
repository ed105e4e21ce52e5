"""Small drawing helpers: smooth steps, regions of a picture, filled outlines with soft edges."""

from __future__ import annotations

from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from dreamtalk.types import Bool, Float, Image

Double: TypeAlias = NDArray[np.float64]
Index: TypeAlias = NDArray[np.int32]
Box: TypeAlias = tuple[int, int, int, int]
"""x0, y0, x1, y1 in px; x1 and y1 are outside."""

_SPREADS_MM = (9.0, 4.0, 1.8, 0.8, 0.4)
"""Scales at which known colours are spread over a hole, coarse to fine."""
_SOFT_PX, _SOFT_BLUR_PX = 1.6, 0.8
"""Width of the line that `soften` smooths, and by how much; the warp's edges have steps of one pixel."""
SUBPIXEL = 4
"""Binary places of the coordinates given to OpenCV's drawing."""


def smoothstep(low: float, high: float, values: ArrayLike) -> Double:
    """0 below low, 1 above high, smooth between."""
    t = np.clip((np.asarray(values, np.float64) - low) / (high - low), 0.0, 1.0)
    return np.asarray(t * t * (3.0 - 2.0 * t))


def region(points: Double | Float, margin: float, shape: tuple[int, ...]) -> Box | None:
    """Box around points (N, 2), inside a picture of that shape; None when nothing of it is in the picture."""
    low, high = np.floor(points.min(axis=0) - margin).astype(int), np.ceil(points.max(axis=0) + margin).astype(int) + 1
    x0, y0, x1, y1 = max(0, low[0]), max(0, low[1]), min(shape[1], high[0]), min(shape[0], high[1])
    return (int(x0), int(y0), int(x1), int(y1)) if x1 - x0 > 1 and y1 - y0 > 1 else None


def finer(points: Double | Float, x0: int, y0: int, fine: int) -> Double:
    """Points (N, 2) relative to a region at (x0, y0) whose pixels are divided into fine x fine."""
    return np.asarray((points - (x0, y0) + 0.5) * fine - 0.5, np.float64)


def fixed_point(points: Double) -> NDArray[np.int32]:
    """Points (N, 2) as OpenCV's fixed-point numbers."""
    return np.asarray(np.rint(points * (1 << SUBPIXEL)), np.int32)


def fill(shape: tuple[int, ...], outline: Double | Float, x0: int, y0: int, fine: int = 1) -> Float:
    """(h fine, w fine) coverage 0..1 of a polygon in a region (h, w) whose upper left pixel is (x0, y0)."""
    mask = np.zeros((shape[0] * fine, shape[1] * fine), np.uint8)
    cv2.fillPoly(mask, [fixed_point(finer(outline, x0, y0, fine))], 255, cv2.LINE_AA, SUBPIXEL)
    return np.asarray(mask.astype(np.float32) / np.float32(255.0))


def stroke(
    shape: tuple[int, ...], line: Double | Float, x0: int, y0: int, width: float, blur: float, fine: int = 1
) -> Float:
    """(h, w) coverage 0..1 of an open line of `width` px, blurred by `blur` px, drawn `fine` times finer."""
    mask = np.zeros((shape[0] * fine, shape[1] * fine), np.uint8)
    points = fixed_point(finer(line, x0, y0, fine))
    cv2.polylines(mask, [points], False, 255, max(1, round(width * fine)), cv2.LINE_AA, SUBPIXEL)
    soft = cv2.GaussianBlur(mask, (0, 0), max(0.3, blur * fine)).astype(np.float32) / np.float32(255.0)
    return coarser(np.asarray(soft), fine)


def soften(region: Float | Image, line: Double | Float, x0: int, y0: int, amount: float = 1.0) -> Float:
    """A region (h, w, 3) in which the steps along a line (N, 2) are smoothed: where one lip or lid covers the other."""
    near = stroke(region.shape, line, x0, y0, _SOFT_PX, 0.5 * _SOFT_PX)[..., None] * np.float32(amount)
    smooth = cv2.GaussianBlur(region, (0, 0), _SOFT_BLUR_PX).astype(np.float32)
    return np.asarray(region + (smooth - region) * near, np.float32)


def coarser(values: Float, fine: int) -> Float:
    """Means over fine x fine pixels."""
    if fine == 1:
        return values
    size = (values.shape[1] // fine, values.shape[0] // fine)
    return np.asarray(cv2.resize(values, size, interpolation=cv2.INTER_AREA), np.float32)


def spread_colours(picture: Image, known: Bool, mm: float) -> Float:
    """The known pixels' colours spread smoothly over the whole picture (h, w, 3), the nearest counting most.

    mm: px per millimetre.
    """
    weight = known.astype(np.float32)
    if weight.sum() < 1.0:
        return picture.astype(np.float32)
    result = np.broadcast_to(picture[known].mean(axis=0).astype(np.float32), picture.shape).copy()
    for spread in _SPREADS_MM:
        blur = max(0.6, spread * mm)
        near = cv2.GaussianBlur(weight, (0, 0), blur)
        colour = cv2.GaussianBlur(picture * weight[..., None], (0, 0), blur)
        trust = np.clip(near / 0.12, 0.0, 1.0)[..., None]
        result += (colour / np.maximum(near, 1e-6)[..., None] - result) * trust
    return np.asarray(result, np.float32)
