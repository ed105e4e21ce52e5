"""The size of a picture from the first bytes of its file, so that a huge one is refused before it fills the memory.

Formats: PNG, JPEG, WebP, BMP, GIF, TIFF, PNM, JPEG 2000, HEIC, AVIF. Layouts are those of the formats'
public specifications.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from dreamtalk.media.heif import is_heif, read_heif_header
from dreamtalk.media.png import PNG_MAGIC
from dreamtalk.media.tiff import TIFF_MAGIC, tiff_fields

_JPEG_FRAME_MARKERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""SOF0 to SOF15 without DHT, JPG and DAC: the segments that carry the size."""

_TIFF_WIDTH, _TIFF_HEIGHT, _TIFF_ORIENTATION, _TIFF_EXTRA_SAMPLES = 256, 257, 274, 338
CMYK = "CMYK JPEG"
"""The kind of a JPEG in the colours of printers."""

_MAX_SCANS = 200
"""Most passes over the picture that a JPEG may have; usual ones have 1 to 12, hostile ones thousands."""
_BEFORE_PIXELS = 1 << 16
"""Bytes in which WebP's and GIF's notes are looked for."""


@dataclass(frozen=True, slots=True)
class ImageHeader:
    """width and height in px as stored (before any EXIF rotation). alpha: the file may hold transparency.

    orientation: EXIF's number 1 to 8; told of PNG and WebP only, the others' decoders apply it themselves.
    """

    kind: str
    width: int
    height: int
    alpha: bool = False
    orientation: int = 1


def read_header(data: bytes) -> ImageHeader | None:
    """What the file says of itself, or None when it is none of the known picture formats or is cut off."""
    readers = {
        PNG_MAGIC: _png,
        b"\xff\xd8\xff": _jpeg,
        b"RIFF": _webp,
        b"BM": _bmp,
        b"GIF8": _gif,
        b"II*\0": _tiff,
        b"MM\0*": _tiff,
        **{b"P%d" % kind: _pnm for kind in range(1, 7)},
        b"\0\0\0\x0cjP  ": _jpeg2000,
    }
    reader = next((reader for magic, reader in readers.items() if data.startswith(magic)), None)
    if reader is None and is_heif(data):
        reader = _heif
    try:
        return None if reader is None else reader(data)
    except (struct.error, IndexError, KeyError, ValueError):
        return None


def _png(data: bytes) -> ImageHeader:
    width, height = struct.unpack_from(">II", data, 16)
    colour_type = data[25]
    # A palette may carry transparency too, in a tRNS chunk before the first pixels.
    before = data[: data.find(b"IDAT")]
    alpha = colour_type in (4, 6) or b"tRNS" in before
    exif = before.find(b"eXIf")
    return ImageHeader("PNG", width, height, alpha, 1 if exif < 0 else _orientation(before[exif + 4 :]))


def _jpeg(data: bytes) -> ImageHeader | None:
    if data.count(b"\xff\xda") > _MAX_SCANS:
        return None
    position = 2
    while position + 9 < len(data):
        if data[position] != 0xFF:  # rubbish between segments, which decoders skip too
            position = data.index(b"\xff", position)
        marker = data[position + 1]
        if marker == 0xFF:  # padding before a marker
            position += 1
        elif marker in _JPEG_FRAME_MARKERS:
            height, width = struct.unpack_from(">HH", data, position + 5)
            return ImageHeader(CMYK if data[position + 9] == 4 else "JPEG", width, height)
        elif marker == 0x01 or 0xD0 <= marker <= 0xD8:  # markers without a length
            position += 2
        else:
            position += 2 + int(struct.unpack_from(">H", data, position + 2)[0])
    return None


def _webp(data: bytes) -> ImageHeader | None:
    if data[8:12] != b"WEBP":
        return None
    kind = data[12:16]
    if kind == b"VP8X":
        width = 1 + int.from_bytes(data[24:27], "little")
        height = 1 + int.from_bytes(data[27:30], "little")
        return ImageHeader("WebP", width, height, bool(data[20] & 0x10), _webp_orientation(data))
    if kind == b"VP8L":
        bits = struct.unpack_from("<I", data, 21)[0]
        return ImageHeader("WebP", 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF), bool(bits >> 28 & 1))
    if kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", data, 26)
        return ImageHeader("WebP", width & 0x3FFF, height & 0x3FFF)
    return None


def _bmp(data: bytes) -> ImageHeader:
    if data[14] == 12:  # OS/2's short header
        return ImageHeader("BMP", *struct.unpack_from("<HH", data, 18))
    width, height = struct.unpack_from("<ii", data, 18)
    return ImageHeader("BMP", width, abs(height))


def _webp_orientation(data: bytes) -> int:
    """Of the EXIF chunk, which stands behind the pixels."""
    found = data.rfind(b"EXIF") if data[20] & 0x08 else -1
    if found < 0:
        return 1
    body = data[found + 8 :]
    return _orientation(body.removeprefix(b"Exif\0\0"))


def _gif(data: bytes) -> ImageHeader:
    width, height = struct.unpack_from("<HH", data, 6)
    control = data.find(b"\x21\xf9\x04", 0, _BEFORE_PIXELS)
    return ImageHeader("GIF", width, height, control >= 0 and bool(data[control + 3] & 1))


def _tiff(data: bytes) -> ImageHeader:
    fields = {tag: value for tag, _, value in tiff_fields(data)}
    return ImageHeader("TIFF", fields[_TIFF_WIDTH], fields[_TIFF_HEIGHT], _TIFF_EXTRA_SAMPLES in fields)


def _orientation(exif: bytes) -> int:
    """EXIF is a TIFF directory."""
    if not exif.startswith(TIFF_MAGIC):
        return 1
    try:
        return next((value for tag, _, value in tiff_fields(exif) if tag == _TIFF_ORIENTATION), 1)
    except struct.error:
        return 1


def _pnm(data: bytes) -> ImageHeader:
    words = [w for line in data[2:512].split(b"\n") for w in line.split(b"#")[0].split()]
    return ImageHeader("PNM", int(words[0]), int(words[1]))


def _jpeg2000(data: bytes) -> ImageHeader:
    height, width = struct.unpack_from(">II", data, data.index(b"ihdr", 0, 4096) + 4)
    return ImageHeader("JPEG 2000", width, height)


def _heif(data: bytes) -> ImageHeader | None:
    found = read_heif_header(data)
    return None if found is None else ImageHeader("HEIF", found.width, found.height, found.alpha > 0)
