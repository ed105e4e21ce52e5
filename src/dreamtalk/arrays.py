"""NumPy files of unknown origin: arrays and nothing else, and one kind of error whatever is wrong with them."""

from __future__ import annotations

import struct
import tokenize
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from dreamtalk.errors import UnusableInput

Array: TypeAlias = np.ndarray[Any, Any]

MAX_BYTES = 2_000_000_000
"""Most that a file may unpack to: a track of an hour has 0.6 GB."""

_FAULTS = (
    OSError,
    ValueError,
    EOFError,
    TypeError,
    AttributeError,
    LookupError,
    SyntaxError,  # the header of an array is a Python literal
    ArithmeticError,
    MemoryError,
    RuntimeError,  # encrypted members, unknown compression, too deeply nested literals
    struct.error,
    tokenize.TokenError,
    zlib.error,
    zipfile.BadZipFile,
)
"""What NumPy and zipfile raise for damaged files."""


def read_arrays(path: str | Path, what: str = "an .npz file", names: tuple[str, ...] | None = None) -> dict[str, Array]:
    """The arrays of an .npz file by name. what: it should be, for the message. names: those wanted, as far as they are
    there; None: all. Raises UnusableInput.
    """
    with _explained(path, what):
        with zipfile.ZipFile(path) as members:
            if sum(member.file_size for member in members.infolist()) > MAX_BYTES:
                raise ValueError("unpacks to more than any file of ours")
        with np.load(path, allow_pickle=False) as stored:
            return {name: stored[name] for name in stored.files if names is None or name in names}


def read_array(path: str | Path, what: str = "an .npy file") -> Array:
    """The array of an .npy file. what: it should be, for the message. Raises UnusableInput."""
    with _explained(path, what):
        array = np.load(path, allow_pickle=False)
        if not isinstance(array, np.ndarray):
            raise ValueError("several arrays")
        return array


@contextmanager
def _explained(path: str | Path, what: str) -> Iterator[None]:
    try:
        yield
    except _FAULTS as error:
        raise UnusableInput(f"{path} is not {what} that can be read.") from error
