"""From what the network draws to the frame: the square by itself, or back in its place in the photo.

Pasting back is the inverse of the cut (framing.py): enlarged to the square's side and blended in with whole numbers, so
that what the weights leave to the photo is the photo's own bytes. Towards edges of the square that lie inside the photo
the weight falls to nothing; where the photo ends, there is no seam to hide and the drawn picture goes on to the edge.
"""

from __future__ import annotations

from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from dreamtalk.render.mesh.drawing import Double, smoothstep
from dreamtalk.render.pirenderer.framing import Square
from dreamtalk.types import Image

_FEATHER = 0.14
"""Over this share of the square's side the photo turns into the drawn picture: hair ends there, shoulders cross it."""
_WHOLE = 256
"""Weight of a pixel that is wholly drawn; weights are whole numbers, so that 0 gives the photo to the bit."""


class Placing(Protocol):
    """Makes frames of drawn pictures."""

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the frames, px; both even."""

    def frame(self, drawn: Image) -> Image:
        """A frame (H, W, C) of a drawn picture (side, side, C) uint8."""


class Alone:
    """The drawn square by itself, at any size."""

    def __init__(self, side: int) -> None:
        """side: of the frames, px, even."""
        self._side = side

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the frames, px."""
        return self._side, self._side

    def frame(self, drawn: Image) -> Image:
        """(side, side, C) of a drawn picture (s, s, C)."""
        return resized(drawn, self._side)


class PastedBack:
    """The drawn square in its place in the photo."""

    def __init__(self, photo: Image, square: Square) -> None:
        """photo: (H, W, C), C colours or RGBA, both sides even. square: what was cut; it may reach beyond the photo."""
        self._photo, self._square = photo, square
        height, width = photo.shape[:2]
        weights = np.outer(*(_weights(start, square.side, length) for start, length in
                             ((square.top, height), (square.left, width))))  # fmt: skip
        whole = np.rint(weights * _WHOLE).astype(np.uint16)[..., None]
        y0, x0 = max(0, square.top), max(0, square.left)
        y1, x1 = min(height, square.top + square.side), min(width, square.left + square.side)
        self._there = np.s_[y0:y1, x0:x1]
        self._drawn_there = np.s_[y0 - square.top : y1 - square.top, x0 - square.left : x1 - square.left]
        self._weights: NDArray[np.uint16] = whole[self._drawn_there]
        # Rounded once, after the sum; at most 255 * 256 + 128, which 16 bits hold.
        self._kept: NDArray[np.uint16] = photo[self._there] * (_WHOLE - self._weights) + np.uint16(_WHOLE // 2)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the frames, px."""
        height, width = self._photo.shape[:2]
        return height, width

    @property
    def touched(self) -> NDArray[np.bool_]:
        """(H, W) where frames can differ from the photo."""
        mask = np.zeros(self._photo.shape[:2], np.bool_)
        mask[self._there] = self._weights[..., 0] > 0
        return mask

    def frame(self, drawn: Image) -> Image:
        """The photo (H, W, C) with a drawn picture (s, s, C) in it."""
        placed = resized(drawn, self._square.side)[self._drawn_there]
        frame: Image = self._photo.copy()
        frame[self._there] = (placed * self._weights + self._kept) >> 8  # _WHOLE is 2 ** 8
        return frame


def resized(picture: Image, side: int) -> Image:
    """A square picture (s, s, C) at another side: bicubic where it grows, averaged where it shrinks."""
    if side == len(picture):
        return picture
    way = cv2.INTER_CUBIC if side > len(picture) else cv2.INTER_AREA
    return np.asarray(cv2.resize(picture, (side, side), interpolation=way), dtype=np.uint8)


def _weights(start: int, side: int, length: int) -> Double:
    """(side,) 0 to 1 along one axis of a square that starts at `start` in a photo of that length, px."""
    from_start = (np.arange(side) + 0.5) / side
    weights = np.ones(side)
    if start > 0:
        weights *= smoothstep(0.0, _FEATHER, from_start)
    if start + side < length:
        weights *= smoothstep(0.0, _FEATHER, 1.0 - from_start)
    return weights
