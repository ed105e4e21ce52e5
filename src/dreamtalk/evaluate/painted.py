"""What the picture itself does, seen by no tracker: green dots painted on the photo are found again in the frames."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import cv2
import numpy as np

from dreamtalk.types import Float, Image, Portrait

_GREEN = np.array([0.0, 255.0, 0.0], np.float32)
_RADIUS_IOD = 0.018
"""Of a dot: about 2 mm."""
_BESIDE_IOD = 0.02
"""How far beside the corners of the mouth dots are painted: on the skin, so that lips and teeth leave them alone."""
_SEARCH_IOD = 0.06
"""How far from its expected place a dot is looked for."""
_FINE = 4
"""Bits of a pixel's part in OpenCV's drawing."""
_LEAST_GREEN = 45.0
"""Levels by which green has to exceed red and blue; skin, hair and lips never do."""
_CORNERS = (61, 291)
_OUTER_EYES = (33, 263)


def with_dots(portrait: Portrait) -> Portrait:
    """The portrait with a green dot beside each corner of the mouth."""
    image = np.ascontiguousarray(portrait.image[..., :3]).copy()
    iod = _iod(portrait.landmarks)
    for x, y in _beside(portrait.landmarks):
        at = (round(float(x) * 2**_FINE), round(float(y) * 2**_FINE))
        cv2.circle(image, at, round(_RADIUS_IOD * iod * 2**_FINE), _GREEN.tolist(), cv2.FILLED, cv2.LINE_AA, _FINE)
    return replace(portrait, image=image)


def dot_distances(frames: Iterable[Image], points: Float, rest: Float) -> Float:
    """(T,) px between the two dots in frames (H, W, 3); NaN where one of them is not found.

    points: (T, 468, 3) px of the mesh in each frame, which tell where to look. rest: (468, 3) of the resting frame.
    """
    reach = max(4, round(_SEARCH_IOD * _iod(rest)))
    found = [[_dot(frame, near, reach) for near in _beside(mesh)] for frame, mesh in zip(frames, points, strict=True)]
    return np.array([np.linalg.norm(left - right) for right, left in found], np.float32)


def _dot(frame: Image, near: Float, reach: int) -> Float:
    """(2,) px: the centre of what is green around there."""
    x0, y0 = (max(0, round(float(value)) - reach) for value in near)
    part = frame[y0 : y0 + 2 * reach + 1, x0 : x0 + 2 * reach + 1, :3].astype(np.float32)
    green = np.maximum(part[..., 1] - np.maximum(part[..., 0], part[..., 2]) - _LEAST_GREEN, 0.0)
    if green.sum() < _LEAST_GREEN:
        return np.full(2, np.nan, np.float32)
    across, along = np.meshgrid(np.arange(part.shape[1]), np.arange(part.shape[0]))
    centre = [x0 + (green * across).sum() / green.sum(), y0 + (green * along).sum() / green.sum()]
    return np.array(centre, np.float32)


def _beside(points: Float) -> Float:
    """(2, 2) px: a little outside the corners of the mouth, on the line through both."""
    right, left = points[list(_CORNERS), :2]
    step = (left - right) / max(float(np.linalg.norm(left - right)), 1e-6) * _BESIDE_IOD * _iod(points)
    return np.asarray(np.stack([right - step, left + step]), np.float32)


def _iod(points: Float) -> float:
    right, left = _OUTER_EYES
    return float(np.linalg.norm(points[left, :2] - points[right, :2]))
