"""The first directory of a TIFF file, which is also what EXIF notes are."""

from __future__ import annotations

import struct
from collections.abc import Iterator

TIFF_MAGIC = (b"II*\0", b"MM\0*")
_FORMS = {1: "B", 3: "H", 4: "I"}


def tiff_fields(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Tag, count and value of the fields of the first directory; the value of longer fields is their place.

    Raises struct.error when it is cut off.
    """
    order = "<" if data[:2] == b"II" else ">"
    directory = int(struct.unpack_from(order + "I", data, 4)[0])
    for number in range(int(struct.unpack_from(order + "H", data, directory)[0])):
        place = directory + 2 + 12 * number
        tag, kind, count = struct.unpack_from(order + "HHI", data, place)
        form = _FORMS.get(kind, "I") if count == 1 else "I"
        yield tag, count, int(struct.unpack_from(order + form, data, place + 8)[0])
