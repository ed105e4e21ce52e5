"""How the networks see a picture: rotated squares, sampled by the rule the networks were deployed with.

Output pixel (i, j) of an N x N crop reads the source at ``centre + R(angle) ((i / N - 1/2) side, (j / N - 1/2) side)``;
integer source coordinates are pixel centres and there is no half-pixel offset anywhere. Coordinates are rounded to
1/32 px and the bilinear result to 8 bit, as classic OpenCV did: with these roundings landmarks agree with MediaPipe to
0.003 px instead of 0.03 (shared/reference/face_tracker.md, section 4).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, sin

import cv2
import numpy as np

from dreamtalk.types import Float, Image

_FRACTIONS = 32
"""Sub-pixel steps of OpenCV's fixed-point maps."""

_MAP_LIMIT = 32_000
"""Fixed-point maps hold 16-bit pixel positions."""


@dataclass(frozen=True, slots=True)
class Square:
    """A rotated square in the picture. cx, cy, side in px; angle in radians, clockwise on screen."""

    cx: float
    cy: float
    side: float
    angle: float = 0.0

    def to_image(self, points: Float) -> Float:
        """Points (N, 2) in units of the square (0..1) to picture px."""
        u, v = (points[:, 0] - 0.5) * self.side, (points[:, 1] - 0.5) * self.side
        c, s = cos(self.angle), sin(self.angle)
        return np.stack([self.cx + u * c - v * s, self.cy + u * s + v * c], axis=1).astype(np.float32)


def crop(image: Image, square: Square, size: int, *, repeat_edge: bool) -> Image:
    """The square as (size, size, 3) uint8. Outside the picture: the edge pixel repeated, or black."""
    step = (np.arange(size) / size - 0.5) * square.side
    c, s = cos(square.angle), sin(square.angle)
    x = square.cx + step[None, :] * c - step[:, None] * s
    y = square.cy + step[None, :] * s + step[:, None] * c
    fixed_x = np.rint(np.clip(x, -_MAP_LIMIT, _MAP_LIMIT) * _FRACTIONS).astype(np.int32)
    fixed_y = np.rint(np.clip(y, -_MAP_LIMIT, _MAP_LIMIT) * _FRACTIONS).astype(np.int32)
    whole = np.stack([fixed_x >> 5, fixed_y >> 5], axis=-1).astype(np.int16)
    fraction = ((fixed_y & 31) * _FRACTIONS + (fixed_x & 31)).astype(np.uint16)
    border = cv2.BORDER_REPLICATE if repeat_edge else cv2.BORDER_CONSTANT
    return np.asarray(cv2.remap(image, whole, fraction, cv2.INTER_LINEAR, borderMode=border), dtype=np.uint8)
