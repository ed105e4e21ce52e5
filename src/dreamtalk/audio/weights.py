"""The encoder's weight file: safetensors with matrices as int8 and one scale per output channel, or all float16.

Everything is turned into float32 when it is loaded: int8 here saves disk, not time.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from dreamtalk.audio.whisper import WhisperConfig, WhisperEncoder
from dreamtalk.audio.windows import WINDOWS
from dreamtalk.errors import AssetMissing
from dreamtalk.types import Float

_SCALE = ".scale"
"""Ending of the name under which an int8 tensor's scales (channels,) float32 are stored."""


def save_encoder(path: Path, weights: dict[str, Float], int8: bool) -> None:
    """Write the weights of a WhisperEncoder. int8: store matrices and convolutions as int8 per output channel."""
    stored: dict[str, np.ndarray[tuple[int, ...], np.dtype[np.generic]]] = {}
    for name, value in weights.items():
        if int8 and value.ndim > 1:
            stored[name], stored[name + _SCALE] = quantise(value)
        else:
            stored[name] = value.astype(np.float16)
    save_file(stored, path, {"format": "dreamtalk-whisper-encoder-1"})


def quantise(weight: Float) -> tuple[np.ndarray[tuple[int, ...], np.dtype[np.int8]], Float]:
    """(channels, ...) to int8 and scales (channels,) so that int8 x scale is nearest to the weight."""
    flat = weight.reshape(len(weight), -1)
    scale = np.maximum(np.abs(flat).max(axis=1), 1e-12).astype(np.float32) / 127.0
    return np.rint(flat / scale[:, None]).astype(np.int8).reshape(weight.shape), scale


def load_weights(path: Path) -> dict[str, Float]:
    """The weights as float32. Raises AssetMissing when the file is not one of ours."""
    try:
        with safe_open(path, framework="numpy") as file:
            stored = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError) as problem:
        raise AssetMissing(f"{path} is not a dreamtalk encoder file ({problem}).") from problem
    weights: dict[str, Float] = {}
    for name, value in stored.items():
        if name.endswith(_SCALE):
            continue
        weights[name] = value.astype(np.float32)
        if name + _SCALE in stored:
            weights[name] *= stored[name + _SCALE].reshape(-1, *[1] * (value.ndim - 1))
    return weights


def load_encoder(path: Path) -> WhisperEncoder:
    """A WhisperEncoder whose width and number of layers follow from the file."""
    weights = load_weights(path)
    if "conv1.bias" not in weights:
        raise AssetMissing(f"{path} is not a dreamtalk encoder file (no convolution in it).")
    layers = 1 + max((int(name.split(".")[1]) for name in weights if name.startswith("layers.")), default=-1)
    longest = max(window.length for window in WINDOWS.values())
    model = WhisperEncoder(WhisperConfig(len(weights["conv1.bias"]), layers, longest))
    try:
        model.load_state_dict({name: torch.from_numpy(value) for name, value in weights.items()})
    except RuntimeError as problem:
        raise AssetMissing(f"{path} does not fit this version of dreamtalk's encoder ({problem}).") from problem
    return model
