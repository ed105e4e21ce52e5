"""A decoded frame as RGB of an ordinary screen, whatever its tags say: matrix, range, transfer, primaries."""

from __future__ import annotations

from typing import Any

import av
import numpy as np

from dreamtalk.media.colour import ColourSpace, coded_space, to_srgb
from dreamtalk.types import Image

_UNKNOWN = 2
"""Of all tags of ITU-T H.273."""

_BT709, _BT601 = 1, 5
"""Matrices as FFmpeg's converter numbers them."""

_HD_WIDTH, _HD_HEIGHT = 1280, 577
"""From this size on, in pixels, players take untagged video for BT.709, below for BT.601."""

_RGB_MATRIX = 0


def frame_rgb(frame: av.VideoFrame, tags: Any = None, space: ColourSpace | None = None) -> Image:
    """(H, W, 3) uint8 sRGB.

    tags: what knows color_trc and color_primaries (a codec context) where the frame does not. space: its colour space
    where something else than tags told it, such as a profile.
    """
    space = space or coded_space(_tag("color_trc", frame, tags), _tag("color_primaries", frame, tags))
    if space is None:
        return stored_rgb(frame)
    deep = frame.format.components[0].bits > 8
    return to_srgb(_as_array(frame, "rgb48le" if deep else "rgb24"), space)


def stored_rgb(frame: av.VideoFrame) -> Image:
    """(H, W, 3) uint8 RGB of the frame's own transfer and primaries."""
    image: Image = _as_array(frame, "rgb24")
    return image


def _as_array(frame: av.VideoFrame, format: str) -> Any:
    matrix = int(frame.colorspace)
    if matrix == _UNKNOWN:
        matrix = _BT709 if frame.width >= _HD_WIDTH or frame.height >= _HD_HEIGHT else _BT601
    chosen = None if matrix == _RGB_MATRIX else matrix
    return np.ascontiguousarray(frame.reformat(format=format, src_colorspace=chosen).to_ndarray())


def _tag(name: str, frame: av.VideoFrame, tags: Any) -> int:
    """Of the frame, which PyAV tells since version 16, else of its stream."""
    value = int(getattr(frame, name, _UNKNOWN))
    return value if value != _UNKNOWN else int(getattr(tags, name, _UNKNOWN) or _UNKNOWN)
