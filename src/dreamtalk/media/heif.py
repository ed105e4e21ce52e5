"""HEIC and AVIF, the pictures of phones: which pieces a file holds, and the picture they make.

OpenCV reads no HEIC, and of AVIF neither rotation nor colours. The boxes are those of ISO/IEC 14496-12 and 23008-12;
the pieces are single pictures of HEVC or AV1, which FFmpeg decodes.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import cast

import av
import numpy as np

from dreamtalk.media.colour import ColourSpace, coded_space
from dreamtalk.media.pixels import frame_rgb, stored_rgb
from dreamtalk.types import Image

_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"mif1", b"msf1", b"avif", b"avis"})
_CODECS = {b"hvc1": "hevc", b"av01": "libdav1d"}
_CONFIGURATION = {b"hvc1": b"hvcC", b"av01": b"av1C"}
_MAX_ITEMS = 5000
"""Most pieces that are looked at: 64 megapixels of 512 × 512 px are 250, and there are as many notes at most."""
_MAX_EXTENTS = 100
"""Most places that the bytes of one of them are gathered from; usual files have one."""
_FRAME_HEADER, _FRAME = 3, 6
"""Units of AV1 (its specification, 6.2.2) that begin a picture."""
_MAX_LAYERS = 4
"""Most pictures in one piece of AV1, each finer than the one before."""
_LARGEST_PIECE = 1 << 22
"""Pixels that a piece may have in any case: pieces stand over the edge of small pictures."""
_LIMITED, _FULL = 1, 2
_PROFILES = (b"prof", b"rICC")
_ALPHA = b"auxiliary:alpha", b"auxid:1"
"""What the kinds of auxiliary pictures that are transparency end with or hold: MPEG-B's and HEVC's names."""


@dataclass(slots=True)
class _Item:
    kind: bytes = b""
    extents: list[tuple[int, int]] = field(default_factory=list)
    in_meta: bool = False
    properties: list[tuple[bytes, bytes]] = field(default_factory=list)
    pieces: list[int] = field(default_factory=list)
    of: int = 0

    def find(self, name: bytes) -> bytes | None:
        return next((body for kind, body in self.properties if kind == name), None)


@dataclass(frozen=True, slots=True)
class HeifPicture:
    """width and height in px as stored, before its rotation. alpha: number of the item with its transparency, or 0."""

    width: int
    height: int
    alpha: int
    primary: int
    items: dict[int, _Item]
    idat: bytes


def is_heif(data: bytes) -> bool:
    """Whether a file says that it is HEIC or AVIF."""
    return data[4:8] == b"ftyp" and data[8:12] in _BRANDS


def read_heif_header(data: bytes) -> HeifPicture | None:
    """What the file says of its main picture; None where it has none. Raises struct.error, IndexError, ValueError."""
    meta = dict(_boxes(data, 0, len(data))).get(b"meta")
    if meta is None:
        return None
    boxes = dict(_boxes(meta, 4, len(meta)))
    items = _items(boxes)
    primary = int.from_bytes(boxes[b"pitm"][4:8] if boxes[b"pitm"][0] else boxes[b"pitm"][4:6], "big")
    size = items[primary].find(b"ispe") if primary in items else None
    if size is None:
        return None
    width, height = struct.unpack_from(">II", size, 4)
    alpha = next((n for n, item in items.items() if item.of == primary and _is_alpha(item)), 0)
    return HeifPicture(width, height, alpha, primary, items, boxes.get(b"idat", b""))


@dataclass(frozen=True, slots=True, eq=False)
class DecodedHeif:
    """image: (H, W, 3) uint8, upright; sRGB, or what `profile` (ICC) says where there is one. opacity: (H, W) uint8."""

    image: Image
    opacity: Image | None
    profile: bytes | None


def decode_heif(data: bytes, header: HeifPicture) -> DecodedHeif:
    """The main picture of a whole file.

    header: of which the size has been checked: a file may hold a second one. Raises ValueError where it is damaged or
    of an unknown kind.
    """
    try:
        main = header.items[header.primary]
        image = _turned(_decoded(data, header, main, "rgb"), main)
        opacity = None
        if header.alpha:
            opacity = _turned(_decoded(data, header, header.items[header.alpha], "gray"), main)
            if opacity.shape != image.shape[:2]:
                opacity = None
        colours = _colours(main)
        return DecodedHeif(image, opacity, colours[4:] if colours[:4] in _PROFILES else None)
    except (struct.error, IndexError, KeyError, av.error.FFmpegError) as error:
        raise ValueError("damaged") from error


def _boxes(data: bytes, start: int, end: int) -> Iterator[tuple[bytes, bytes]]:
    for _ in range(10 * _MAX_ITEMS):
        if start + 8 > end:
            return
        size, kind = struct.unpack_from(">I4s", data, start)
        head = 8
        if size == 1:
            size, head = struct.unpack_from(">Q", data, start + 8)[0], 16
        stop = end if size == 0 else min(start + size, end)
        if stop < start + head:
            return
        yield kind, b"" if kind == b"mdat" else data[start + head : stop]
        start = stop


def _items(boxes: dict[bytes, bytes]) -> dict[int, _Item]:
    items: dict[int, _Item] = {}
    names = boxes[b"iinf"]
    for kind, body in _boxes(names, 6 if names[0] == 0 else 8, len(names)):
        if kind == b"infe" and body[0] >= 2 and len(items) < _MAX_ITEMS:
            wide = body[0] > 2
            number = int.from_bytes(body[4 : 8 if wide else 6], "big")
            items[number] = _Item(body[10:14] if wide else body[8:12])
    _places(boxes[b"iloc"], items)
    _properties(dict(_boxes(boxes[b"iprp"], 0, len(boxes[b"iprp"]))), boxes[b"iprp"], items)
    links = boxes.get(b"iref", b"\0\0\0\0")
    width = 4 if links[0] else 2
    for kind, body in _boxes(links, 4, len(links)):
        numbers = _numbers(body, width)
        source, targets = items.get(numbers[0]), numbers[2:]
        if source is not None and kind == b"dimg":
            source.pieces = targets
        elif source is not None and kind == b"auxl" and targets:
            source.of = targets[0]
    return items


def _numbers(body: bytes, width: int) -> list[int]:
    """A link: the number of its item, how many it leads to (16 bit), and their numbers."""
    count = int.from_bytes(body[width : width + 2], "big")
    rest = body[width + 2 : width + 2 + width * min(count, _MAX_ITEMS)]
    targets = [int.from_bytes(rest[n : n + width], "big") for n in range(0, len(rest), width)]
    return [int.from_bytes(body[:width], "big"), count, *targets]


def _places(body: bytes, items: dict[int, _Item]) -> None:
    """Where the bytes of each item lie (iloc)."""
    version, sizes, more = body[0], body[4], body[5]
    offset_size, length_size, base_size = sizes >> 4, sizes & 15, more >> 4
    index_size = more & 15 if version else 0
    wide = 4 if version == 2 else 2
    position = 6

    def take(size: int) -> int:
        nonlocal position
        if position + size > len(body):
            raise ValueError("cut off")
        position += size
        return int.from_bytes(body[position - size : position], "big")

    for _ in range(min(take(wide), _MAX_ITEMS)):
        item = items.get(take(wide), _Item())
        item.in_meta = version > 0 and take(2) & 15 == 1
        take(2)
        base = take(base_size)
        for _ in range(min(take(2), _MAX_EXTENTS)):
            take(index_size)
            item.extents.append((base + take(offset_size), take(length_size)))


def _properties(parts: dict[bytes, bytes], body: bytes, items: dict[int, _Item]) -> None:
    """What is said of each item: size, rotation, colours, settings of its codec (iprp)."""
    known = list(_boxes(parts[b"ipco"], 0, len(parts[b"ipco"])))
    for kind, table in _boxes(body, 0, len(body)):
        if kind != b"ipma":
            continue
        wide_number, wide_index = (4 if table[0] else 2), (2 if table[3] & 1 else 1)
        position = 8
        for _ in range(min(struct.unpack_from(">I", table, 4)[0], _MAX_ITEMS)):
            item = items.get(int.from_bytes(table[position : position + wide_number], "big"), _Item())
            count = table[position + wide_number]
            position += wide_number + 1
            for _ in range(count):
                index = int.from_bytes(table[position : position + wide_index], "big")
                index &= 0x7FFF if wide_index == 2 else 0x7F
                if 0 < index <= len(known):
                    item.properties.append(known[index - 1])
                position += wide_index


def _is_alpha(item: _Item) -> bool:
    name = (item.find(b"auxC") or b"")[4:]
    return any(ending in name for ending in _ALPHA)


def _bytes_of(data: bytes, header: HeifPicture, item: _Item) -> bytes:
    source = header.idat if item.in_meta else data
    if sum(length or len(source) for _, length in item.extents) > len(source):
        raise ValueError("the same bytes again and again")
    return b"".join(source[start : start + length if length else None] for start, length in item.extents)


def _decoded(data: bytes, header: HeifPicture, item: _Item, wanted: str) -> Image:
    """An item in one piece, or put together from its pieces: (H, W, 3) sRGB for "rgb", (H, W) for "gray"."""
    colours = _colours(item)
    if item.kind != b"grid":
        return _piece(data, header, item, wanted, colours)
    plan = _bytes_of(data, header, item)
    rows, columns = plan[2] + 1, plan[3] + 1
    width, height = struct.unpack_from(">II" if plan[1] & 1 else ">HH", plan, 4)
    if (width, height) != struct.unpack_from(">II", item.find(b"ispe") or bytes(12), 4):
        raise ValueError("two sizes")
    if len(item.pieces) != rows * columns:
        raise ValueError("pieces are missing")
    shape = (height, width, 3) if wanted == "rgb" else (height, width)
    whole = np.zeros(shape, np.uint8)
    side = None
    for place, number in enumerate(item.pieces):
        piece = _piece(data, header, header.items[number], wanted, colours)
        side = side or piece.shape[:2]
        if piece.shape[:2] != side:
            raise ValueError("pieces of several sizes")
        if (rows - 1) * side[0] >= height or (columns - 1) * side[1] >= width:
            raise ValueError("pieces outside of the picture")  # decoding them could take hours
        top, left = place // columns * side[0], place % columns * side[1]
        room = whole[top : top + side[0], left : left + side[1]]
        room[:] = piece[: room.shape[0], : room.shape[1]]
    return whole


def _piece(data: bytes, header: HeifPicture, item: _Item, wanted: str, colours: bytes) -> Image:
    if item.kind not in _CODECS:
        raise ValueError("an unknown kind of picture")
    size = struct.unpack_from(">II", item.find(b"ispe") or bytes(12), 4)
    if size[0] * size[1] > header.width * header.height and size[0] * size[1] > _LARGEST_PIECE:
        raise ValueError("a piece larger than the picture")
    stored = _bytes_of(data, header, item)
    if item.kind == b"av01" and _pictures_in(stored) > _MAX_LAYERS:
        raise ValueError("a film")  # all of its pictures would be held in memory
    context = cast(av.VideoCodecContext, av.CodecContext.create(_CODECS[item.kind], "r"))
    context.thread_count = 1
    context.extradata = item.find(_CONFIGURATION[item.kind]) or b""
    context.options = {"max_pixels": str(max(header.width * header.height, _LARGEST_PIECE))}
    frames = [*context.decode(av.Packet(stored)), *context.decode(None)]
    if not frames:
        raise ValueError("no picture")
    frame = frames[0]
    if wanted == "gray":
        return np.ascontiguousarray(frame.reformat(format="gray").to_ndarray())
    if colours[:4] in _PROFILES:
        return stored_rgb(frame)
    return frame_rgb(_with_tags(frame, colours), space=_space(colours))


def _pictures_in(units: bytes) -> int:
    """How many pictures a stream of AV1 begins, shown or not. Raises IndexError where it is damaged."""
    count = place = 0
    while place < len(units) and count <= _MAX_LAYERS:
        head, size, shift = units[place], 0, 0
        count += head >> 3 & 15 in (_FRAME_HEADER, _FRAME)
        place += 2 if head & 4 else 1
        if not head & 2:  # no size: up to the end
            break
        while shift < 56:  # seven bits a byte
            byte = units[place]
            place, size, shift = place + 1, size | (byte & 0x7F) << shift, shift + 7
            if not byte & 0x80:
                break
        place += size
    return count


def _colours(item: _Item) -> bytes:
    """What is said of the colours: a profile goes before numbers."""
    said = [body for kind, body in item.properties if kind == b"colr"]
    return min(said, key=lambda body: body[:4] == b"nclx", default=b"")


def _with_tags(frame: av.VideoFrame, colours: bytes) -> av.VideoFrame:
    """The file's word on matrix and range goes before the codec's."""
    if colours[:4] == b"nclx":
        frame.colorspace = struct.unpack_from(">H", colours, 8)[0]
        frame.color_range = _FULL if colours[10] & 0x80 else _LIMITED
    return frame


def _space(colours: bytes) -> ColourSpace | None:
    if colours[:4] == b"nclx":
        primaries, transfer = struct.unpack_from(">HH", colours, 4)
        return coded_space(transfer, primaries)
    return None


def _turned(picture: Image, item: _Item) -> Image:
    """Rotation (irot) and mirror (imir) in the order the file gives them."""
    for kind, body in item.properties:
        if kind == b"irot":
            picture = np.rot90(picture, body[0] & 3)  # both count counter-clockwise
        elif kind == b"imir":
            picture = picture[:, ::-1] if body[0] & 1 else picture[::-1]
    return np.ascontiguousarray(picture)
