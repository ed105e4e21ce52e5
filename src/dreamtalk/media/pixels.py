"""A decoded frame as RGB of an ordinary screen, whatever its tags say: matrix, range, transfer, primaries."""

from __future__ import annotations

from typing import Any

import av
import cv2
import numpy as np

from dreamtalk.media.colour import ColourSpace, coded_space, to_srgb
from dreamtalk.types import Image

_UNKNOWN = 2
"""Of all tags of ITU-T H.273."""

_BT709, _BT601, _BT2020, _BT2020_CONSTANT = 1, 5, 9, 10
_CONVERTED = frozenset({0, 1, 4, 5, 6, 7, 9})
"""Matrices that FFmpeg's converter knows (0: none, it is RGB); of others the size tells what to take."""

_HD_WIDTH, _HD_HEIGHT = 1280, 577
"""From this size on, in pixels, players take untagged video for BT.709, below for BT.601."""

_COMB = 12
"""Grey levels by which a line must leave both its neighbours to be taken for another moment."""


def frame_rgb(frame: av.VideoFrame, tags: Any = None, space: ColourSpace | None = None) -> Image:
    """(H, W, 3) uint8 sRGB.

    tags: what knows color_trc and color_primaries (a codec context) where the frame does not. space: its colour space
    where something else than tags told it, such as a profile.
    """
    image = _converted(frame, tags, space)
    return without_combs(image) if frame.interlaced_frame else image


def without_combs(image: Image) -> Image:
    """(H, W, 3) woven of two moments, even lines and odd ones: the odd are filled from the even where they differ.

    Where nothing moves, everything stays, but for lines one pixel thin.
    """
    whole: Image = image.copy()
    above, below = image[0:-2:2], image[2::2]
    lines = whole[1:-1:2]
    over = cv2.subtract(np.ascontiguousarray(lines), cv2.max(above, below))
    under = cv2.subtract(cv2.min(above, below), np.ascontiguousarray(lines))
    comb = cv2.max(over, under).max(axis=2) > _COMB
    lines[comb] = cv2.addWeighted(above, 0.5, below, 0.5, 0.0)[comb]
    return whole


def stored_rgb(frame: av.VideoFrame) -> Image:
    """(H, W, 3) uint8 RGB of the frame's own transfer and primaries."""
    image: Image = _as_array(frame, "rgb24")
    return image


def _converted(frame: av.VideoFrame, tags: Any, space: ColourSpace | None) -> Image:
    space = space or coded_space(_tag("color_trc", frame, tags), _tag("color_primaries", frame, tags))
    if space is None:
        return stored_rgb(frame)
    deep = frame.format.components[0].bits > 8
    return to_srgb(_as_array(frame, "rgb48le" if deep else "rgb24"), space)


def _as_array(frame: av.VideoFrame, format: str) -> Any:
    matrix = int(frame.colorspace)
    if matrix == _BT2020_CONSTANT:
        frame.colorspace = _BT2020
    elif matrix not in _CONVERTED:
        frame.colorspace = _BT709 if frame.width >= _HD_WIDTH or frame.height >= _HD_HEIGHT else _BT601
    return np.ascontiguousarray(frame.reformat(format=format).to_ndarray())


def _tag(name: str, frame: av.VideoFrame, tags: Any) -> int:
    """Of the frame, which PyAV tells since version 16, else of its stream."""
    value = int(getattr(frame, name, _UNKNOWN))
    return value if value != _UNKNOWN else int(getattr(tags, name, _UNKNOWN) or _UNKNOWN)
