"""The chunks of a PNG file, and the file without those that no picture needs. Layout: PNG specification, 5.3."""

from __future__ import annotations

import struct
from collections.abc import Iterator

PNG_MAGIC = b"\x89PNG\r\n\x1a\n"
_NEEDED = frozenset({b"IHDR", b"PLTE", b"tRNS", b"eXIf", b"IDAT", b"IEND"})


def png_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Kind and bytes of each chunk, with its length in front and its checksum behind, as far as the file goes."""
    position = len(PNG_MAGIC)
    while position + 12 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, position)
        yield kind, data[position : position + 12 + length]
        position += 12 + int(length)


def without_notes(data: bytes) -> bytes:
    """The picture alone: texts and the like are packed, and the decoder would unpack gigabytes of them."""
    return PNG_MAGIC + b"".join(chunk for kind, chunk in png_chunks(data) if kind in _NEEDED)
