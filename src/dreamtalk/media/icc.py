"""Colour profiles (ICC) inside pictures, as far as curves and a matrix describe them: Display P3, Adobe RGB, grey.

Layouts are those of the public specifications: ICC.1:2022, PNG third edition (iCCP, cICP), JPEG's APP2, WebP, TIFF.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from dreamtalk.media.colour import ColourSpace, coded_space, curve_space, is_srgb
from dreamtalk.media.png import PNG_MAGIC, png_chunks
from dreamtalk.media.tiff import TIFF_MAGIC, tiff_fields

MAX_PROFILE_BYTES = 4_000_000
"""Longest profile that is read; those of printers have one to two megabytes."""

_TIFF_PROFILE = 34675
_SRGB_FROM_D50 = np.array(
    [[3.1341359, -1.6173863, -0.4906619], [-0.9787955, 1.9162543, 0.0334427], [0.0719554, -0.2289768, 1.4053860]]
)
"""CIE XYZ under D50, in which profiles speak, to light of sRGB: sRGB's matrix after Bradford's adaptation, inverted."""

Curve = Callable[[NDArray[np.float64]], NDArray[np.float64]]


def space_of_picture(data: bytes) -> ColourSpace | None:
    """The colour space that a PNG, JPEG, WebP or TIFF file names; None: none, sRGB, or one that tables describe."""
    try:
        if data.startswith(PNG_MAGIC):
            return _of_png(data)
        if data.startswith(b"\xff\xd8\xff"):
            return space_of_profile(_of_jpeg(data))
        if data[:4] == b"RIFF" and data[12:16] == b"VP8X" and data[20] & 0x20:
            return space_of_profile(_of_webp(data))
        if data[:4] in TIFF_MAGIC:
            return space_of_profile(_of_tiff(data))
    except (struct.error, IndexError, ValueError, zlib.error):
        pass
    return None


def space_of_profile(profile: bytes) -> ColourSpace | None:
    """What a profile of curves and a matrix means; None where it is none, damaged, sRGB, or made of tables."""
    try:
        tags = _tags(profile)
        if profile[16:20] == b"GRAY" and b"kTRC" in tags:
            space = curve_space("grey", [_curve(tags[b"kTRC"])] * 3, np.eye(3))
        elif profile[16:20] == b"RGB ":
            matrix = np.stack([_xyz(tags[name]) for name in (b"rXYZ", b"gXYZ", b"bXYZ")], axis=1)
            curves = [_curve(tags[name]) for name in (b"rTRC", b"gTRC", b"bTRC")]
            space = curve_space("profile", curves, _SRGB_FROM_D50 @ matrix)
        else:
            return None
    except (struct.error, IndexError, KeyError, ValueError, FloatingPointError):
        return None
    usable = bool(np.isfinite(space.light).all() and np.isfinite(space.to_bt709).all())
    return space if usable and not is_srgb(space) else None


def _of_png(data: bytes) -> ColourSpace | None:
    for kind, chunk in png_chunks(data):
        body = chunk[8:-4]
        if kind == b"IDAT":
            break
        if kind == b"cICP":
            return coded_space(body[1], body[0])
        if kind == b"iCCP":
            start = body.index(b"\0") + 2
            return space_of_profile(zlib.decompressobj().decompress(body[start:], MAX_PROFILE_BYTES))
    return None


def _of_jpeg(data: bytes) -> bytes:
    """The profile's parts in their order: a segment holds 64 kB at most."""
    parts: dict[int, bytes] = {}
    position = 2
    while position + 4 <= len(data) and data[position] == 0xFF and data[position + 1] != 0xDA:
        length = int(struct.unpack_from(">H", data, position + 2)[0])
        body = data[position + 4 : position + 2 + length]
        if data[position + 1] == 0xE2 and body.startswith(b"ICC_PROFILE\0") and len(body) > 14:
            parts[body[12]] = body[14:]
        position += 2 + length
    return b"".join(parts[number] for number in sorted(parts))


def _of_webp(data: bytes) -> bytes:
    position = data.index(b"ICCP", 12, 4096)
    length = struct.unpack_from("<I", data, position + 4)[0]
    return data[position + 8 : position + 8 + min(length, MAX_PROFILE_BYTES)]


def _of_tiff(data: bytes) -> bytes:
    return next(
        (data[at : at + min(n, MAX_PROFILE_BYTES)] for tag, n, at in tiff_fields(data) if tag == _TIFF_PROFILE), b""
    )


def _tags(profile: bytes) -> dict[bytes, bytes]:
    count = struct.unpack_from(">I", profile, 128)[0]
    entries = (struct.unpack_from(">4sII", profile, 132 + 12 * n) for n in range(min(count, 100)))
    return {name: profile[offset : offset + size] for name, offset, size in entries}


def _fixed(data: bytes, offset: int, count: int) -> NDArray[np.float64]:
    """ICC's s15Fixed16 numbers."""
    return np.array(struct.unpack_from(f">{count}i", data, offset), np.float64) / 65536


def _xyz(tag: bytes) -> NDArray[np.float64]:
    return _fixed(tag, 8, 3)


def _curve(tag: bytes) -> Curve:
    """A channel's curve from stored value to light, both 0 to 1."""
    if tag[:4] == b"curv":
        count = int(struct.unpack_from(">I", tag, 8)[0])
        if count == 0:
            return lambda value: value
        points = np.array(struct.unpack_from(f">{min(count, 65_536)}H", tag, 12), np.float64)
        if count == 1:
            return lambda value: value ** (points[0] / 256)
        return lambda value: np.interp(value, np.linspace(0.0, 1.0, len(points)), points / 65535)
    if tag[:4] != b"para":
        raise ValueError("an unknown kind of curve")
    return _parametric(int(struct.unpack_from(">H", tag, 8)[0]), tag)


def _parametric(kind: int, tag: bytes) -> Curve:
    """ICC.1, 10.18: (a x + b)^g + e above d, c x + f below."""
    g, a, b, c, d, e, f = 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0
    given = _fixed(tag, 12, (1, 3, 4, 5, 7)[kind])
    if kind == 0:
        g = given[0]
    elif kind in (1, 2):
        g, a, b = given[:3]
        d, e = -b / a, given[3] if kind == 2 else 0.0
        f = e
    else:
        g, a, b, c, d = given[:5]
        e, f = (given[5], given[6]) if kind == 4 else (0.0, 0.0)

    def curve(value: NDArray[np.float64]) -> NDArray[np.float64]:
        light: NDArray[np.float64] = np.where(value >= d, np.maximum(a * value + b, 0.0) ** g + e, c * value + f)
        return light

    return curve
