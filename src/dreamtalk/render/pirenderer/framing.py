"""The square around a head that PIRenderer draws: the same framing for every portrait and every training video.

It is the one that the published pose-free constants describe (crop 0.9370641, 126.84911, 129.03864 of 256 px), so that
portraits given to published weights stand where those weights expect them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from dreamtalk.errors import UnusableInput
from dreamtalk.face.align import STABLE, canonical_face, procrustes
from dreamtalk.render.mesh.canvas import MAX_SIDE, MIN_SIDE
from dreamtalk.types import Float, Image, Portrait

_SIDE_IOD = 2.78
"""Side of the square in outer eye corner distances: eye centres are then 0.264 of the side apart (67.6 of 256 px, mean
of ten portraits), as a face of those constants has them."""
_ANCHOR = np.array([0.032, 0.556, 0.15], dtype=np.float32)
"""Origin of the published alignment in the face frame, iod: between the ears, at the height of the nose bridge."""
_ANCHOR_AT = np.array([0.4955, 0.4920], dtype=np.float32)
"""Where that point stands in the square, in sides from its left and upper edge."""
_LEAST_SIDE = 24
"""A smaller face has no features to draw, px."""


@dataclass(frozen=True, slots=True)
class Head:
    """rotation: (3, 3) face frame to picture axes. iod: outer eye corner distance if it looked ahead, px. anchor: (2,)
    where the anchor point stands, px."""

    rotation: Float
    iod: float
    anchor: Float


@dataclass(frozen=True, slots=True)
class Square:
    """A square part of a picture, px; it may reach beyond the picture."""

    left: int
    top: int
    side: int


def head_of(landmarks: Float) -> Head:
    """Head of landmarks (478, 3) px, by the points that expressions hardly move."""
    return usual_head(landmarks[None])


def usual_head(landmarks: Float) -> Head:
    """Where the head mostly is in a clip of landmarks (T, 478, 3) px; its rotation is the first frame's."""
    found = procrustes(canonical_face()[STABLE], landmarks[:, STABLE])
    anchors = found.apply(_ANCHOR[None])[:, 0, :2]
    return Head(found.rotation[0], float(np.median(found.scale)), np.median(anchors, axis=0).astype(np.float32))


def square_around(head: Head) -> Square:
    """The square in which the head stands as the network expects it. Raises UnusableInput for a head too small."""
    side = round(_SIDE_IOD * head.iod)
    if side < _LEAST_SIDE:
        raise UnusableInput(f"The face is too small to be drawn ({side} px); use a larger picture.")
    left, top = np.rint(head.anchor - _ANCHOR_AT * side).astype(int)
    return Square(int(left), int(top), side)


def placed(head: Head, square: Square) -> Float:
    """(3,) how the head stands in the square: 4 iod / side; the anchor's x and y, -1 to 1 from edge to edge."""
    at = 2.0 * (head.anchor - (square.left, square.top)) / square.side - 1.0
    return np.array([4.0 * head.iod / square.side, *at], dtype=np.float32)


def cut(image: Image, square: Square, side: int) -> Image:
    """The square (side, side, 3) of a picture (H, W, 3), shrunk by averaging; what is outside is mirrored."""
    return np.asarray(_cut(image, square, side), dtype=np.uint8)


def cut_values(values: Float, square: Square, side: int) -> Float:
    """The same of values (H, W) from 0 to 1: (side, side)."""
    return np.clip(np.asarray(_cut(values, square, side), dtype=np.float32), 0.0, 1.0)


def own_side(portrait: Portrait) -> int:
    """Side of the square around the head at the photo's own resolution, px: even, 16 to 2048."""
    side = square_around(head_of(portrait.landmarks)).side
    return max(MIN_SIDE, min(MAX_SIDE, side // 2 * 2))


def _cut(values: NDArray[Any], square: Square, side: int) -> NDArray[Any]:
    height, width = values.shape[:2]
    x0, y0, x1, y1 = square.left, square.top, square.left + square.side, square.top + square.side
    inside = values[max(0, y0) : max(0, min(height, y1)), max(0, x0) : max(0, min(width, x1))]
    if inside.size == 0:
        raise UnusableInput("The face lies outside the picture.")
    edges = (max(0, -y0), max(0, y1 - height), max(0, -x0), max(0, x1 - width))
    whole = cv2.copyMakeBorder(inside, *edges, cv2.BORDER_REFLECT_101) if any(edges) else inside
    way = cv2.INTER_AREA if square.side > side else cv2.INTER_CUBIC
    return cv2.resize(whole, (side, side), interpolation=way)


def to_network(image: Image) -> NDArray[np.float32]:
    """Pictures (..., H, W, 3) uint8 RGB to (..., 3, H, W) in -1..1."""
    return np.asarray(np.moveaxis(image, -1, -3) / 127.5 - 1.0, dtype=np.float32)


def from_network(picture: NDArray[np.float32]) -> Image:
    """The other way, cut to the range and rounded (the published code rounds down: half a grey level darker)."""
    levels = np.rint((np.clip(picture, -1.0, 1.0) + 1.0) * 127.5)
    return np.ascontiguousarray(np.moveaxis(levels, -3, -1).astype(np.uint8))
