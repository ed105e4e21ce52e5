"""Picture files to 8-bit sRGB, upright: Pillow reads them, and LittleCMS inside it turns their profiles into sRGB.

HEIC and AVIF are read by heif.py: the only reader of HEIC on PyPI brings an encoder under the GPL.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
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

from dreamtalk.media.colour import ColourSpace, coded_space, to_srgb
from dreamtalk.media.heif import decode_heif, is_heif, read_heif_header
from dreamtalk.types import Image

_FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF", "PPM", "JPEG2000")
"""Of Pillow's: those that photos and drawings come in."""

_BACKDROP = (255, 255, 255)
"""What shows through a transparent picture."""

_HEIF_HEADER_BYTES = 1 << 20
"""Where the boxes of HEIC and AVIF stand that tell of the pictures behind them."""

_MAX_SCANS = 200
"""Most passes over the picture that a JPEG may have; usual ones have 1 to 12, hostile ones thousands."""

_SCAN = b"\xff\xda"
"""What each of them begins with; inside one no 255 stands without a zero behind it."""

_DEEP_WHITE = 65_535
"""White of grey pictures of 16 bits."""

_CUBE_STEPS = 6
"""Steps per channel of the colours on which a profile is tried."""


class TooManyPixels(Exception):
    """A picture so large that it is not even opened."""


@dataclass(frozen=True, slots=True)
class Still:
    """A picture of which the size is known and nothing is unpacked yet.

    width, height: px as stored, before rotation. decode: (H, W, 3) uint8 sRGB, upright, transparency put on white; None
    when it is damaged. The file must be open until then. guessed: its colours mean nothing exact.
    """

    width: int
    height: int
    decode: Callable[[], Image | None]
    guessed: bool = False


def open_still(file: BinaryIO) -> Still | None:
    """The picture in a file (of an animation the first); None when it is none of a known kind. Raises TooManyPixels."""
    start = file.read(12)
    file.seek(0)
    if is_heif(start):
        header = _unless_damaged(lambda: read_heif_header(file.read(_HEIF_HEADER_BYTES)))
        file.seek(0)
        return None if header is None else Still(header.width, header.height, lambda: _decode_heif(file.read()))
    picture = _unless_damaged(lambda: Pillow.open(file, formats=_FORMATS))
    if picture is None:
        return None
    guessed = picture.mode == "CMYK" and not picture.info.get("icc_profile")
    return Still(picture.width, picture.height, lambda: _unless_damaged(partial(_decode, picture, file)), guessed)


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


def _decode(picture: Any, file: BinaryIO) -> Image | None:
    if picture.format in ("JPEG", "MPO") and _whole(file).count(_SCAN) > _MAX_SCANS:
        return None
    coded = _coded_space(_whole(file)) if picture.format == "PNG" else None
    upright = ImageOps.exif_transpose(picture)
    return _on_backdrop(_eight_bit(upright), upright.info.get("icc_profile"), coded)


def _whole(file: BinaryIO) -> bytes:
    place = file.tell()
    file.seek(0)
    data = file.read()
    file.seek(place)
    return data


def _coded_space(png: bytes) -> ColourSpace | None:
    """What a PNG says in numbers of its colours (PNG third edition, 11.3.2.6): primaries, transfer, two more."""
    _, kind, said = png.partition(b"IDAT")[0].partition(b"cICP")
    return coded_space(said[1], said[0]) if kind and len(said) > 1 else None


def _decode_heif(data: bytes) -> Image | None:
    try:
        found = decode_heif(data)
    except ValueError:
        return None
    picture = Pillow.fromarray(found.image)
    if found.opacity is not None:
        picture.putalpha(Pillow.fromarray(found.opacity))
    return _on_backdrop(picture, found.profile, None)


def _eight_bit(picture: Any) -> Any:
    """Deep grey pictures, which Pillow would cut off at 255, and those whose pixels are no bytes."""
    if picture.mode.startswith("I"):
        return Pillow.fromarray((np.clip(np.asarray(picture), 0, _DEEP_WHITE) >> 8).astype(np.uint8))
    return picture


def _on_backdrop(picture: Any, profile: bytes | None, coded: ColourSpace | None) -> Image:
    clear = picture.has_transparency_data
    opacity = picture.convert("RGBA").getchannel("A") if clear else None
    if coded is None:
        colours = _in_srgb(picture, profile)
    else:  # numbers go before a profile
        colours = Pillow.fromarray(to_srgb(np.array(picture.convert("RGB")), coded))
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
