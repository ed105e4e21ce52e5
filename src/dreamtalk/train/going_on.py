"""May a run go on in this folder? Only with what its checkpoint was made by, so that what it says of itself stays true.

The checkpoint holds a stamp: every number of the config, and the contents of the files it names. What only says where
and how fast a run works is left out.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from dreamtalk.errors import UnusableInput
from dreamtalk.train.record import data_sha256

if TYPE_CHECKING:
    from dreamtalk.train.loop import LoopConfig

STATE = "state.pt"
"""The checkpoint's name in a run's folder."""

_PLACE = ("out", "cache", "device", "devices", "nodes", "threads", "loaders")
_RECORD = ("tensorboard", "save_every", "log_every", "validate_every")
_MAY_DIFFER = frozenset((*_PLACE, *_RECORD))
"""Fields of configs that change nothing of what is learned."""


def stamp(config: LoopConfig) -> str:
    """What a run is made by, as JSON: fields by name, those of inner dataclasses as "outer.inner"."""
    return json.dumps(_flat({name: value for name, value in asdict(config).items() if name not in _MAY_DIFFER}))


def check_going_on(config: LoopConfig) -> None:
    """Raises UnusableInput when config.out holds the checkpoint of another run. Old ones without a stamp pass."""
    file = config.out / STATE
    if not file.is_file():
        return
    try:
        stored = torch.load(file, weights_only=True, mmap=True, map_location="cpu").get("config")
    except Exception as problem:  # PyTorch raises all kinds for a file that is none
        why = next(iter(str(problem).splitlines()), type(problem).__name__).rstrip(" :")
        raise UnusableInput(f"{file} is not of this training ({why}). Choose another --out.") from problem
    if stored is None:
        return
    there, here = json.loads(stored), json.loads(stamp(config))
    differ = [name for name in there if name in here and not _goes_on(name, there[name], here[name])]
    if differ:
        words = ", ".join(f"{name} ({there[name]} there, {here[name]} here)" for name in differ)
        raise UnusableInput(f"{config.out} holds a run with other settings: {words}. Choose another --out.")


def _goes_on(name: str, there: Any, here: Any) -> bool:
    """More steps may follow; everything else is as it was."""
    return bool(here >= there) if name == "steps" else bool(here == there)


def _flat(values: dict[str, Any], before: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{before}{name}.")
        else:
            flat[before + name] = _named(value) if isinstance(value, Path) else value
    return flat


def _named(path: Path) -> str:
    """A file or data folder by name and contents: the same wherever it lies, another one when it was made anew."""
    digest = sha256(path.read_bytes()).hexdigest() if path.is_file() else data_sha256(path)
    return f"{path.name} {digest[:12]}" if digest else path.name
