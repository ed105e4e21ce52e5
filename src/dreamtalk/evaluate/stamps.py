"""What a kept result was made of, as short sha256 stamps: a result is used again only under the same stamp."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import dreamtalk
from dreamtalk import assets
from dreamtalk.media.files import sha256_of

LENGTH = 16
"""Hexadecimal digits of a stamp: 64 bits, enough for billions of results."""

_PACKAGE = Path(dreamtalk.__file__).parent


def sha_of(file: Path) -> str:
    """sha256 of a file's bytes, shortened; read again only when its size or time changed."""
    state = file.stat()
    return _sha_of(str(file.resolve()), state.st_size, state.st_mtime_ns)


@lru_cache(maxsize=4096)
def _sha_of(file: str, size: int, changed: int) -> str:
    return sha256_of(Path(file))[:LENGTH]


def stamp(*parts: Any) -> str:
    """Of anything that JSON can hold."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()[:LENGTH]


@lru_cache
def code_of(*places: str) -> str:
    """Of our own source files: modules ("talker.py") and packages ("face") below dreamtalk. Other code, other stamp."""
    digest = hashlib.sha256()
    for place in places:
        path = _PACKAGE / place
        for file in [path] if path.is_file() else sorted(path.rglob("*.py")):
            digest.update(file.relative_to(_PACKAGE).as_posix().encode())
            digest.update(file.read_bytes())
    return digest.hexdigest()[:LENGTH]


def shipped() -> dict[str, str]:
    """Every embedded weight file by its name in the registry, with the beginning of its sha256."""
    return {name: asset.sha256[:LENGTH] for name, asset in sorted(assets.registry().items())}


def given(files: Sequence[Path | None]) -> dict[str, str]:
    """The same of files that the user gave."""
    return {file.name: sha_of(file) for file in files if file is not None and file.is_file()}
