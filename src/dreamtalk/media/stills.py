"""The bytes of a picture to 8-bit sRGB, upright: profiles, 16 bits, transparency and rotation are dealt with here."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from dreamtalk.media.colour import to_srgb
from dreamtalk.media.header import ImageHeader
from dreamtalk.media.heif import decode_heif
from dreamtalk.media.icc import space_of_picture
from dreamtalk.media.png import without_notes
from dreamtalk.types import Image

_BACKDROP = 255
"""What shows through a transparent picture: white."""

_STRIP_PIXELS = 1_000_000
"""Pixels worked on at a time, so that a large picture needs little more memory than itself."""

_DEEP_STEP = 257.0
"""Steps of 16 bits in one of 8: white is 65,535 and 255."""


def decode_picture(data: bytes, header: ImageHeader) -> Image | None:
    """(H, W, 3) uint8 sRGB, transparency put on white; None when it cannot be decoded.

    header: of the same bytes, its size checked by the caller.
    """
    if header.kind == "HEIF":
        try:
            image, opacity = decode_heif(data)
        except ValueError:
            return None
        return image if opacity is None else _on_backdrop(image, opacity)
    try:
        stored = _unpacked(data, header)
    except cv2.error:
        return None
    if stored is None:
        return None
    space = space_of_picture(data)
    image = np.empty((*stored.shape[:2], 3), np.uint8)
    rows = max(1, _STRIP_PIXELS // stored.shape[1])
    for top in range(0, len(stored), rows):
        strip = stored[top : top + rows]
        colours = np.ascontiguousarray(strip[..., 2::-1])
        shown = _eight_bit(colours) if space is None else to_srgb(colours, space)
        if strip.shape[2] == 4:
            shown = _on_backdrop(shown, _eight_bit(np.ascontiguousarray(strip[..., 3])))
        image[top : top + rows] = shown
    return image


def _unpacked(data: bytes, header: ImageHeader) -> NDArray[Any] | None:
    """OpenCV's decoder: (H, W, 3 or 4) uint8 or uint16, BGR(A), upright."""
    array = np.frombuffer(without_notes(data) if header.kind == "PNG" else data, dtype=np.uint8)
    if header.alpha:
        picture = cv2.imdecode(array, cv2.IMREAD_UNCHANGED)
        if picture is not None and picture.ndim == 3 and picture.shape[2] == 4 and picture.dtype.kind == "u":
            return _turned(picture, header.orientation)
    return cv2.imdecode(array, cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH)


def _turned(picture: NDArray[Any], orientation: int) -> NDArray[Any]:
    """What OpenCV does for all pictures but transparent ones: EXIF's orientation 1 to 8."""
    if orientation >= 5:
        picture = np.swapaxes(picture, 0, 1)
    down, right = {2: (1, -1), 3: (-1, -1), 4: (-1, 1), 6: (1, -1), 7: (-1, -1), 8: (-1, 1)}.get(orientation, (1, 1))
    return picture[::down, ::right]


def _eight_bit(picture: NDArray[Any]) -> Image:
    if picture.dtype == np.uint8:
        return picture
    return np.asarray(cv2.convertScaleAbs(picture, alpha=1.0 / _DEEP_STEP), dtype=np.uint8).reshape(picture.shape)


def _on_backdrop(colours: Image, opacity: Image) -> Image:
    """(H, W, 3) over white with opacity (H, W), 0 to 255."""
    share = opacity[..., np.newaxis].astype(np.uint16)
    blended: Image = ((colours * share + _BACKDROP * (255 - share) + 127) // 255).astype(np.uint8)
    return blended
