"""Picture files to 8-bit sRGB, upright: Pillow reads them, and LittleCMS inside it turns their profiles into sRGB.

HEIC and AVIF are read by heif.py: the only reader of HEIC on PyPI brings an encoder under the GPL.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
from PIL import (  # noqa: F401  (each plugin enters its format; Pillow.init would load forty more)
    BmpImagePlugin,
    GifImagePlugin,
    ImageCms,
    ImageOps,
    Jpeg2KImagePlugin,
    JpegImagePlugin,
    MpoImagePlugin,
    PngImagePlugin,
    PpmImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)
from PIL import Image as Pillow

from dreamtalk.media.heif import decode_heif, is_heif, read_heif_header
from dreamtalk.types import Image

_FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF", "PPM", "JPEG2000")
"""Of Pillow's: those that photos and drawings come in."""

_BACKDROP = (255, 255, 255)
"""What shows through a transparent picture."""

_HEIF_HEADER_BYTES = 1 << 20
"""Where the boxes of HEIC and AVIF stand that tell of the pictures behind them."""

_CUBE_STEPS = 6
"""Steps per channel of the colours on which a profile is tried."""


class TooManyPixels(Exception):
    """A picture so large that it is not even opened."""


@dataclass(frozen=True, slots=True)
class Still:
    """A picture of which the size is known and nothing is unpacked yet.

    width, height: px as stored, before rotation. decode: (H, W, 3) uint8 sRGB, upright, transparency put on white; None
    when it is damaged. The file must be open until then.
    """

    width: int
    height: int
    decode: Callable[[], Image | None]


def open_still(file: BinaryIO) -> Still | None:
    """The picture in a file (of an animation the first); None when it is none of a known kind. Raises TooManyPixels."""
    start = file.read(12)
    file.seek(0)
    if is_heif(start):
        header = _unless_damaged(lambda: read_heif_header(file.read(_HEIF_HEADER_BYTES)))
        file.seek(0)
        return None if header is None else Still(header.width, header.height, lambda: _decode_heif(file.read()))
    picture = _unless_damaged(lambda: Pillow.open(file, formats=_FORMATS))
    return None if picture is None else Still(picture.width, picture.height, lambda: _unless_damaged(_decoder(picture)))


def _unless_damaged(read: Callable[[], Any]) -> Any:
    try:
        with warnings.catch_warnings():  # about notes beside the picture, and sizes, which the reader judges
            warnings.simplefilter("ignore")
            return read()
    except Pillow.DecompressionBombError as error:
        raise TooManyPixels from error
    except MemoryError:
        raise
    except Exception:  # Pillow's readers raise nearly anything on damaged files
        return None


def _decoder(picture: Any) -> Callable[[], Image]:
    def decode() -> Image:
        upright = ImageOps.exif_transpose(picture)
        return _on_backdrop(_eight_bit(upright), upright.info.get("icc_profile"))

    return decode


def _decode_heif(data: bytes) -> Image | None:
    try:
        found = decode_heif(data)
    except ValueError:
        return None
    picture = Pillow.fromarray(found.image)
    if found.opacity is not None:
        picture.putalpha(Pillow.fromarray(found.opacity))
    return _on_backdrop(picture, found.profile)


def _eight_bit(picture: Any) -> Any:
    """Deep grey pictures, which Pillow would cut off at 255, and those whose pixels are no bytes."""
    if picture.mode.startswith("I"):
        deep = np.clip(np.asarray(picture).astype(np.int64), 0, 65_535)
        return Pillow.fromarray((deep // 257).astype(np.uint8))
    return picture


def _on_backdrop(picture: Any, profile: bytes | None) -> Image:
    clear = picture.has_transparency_data
    opacity = picture.convert("RGBA").getchannel("A") if clear else None
    colours = _in_srgb(picture, profile)
    if opacity is None:
        return np.array(colours, dtype=np.uint8)
    whole = Pillow.new("RGB", colours.size, _BACKDROP)
    whole.paste(colours, mask=opacity)
    return np.array(whole, dtype=np.uint8)


def _in_srgb(picture: Any, profile: bytes | None) -> Any:
    """As RGB, by its profile where it has one that can be used and that is not sRGB's."""
    mode = picture.mode if picture.mode in ("RGB", "CMYK", "L") else "RGB"
    if picture.mode == "LA":
        mode = "L"
    plain = picture if picture.mode == mode else picture.convert(mode)
    if profile:
        try:
            transform = _to_srgb(profile, mode)
            if mode == "CMYK" or not _changes_nothing(transform, mode):
                return ImageCms.applyTransform(plain, transform)
        except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
            pass  # a damaged profile, or one for another kind of picture: viewers leave it out, too
    return plain if mode == "RGB" else plain.convert("RGB")


def _to_srgb(profile: bytes, mode: str) -> Any:
    given = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    return ImageCms.buildTransform(given, ImageCms.createProfile("sRGB"), mode, "RGB")


def _changes_nothing(transform: Any, mode: str) -> bool:
    """Whether a profile is sRGB's by another name: rounding alone would change a level here and there."""
    steps = np.linspace(0, 255, _CUBE_STEPS).round().astype(np.uint8)
    cube = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(1, -1, 3)
    colours = Pillow.fromarray(cube).convert(mode)
    moved = ImageCms.applyTransform(colours, transform)
    return bool(np.abs(np.asarray(moved).astype(int) - np.asarray(colours.convert("RGB"))).max() <= 1)
