"""Damage that knows the container: boxes of MP4, chunks of PNG and RIFF, elements of WebM, tensors of safetensors.

The file is taken apart, one to three parts are changed, and it is put together again with the sizes and checksums that
then are right; so the damage gets past the first check of a reader. Some of the changes are lies about a size.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

Rng = np.random.Generator

_EXTREMES = (0, 1, 7, 0x7F, 0xFFFF, 0x10000, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF)
_MP4_FOLDERS = {b"moov", b"trak", b"mdia", b"minf", b"stbl", b"edts", b"udta", b"dinf", b"mvex", b"moof", b"traf"}
_MP4_FOLDERS |= {b"meta", b"iprp", b"ipco", b"stsd"}
_MP4_HEADS = {b"meta": 4, b"stsd": 8}
"""Bytes of a box before the boxes in it."""
_EBML_FOLDERS = {b"\x18\x53\x80\x67", b"\x16\x54\xae\x6b", b"\xae", b"\xe0", b"\xe1", b"\x1f\x43\xb6\x75", b"\xa0"}
"""Segment, Tracks, TrackEntry, Video, Audio, Cluster, BlockGroup."""
_MOST_BYTES = 2_000_000
"""Of a file that is made: what is nested and repeated must not fill the disk."""


@dataclass
class Part:
    """A box, chunk or element. body: what is in it, if it holds no parts. head: bytes before its parts. lie: the size
    that is written in the place of the right one."""

    kind: bytes
    body: bytes = b""
    parts: list[Part] | None = None
    head: bytes = b""
    lie: int | None = field(default=None)


def odd_container(name: str, data: bytes, rng: Rng) -> bytes | None:
    """The file with odd parts; None where it is of no kind that is known here, or too damaged to be taken apart."""
    for taken_apart, joined in ((_mp4, _join_mp4), (_png, _join_png), (_riff, _join_riff), (_ebml, _join_ebml)):
        try:
            parts = taken_apart(data)
        except (ValueError, struct.error, IndexError):
            continue
        if parts:
            for _ in range(int(rng.integers(1, 4))):
                _change(parts, rng)
            return joined(parts)[:_MOST_BYTES]
    return None


def _change(parts: list[Part], rng: Rng) -> None:
    every = list(_all(parts))
    owner, at = every[int(rng.integers(len(every)))]
    part = owner[at]
    kind = int(rng.integers(8))
    if kind == 0:
        part.lie = int(rng.choice([*_EXTREMES, len(part.body) + 9, max(len(part.body) - 1, 0)]))
    elif kind == 1 and len(owner) > 1:
        del owner[at]
    elif kind == 2:
        owner[at:at] = [part] * int(rng.integers(1, 40))
    elif kind == 3:
        other_owner, other_at = every[int(rng.integers(len(every)))]
        part.kind = other_owner[other_at].kind
    elif kind == 4:
        rng.shuffle(owner)  # type: ignore[arg-type]
    elif kind == 5:
        for _ in range(int(rng.integers(1, 200))):
            part = Part(part.kind, parts=[part], head=part.head)
        owner[at] = part
    else:
        _odd_numbers(part, rng)


def _odd_numbers(part: Part, rng: Rng) -> None:
    """Numbers of two or four bytes in the beginning of a part, where counts, sizes and rates stand."""
    body = bytearray(part.body)
    for _ in range(int(rng.integers(1, 4))):
        width, extreme = int(rng.choice([2, 4])), int(rng.choice(_EXTREMES))
        at = int(rng.integers(max(1, min(len(body), 48) - width)))
        body[at : at + width] = (extreme & ((1 << 8 * width) - 1)).to_bytes(width, "big")
    part.body = bytes(body)


def _all(parts: list[Part]) -> Iterator[tuple[list[Part], int]]:
    """Every part as the list it is in and its place there."""
    for at, part in enumerate(parts):
        yield parts, at
        yield from _all(part.parts or [])


# ---- MP4, MOV, HEIC, AVIF


def _mp4(data: bytes, top: bool = True) -> list[Part]:
    if top and data[4:8] != b"ftyp":
        raise ValueError
    parts, at = list[Part](), 0
    while at < len(data):
        size, kind = struct.unpack(">I4s", data[at : at + 8])
        size = len(data) - at if size == 0 else size
        if not 8 <= size <= len(data) - at:
            raise ValueError
        body = data[at + 8 : at + size]
        head = _MP4_HEADS.get(kind, 0)
        if kind in _MP4_FOLDERS:
            parts.append(Part(kind, parts=_mp4(body[head:], top=False), head=body[:head]))
        else:
            parts.append(Part(kind, body))
        at += size
    return parts


def _join_mp4(parts: list[Part]) -> bytes:
    made = bytearray()
    for part in parts:
        body = part.body if part.parts is None else part.head + _join_mp4(part.parts)
        made += struct.pack(">I4s", (len(body) + 8 if part.lie is None else part.lie) & 0xFFFF_FFFF, part.kind) + body
    return bytes(made)


# ---- PNG


def _png(data: bytes) -> list[Part]:
    if not data.startswith(b"\x89PNG\r\n\x1a\n"):
        raise ValueError
    parts, at = list[Part](), 8
    while at < len(data):
        size, kind = struct.unpack(">I4s", data[at : at + 8])
        parts.append(Part(kind, data[at + 8 : at + 8 + size]))
        at += 12 + size
    return parts


def _join_png(parts: list[Part]) -> bytes:
    made = bytearray(b"\x89PNG\r\n\x1a\n")
    for part in parts:
        body = part.body or _join_png(part.parts or [])[8:]
        size = len(body) if part.lie is None else part.lie
        made += struct.pack(">I", size & 0xFFFF_FFFF) + part.kind + body
        made += struct.pack(">I", zlib.crc32(part.kind + body))
    return bytes(made)


# ---- WAV, WebP, AVI


def _riff(data: bytes) -> list[Part]:
    if not data.startswith(b"RIFF"):
        raise ValueError
    return _chunks(data)


def _chunks(data: bytes) -> list[Part]:
    parts, at = list[Part](), 0
    while at + 8 <= len(data):
        kind, size = struct.unpack("<4sI", data[at : at + 8])
        body = data[at + 8 : at + 8 + size]
        if kind in (b"RIFF", b"LIST"):
            parts.append(Part(kind, parts=_chunks(body[4:]), head=body[:4]))
        else:
            parts.append(Part(kind, body))
        at += 8 + size + size % 2
    return parts


def _join_riff(parts: list[Part]) -> bytes:
    made = bytearray()
    for part in parts:
        body = part.body if part.parts is None else part.head + _join_riff(part.parts)
        size = len(body) if part.lie is None else part.lie
        made += struct.pack("<4sI", part.kind, size & 0xFFFF_FFFF) + body + bytes(len(body) % 2)
    return bytes(made)


# ---- WebM, Matroska


def _ebml(data: bytes, top: bool = True) -> list[Part]:
    if top and not data.startswith(b"\x1a\x45\xdf\xa3"):
        raise ValueError
    parts, at = list[Part](), 0
    while at < len(data):
        length = 9 - data[at].bit_length()
        kind, at = data[at : at + length], at + length
        length = 9 - data[at].bit_length()
        if length > 8:
            raise ValueError
        size = int.from_bytes(data[at : at + length], "big") & ((1 << 7 * length) - 1)
        unknown = size == (1 << 7 * length) - 1
        at += length
        body = data[at:] if unknown else data[at : at + size]
        at += len(body)
        parts.append(Part(kind, parts=_ebml(body, top=False)) if kind in _EBML_FOLDERS else Part(kind, body))
    return parts


def _join_ebml(parts: list[Part]) -> bytes:
    made = bytearray()
    for part in parts:
        body = part.body if part.parts is None else _join_ebml(part.parts)
        size = len(body) if part.lie is None else part.lie
        made += part.kind + (size | 1 << 56).to_bytes(8, "big") + body
    return bytes(made)


# ---- safetensors


def lying_offsets(data: bytes, rng: Rng) -> bytes:
    """A safetensors file whose tensors say that they lie elsewhere, are longer, or overlap."""
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + size])
    names = [name for name in sorted(header) if name != "__metadata__"]
    for _ in range(int(rng.integers(1, 4))):
        entry = header[names[int(rng.integers(len(names)))]]
        begin, end = entry["data_offsets"]
        lies = [[end, begin], [0, end], [begin, end + 1], [begin, 2**63], [-1, end], [begin, begin], [2**40, 2**40 + 4]]
        entry["data_offsets"] = lies[int(rng.integers(len(lies)))]
        if rng.random() < 0.5:
            entry["shape"] = [[2**62, 4], [0], [], [-1], [2**20, 2**20, 2**20], entry["shape"] * 2][
                int(rng.integers(6))
            ]
    text = json.dumps(header).encode()
    told = int(rng.choice([len(text), len(text), len(text) + 1, 2**60, 0]))
    return told.to_bytes(8, "little") + text + data[8 + size :]
