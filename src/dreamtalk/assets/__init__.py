"""Weights and models that ship with the package, each described in registry.toml and checked before use."""

from __future__ import annotations

import hashlib
import sys
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from dreamtalk.errors import AssetMissing

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_FOLDER = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Asset:
    """One registry entry. `card` is the model card's path below docs/."""

    name: str
    file: str
    sha256: str
    licence: str
    source: str
    card: str


@lru_cache
def registry() -> dict[str, Asset]:
    """All assets by name."""
    entries = tomllib.loads((_FOLDER / "registry.toml").read_text(encoding="utf-8"))
    return {name: Asset(name=name, **fields) for name, fields in entries.items()}


@lru_cache
def path(name: str) -> Path:
    """The file of an asset, checked against its sha256.

    Raises AssetMissing when it is unknown, absent or not the registered file.
    """
    asset = registry().get(name)
    if asset is None:
        raise AssetMissing(f"There is no asset called {name!r}. Known: {', '.join(sorted(registry()))}.")
    file = _FOLDER / asset.file
    if not file.is_file():
        raise AssetMissing(f"The model file {file} is missing. Reinstall dreamtalk.")
    try:
        found = hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError as error:
        raise AssetMissing(f"The model file {file} cannot be read ({error.strerror}).") from error
    if found != asset.sha256:
        raise AssetMissing(f"The model file {file} is damaged or was changed (sha256 differs). Reinstall dreamtalk.")
    return file


def checked(file: Path) -> Path:
    """The same file; one of ours is checked also where somebody gives its path by hand. Raises AssetMissing."""
    place = file.resolve()
    if place.parent != _FOLDER.resolve():
        return file
    name = next((asset.name for asset in registry().values() if asset.file == place.name), None)
    if name is None and place.is_file():
        raise AssetMissing(
            f"The model file {file} lies among those of dreamtalk and is none of them. Move it elsewhere."
        )
    return file if name is None else path(name)
