"""Picture files to 8-bit sRGB, upright: Pillow reads them, and LittleCMS inside it turns their profiles into sRGB.

HEIC and AVIF are read by heif.py: the only reader of HEIC on PyPI brings an encoder under the GPL.
"""

from __future__ import annotations

import io
import logging
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import Any, BinaryIO

import numpy as np
from PIL import (  # noqa: F401  (each plugin enters its format; Pillow.init would load forty more)
    BmpImagePlugin,
    GifImagePlugin,
    ImageCms,
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
from dreamtalk.media.heif import HeifPicture, decode_heif, is_heif, read_heif_header
from dreamtalk.types import Image

_FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF", "PPM", "JPEG2000")
"""Of Pillow's: those that photos and drawings come in."""

_BACKDROP = (255, 255, 255)
"""What shows through a transparent picture."""

_HEIF_HEADER_BYTES = 1 << 20
"""Where the boxes of HEIC and AVIF stand that tell of the pictures behind them."""

_MAX_SCANS = 200
"""Most passes over the picture that a JPEG may have; usual ones have 1 to 12, hostile ones thousands."""

_HEAD_BYTES = 1 << 21
"""Where a PNG says in numbers what its colours are: in front of the picture, beside a profile of 1 MB at most."""

_STRIP_PIXELS = 1 << 20
"""Pixels that are converted at a time: little memory besides the picture itself."""

_ORIENTATION = 0x0112
"""What EXIF calls how the camera was held."""

_FROM_STORED: dict[int, Callable[[Image], Image]] = {
    2: lambda stored: stored[:, ::-1],
    3: lambda stored: stored[::-1, ::-1],
    4: lambda stored: stored[::-1],
    5: lambda stored: stored.swapaxes(0, 1),
    6: lambda stored: np.rot90(stored, -1),
    7: lambda stored: stored[::-1, ::-1].swapaxes(0, 1),
    8: lambda stored: np.rot90(stored),
}
"""How EXIF's orientations are turned upright; 1 is."""

_SCAN = b"\xff\xda"
"""What each of them begins with; inside one no 255 stands without a zero behind it."""

_DEEP_WHITE = 65_535
"""White of grey pictures of 16 bits."""

_CUBE_STEPS = 6
"""Steps per channel of the colours on which a profile is tried."""


# Pillow tells of notes beside the picture, and of sizes, which the reader judges. (catch_warnings is not for threads.)
warnings.filterwarnings("ignore", module=r"PIL\.")
logging.getLogger("PIL").addHandler(logging.NullHandler())


_Crop = Callable[[tuple[int, int, int, int]], Any]
"""Gives the part of a picture between left, top, right and bottom."""


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
        return (
            None if header is None else Still(header.width, header.height, lambda: _decode_heif(_whole(file), header))
        )
    picture = _unless_damaged(lambda: Pillow.open(file, formats=_FORMATS))
    if picture is None:
        return None
    guessed = picture.mode == "CMYK" and not picture.info.get("icc_profile")
    return Still(picture.width, picture.height, lambda: _unless_damaged(partial(_decode, picture, file)), guessed)


def _unless_damaged(read: Callable[[], Any]) -> Any:
    try:
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
    coded = _coded_space(_whole(file, _HEAD_BYTES)) if picture.format == "PNG" else None
    picture.load()
    stored = _in_strips(picture.size, picture.crop, picture.info.get("icc_profile"), coded)
    turn = _FROM_STORED.get(_orientation(picture))
    return stored if turn is None else np.ascontiguousarray(turn(stored))


def _orientation(picture: Any) -> int:
    """1 to 8 as EXIF counts them; damaged EXIF says nothing."""
    try:
        return int(picture.getexif().get(_ORIENTATION, 1))
    except Exception:  # as above: it is read by the reader of TIFF
        return 1


def _whole(file: BinaryIO, most: int = -1) -> bytes:
    place = file.tell()
    file.seek(0)
    data = file.read(most)
    file.seek(place)
    return data


def _coded_space(png: bytes) -> ColourSpace | None:
    """What a PNG says in numbers of its colours (PNG third edition, 11.3.2.6): primaries, transfer, two more."""
    _, kind, said = png.partition(b"IDAT")[0].partition(b"cICP")
    return coded_space(said[1], said[0]) if kind and len(said) > 1 else None


def _decode_heif(data: bytes, header: HeifPicture) -> Image | None:
    try:
        found = decode_heif(data, header)
    except ValueError:
        return None
    if found.opacity is None and found.profile is None:
        return found.image
    height, width = found.image.shape[:2]

    def crop(box: tuple[int, int, int, int]) -> Any:
        part = Pillow.fromarray(found.image[box[1] : box[3]])
        if found.opacity is not None:
            part.putalpha(Pillow.fromarray(found.opacity[box[1] : box[3]]))
        return part

    return _in_strips((width, height), crop, found.profile, None)


def _in_strips(size: tuple[int, int], crop: _Crop, profile: bytes | None, coded: ColourSpace | None) -> Image:
    """(H, W, 3) sRGB of a picture of size (W, H): a strip at a time, for that takes little memory besides it."""
    width, height = size
    rows = max(1, _STRIP_PIXELS // width)
    tops = range(0, height, rows)
    strips = (_eight_bit(crop((0, top, width, min(top + rows, height)))) for top in tops)
    first = next(strips)
    transform = None if coded is not None or profile is None else _transform(profile, _mode(first))
    whole = np.empty((height, width, 3), np.uint8)
    for top, strip in zip(tops, chain([first], strips), strict=True):
        whole[top : top + rows] = _on_backdrop(strip, transform, coded)
    return whole


def _eight_bit(picture: Any) -> Any:
    """Deep grey pictures, which Pillow would cut off at 255, and those whose pixels are no bytes."""
    if picture.mode.startswith("I"):
        return Pillow.fromarray((np.clip(np.asarray(picture), 0, _DEEP_WHITE) >> 8).astype(np.uint8))
    return picture


def _on_backdrop(picture: Any, transform: Any, coded: ColourSpace | None) -> Image:
    """(H, W, 3). transform: LittleCMS's to sRGB, or None. coded: goes before it."""
    colours = _in_srgb(picture, transform)
    if coded is not None:
        colours = Pillow.fromarray(to_srgb(np.array(colours), coded))
    if picture.has_transparency_data:
        opacity = picture.convert("RGBA").getchannel("A")
        colours = Pillow.composite(colours, Pillow.new("RGB", colours.size, _BACKDROP), opacity)
    return np.asarray(colours, dtype=np.uint8)


def _in_srgb(picture: Any, transform: Any) -> Any:
    mode = _mode(picture)
    plain = picture if picture.mode == mode else picture.convert(mode)
    if transform is not None:
        return ImageCms.applyTransform(plain, transform)
    return plain if mode == "RGB" else plain.convert("RGB")


def _mode(picture: Any) -> str:
    """Pillow's name of the colours, without transparency and palette, that a profile is for."""
    known = {"RGB": "RGB", "CMYK": "CMYK", "L": "L", "LA": "L"}
    return known.get(picture.mode, "RGB")


def _transform(profile: bytes, mode: str) -> Any:
    """From a profile to sRGB; None where it cannot be used, as viewers leave it out, too, or is sRGB's own."""
    try:
        given = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        transform = ImageCms.buildTransform(given, ImageCms.createProfile("sRGB"), mode, "RGB")
        same = _changes_nothing(transform, mode)
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):  # damaged, or for another kind of picture
        return None
    return None if same and mode != "CMYK" else transform


def _changes_nothing(transform: Any, mode: str) -> bool:
    """Whether a profile is sRGB's by another name: rounding alone would change a level here and there."""
    steps = np.linspace(0, 255, _CUBE_STEPS).round().astype(np.uint8)
    cube = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(1, -1, 3)
    colours = Pillow.fromarray(cube).convert(mode)
    moved = ImageCms.applyTransform(colours, transform)
    return bool(np.abs(np.asarray(moved).astype(int) - np.asarray(colours.convert("RGB"))).max() <= 1)
