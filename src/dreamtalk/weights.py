"""Model files: safetensors with the config as JSON in the header. No pickle."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from dreamtalk import assets
from dreamtalk.errors import UnusableInput
from dreamtalk.media.files import replacing

Model = TypeVar("Model", bound=nn.Module)

_MOST = 65_536
"""Largest whole number in a config: no size of a layer of ours comes near it."""

_FAULTS = (
    LookupError,
    TypeError,
    ValueError,
    AttributeError,
    ArithmeticError,
    RuntimeError,
    MemoryError,
    AssertionError,
)
"""What building a network from an odd config raises."""


def save_model(
    file: Path,
    model: nn.Module,
    kind: str,
    config: str,
    extra: Mapping[str, str] | None = None,
    precision: torch.dtype = torch.float16,
) -> None:
    """Write all weights and buffers in that precision, whole or not at all. The same contents are the same bytes.

    kind: what file it is, for read_model. config: JSON. extra: more lines for the header.
    """
    weights = {key: value.detach().to(precision).contiguous().cpu() for key, value in model.state_dict().items()}
    with replacing(file) as part:
        part.write_bytes(_in_order(save(weights, metadata={"format": kind, "config": config, **(extra or {})})))


def _in_order(content: bytes) -> bytes:
    """The same safetensors file with the lines of its header by name: the library's order differs in each process."""
    size = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + size])
    text = json.dumps(header, sort_keys=True, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + content[8 + size :]


def read_model(file: Path, kind: str, what: str) -> tuple[dict[str, Tensor], str]:
    """The weights as float32, and the config.

    what: the model in words, for messages. Raises UnusableInput when the file cannot be read, or is of another kind,
    AssetMissing when it lies among the shipped ones and is not as registered.
    """
    assets.checked(file)
    try:
        with safe_open(file, framework="pt") as stored:
            header = stored.metadata() or {}
            weights = {key: stored.get_tensor(key).float() for key in stored.keys()}  # noqa: SIM118 (not a dict)
    except (OSError, SafetensorError, ValueError, TypeError, RuntimeError, KeyError) as problem:
        raise UnusableInput(f"{file} is not a weights file (.safetensors) that can be read: {problem}") from problem
    if header.get("format") != kind:
        raise UnusableInput(f"{file} is not a dreamtalk {what} (safetensors with format {kind}).")
    return weights, header.get("config", "")


def load_model(file: Path, kind: str, what: str, build: Callable[[Any], Model]) -> Model:
    """The model in a file, ready for use. build: from the config, as JSON has it, to the model without its weights.

    what: the model in words, for messages. Raises UnusableInput when the file cannot be read, is of another kind, or
    does not fit itself.
    """
    weights, config = read_model(file, kind, what)
    try:
        values = json.loads(config)
        _check_sizes(values, len(weights))
        model = build(values)
        model.load_state_dict(weights)
    except _FAULTS as problem:
        raise UnusableInput(
            f"{file} is no {what} that can be used: its weights do not fit its description."
        ) from problem
    return model.eval()


def _check_sizes(config: Any, tensors: int, name: str = "") -> None:
    """Raise ValueError for numbers that would fill the memory before the weights are looked at."""
    if isinstance(config, dict):
        for key, value in config.items():
            _check_sizes(value, tensors, str(key))
    elif isinstance(config, list):
        for value in config:
            _check_sizes(value, tensors, name)
    elif isinstance(config, int) and config > (tensors if "layers" in name else _MOST):
        raise ValueError(f"{name} is {config}")
