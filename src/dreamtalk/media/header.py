"""The size of a picture from the first bytes of its file, so that a huge one is refused before it fills the memory.

Formats: PNG, JPEG, WebP, BMP, GIF, TIFF, PNM. Layouts are those of the formats' public specifications.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

_JPEG_FRAME_MARKERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""SOF0 to SOF15 without DHT, JPG and DAC: the segments that carry the size."""

_TIFF_WIDTH, _TIFF_HEIGHT = 256, 257
_TIFF_FIELDS = {3: "H", 4: "I"}


@dataclass(frozen=True, slots=True)
class ImageHeader:
    """width and height in px as stored (before any EXIF rotation). alpha: the file may hold transparency."""

    kind: str
    width: int
    height: int
    alpha: bool = False


def read_header(data: bytes) -> ImageHeader | None:
    """What the file says of itself, or None when it is none of the known picture formats or is cut off."""
    readers = {
        b"\x89PNG\r\n\x1a\n": _png,
        b"\xff\xd8\xff": _jpeg,
        b"RIFF": _webp,
        b"BM": _bmp,
        b"GIF8": _gif,
        b"II*\0": _tiff,
        b"MM\0*": _tiff,
        b"P4": _pnm,
        b"P5": _pnm,
        b"P6": _pnm,
    }
    for magic, reader in readers.items():
        if data.startswith(magic):
            try:
                return reader(data)
            except (struct.error, IndexError, ValueError):
                return None
    return None


def _png(data: bytes) -> ImageHeader:
    width, height = struct.unpack_from(">II", data, 16)
    colour_type = data[25]
    # A palette may carry transparency too, in a tRNS chunk before the first pixels.
    alpha = colour_type in (4, 6) or b"tRNS" in data[: data.find(b"IDAT")]
    return ImageHeader("PNG", width, height, alpha)


def _jpeg(data: bytes) -> ImageHeader | None:
    position = 2
    while position + 9 < len(data):
        if data[position] != 0xFF:
            return None
        marker = data[position + 1]
        if marker == 0xFF:  # padding before a marker
            position += 1
        elif marker in _JPEG_FRAME_MARKERS:
            height, width = struct.unpack_from(">HH", data, position + 5)
            return ImageHeader("JPEG", width, height)
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
        return ImageHeader("WebP", width, height, bool(data[20] & 0x10))
    if kind == b"VP8L":
        bits = struct.unpack_from("<I", data, 21)[0]
        return ImageHeader("WebP", 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF), bool(bits >> 28 & 1))
    if kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", data, 26)
        return ImageHeader("WebP", width & 0x3FFF, height & 0x3FFF)
    return None


def _bmp(data: bytes) -> ImageHeader:
    width, height = struct.unpack_from("<ii", data, 18)
    return ImageHeader("BMP", width, abs(height))


def _gif(data: bytes) -> ImageHeader:
    width, height = struct.unpack_from("<HH", data, 6)
    return ImageHeader("GIF", width, height)


def _tiff(data: bytes) -> ImageHeader | None:
    order = "<" if data[:2] == b"II" else ">"
    directory = int(struct.unpack_from(order + "I", data, 4)[0])
    count = int(struct.unpack_from(order + "H", data, directory)[0])
    size: dict[int, int] = {}
    for i in range(count):
        tag, kind = struct.unpack_from(order + "HH", data, directory + 2 + 12 * i)
        if tag in (_TIFF_WIDTH, _TIFF_HEIGHT) and kind in _TIFF_FIELDS:
            size[tag] = int(struct.unpack_from(order + _TIFF_FIELDS[kind], data, directory + 10 + 12 * i)[0])
    if len(size) < 2:
        return None
    return ImageHeader("TIFF", size[_TIFF_WIDTH], size[_TIFF_HEIGHT])


def _pnm(data: bytes) -> ImageHeader:
    words = [w for line in data[2:512].split(b"\n") for w in line.split(b"#")[0].split()]
    return ImageHeader("PNM", int(words[0]), int(words[1]))
