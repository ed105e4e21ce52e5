"""Numeric arrays out of and into MATLAB files of version 5 to 7, as scipy.io.savemat and MATLAB's `save` write them.

    header of 128 bytes, then elements: uint32 type, uint32 bytes, data, filled up to 8 bytes
    matrix element = elements for flags, dimensions, name, real part (column by column)

Format: MathWorks, "MAT-File Format", chapter 1. Only what coefficient files need is read: real numeric matrices.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dreamtalk.errors import UnusableInput
from dreamtalk.media.files import check_input, check_output, replacing

_MATRIX, _COMPRESSED = 14, 15
_NUMBERS = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
"""Element types and numpy's names for them."""

_NUMERIC_CLASSES = range(6, 16)
"""double, single, and the whole numbers; below are cells, structs, objects, text, and sparse matrices."""

_SINGLE_CLASS, _INT8, _INT32, _UINT32, _SINGLE = 7, 1, 5, 6, 7
_COMPLEX = 0x0800
_HEADER = 128
_MAX_BYTES = 2**28
"""Unpacked bytes of a file that are read at most: an hour of coefficients at 25 fps takes less."""


class _Element(NamedTuple):
    kind: int
    data: bytes


def read_matlab(file: str | Path, names: tuple[str, ...]) -> dict[str, NDArray[Any]]:
    """Those of the named matrices that the file has. Raises UnusableInput for files of other kinds or damaged ones."""
    path = check_input(file)
    if path.stat().st_size > _MAX_BYTES:
        raise UnusableInput(f"{path} is larger than a coefficient file can be.")
    content = path.read_bytes()
    if content[:10] == b"MATLAB 7.3" or content[:4] == b"\x89HDF":
        raise UnusableInput(f"{path} is a MATLAB 7.3 file. Save it again with -v7, or with scipy.io.savemat.")
    order = {b"IM": "<", b"MI": ">"}.get(content[126:128])
    if order is None:
        raise UnusableInput(f"{path} is not a MATLAB file of version 5 to 7.")
    try:
        found = dict(_matrices(content[_HEADER:], order, names))
    except (struct.error, zlib.error, ValueError, KeyError, IndexError, StopIteration, RecursionError) as error:
        raise UnusableInput(f"{path} is a MATLAB file that is damaged or cut off.") from error
    return found


def write_matlab(path: str | Path, matrices: dict[str, NDArray[np.float32]]) -> None:
    """Write matrices (rows, columns) of single precision under their names. Raises UnusableOutput."""
    path = check_output(path, ".mat")
    header = b"MATLAB 5.0 MAT-file, written by dreamtalk".ljust(124) + struct.pack("<H2s", 0x0100, b"IM")
    with replacing(path) as temporary, temporary.open("wb") as file:
        file.write(header)
        for name, matrix in matrices.items():
            file.write(_packed(_MATRIX, _matrix_content(name, matrix)))


def _matrix_content(name: str, matrix: NDArray[np.float32]) -> bytes:
    return b"".join(
        (
            _packed(_UINT32, struct.pack("<II", _SINGLE_CLASS, 0)),
            _packed(_INT32, struct.pack("<ii", *matrix.shape)),
            _packed(_INT8, name.encode("ascii")),
            _packed(_SINGLE, matrix.astype("<f4").tobytes(order="F")),
        )
    )


def _packed(kind: int, data: bytes) -> bytes:
    return struct.pack("<II", kind, len(data)) + data + bytes(-len(data) % 8)


def _matrices(data: bytes, order: str, names: tuple[str, ...]) -> Iterator[tuple[str, NDArray[Any]]]:
    for element in _elements(data, order):
        if element.kind == _COMPRESSED:
            yield from _matrices(_unpacked(element.data), order, names)
        elif element.kind == _MATRIX:
            flags, size, name, *parts = _elements(element.data, order)
            word = struct.unpack(order + "I", flags.data[:4])[0]
            text = name.data.decode("latin-1")
            if text not in names:
                continue
            if word & 0xFF not in _NUMERIC_CLASSES or word & _COMPLEX:
                raise ValueError(f"{text} is no real matrix")
            shape = _array(size, order)
            yield text, _array(parts[0], order).reshape(tuple(int(n) for n in shape), order="F")


def _elements(data: bytes, order: str) -> Iterator[_Element]:
    at = 0
    while at + 8 <= len(data):
        kind, size = struct.unpack(order + "II", data[at : at + 8])
        if kind >> 16:  # a small element: its size and type in one word, its data in the other
            yield _Element(kind & 0xFFFF, data[at + 4 : at + 4 + (kind >> 16)])
            at += 8
            continue
        if at + 8 + size > len(data):
            raise ValueError("an element is longer than the file")
        yield _Element(kind, data[at + 8 : at + 8 + size])
        at += 8 + size + (-size % 8 if kind != _COMPRESSED else 0)


def _array(element: _Element, order: str) -> NDArray[Any]:
    return np.frombuffer(element.data, np.dtype(order + _NUMBERS[element.kind]))


def _unpacked(data: bytes) -> bytes:
    unpacker = zlib.decompressobj()
    content = unpacker.decompress(data, _MAX_BYTES)
    if unpacker.unconsumed_tail or not unpacker.eof:
        raise ValueError("not whole, or too large")
    return content
