"""Weight files: what is stored comes back, within what int8 can hold; other files are refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file

from dreamtalk.audio.weights import load_encoder, load_weights, quantise, save_encoder
from dreamtalk.audio.whisper import WhisperConfig, WhisperEncoder
from dreamtalk.errors import AssetMissing
from dreamtalk.types import Float


def _weights() -> dict[str, Float]:
    torch.manual_seed(0)
    model = WhisperEncoder(WhisperConfig(width=64, layers=2, positions=10))
    return {name: value.numpy() for name, value in model.state_dict().items()}


def test_int8_is_within_half_a_step_of_every_channel() -> None:
    weight = np.random.default_rng(0).normal(size=(7, 20, 3)).astype(np.float32) * np.logspace(-4, 2, 7)[:, None, None]
    stored, scale = quantise(weight.astype(np.float32))
    assert stored.dtype == np.int8
    error = np.abs(stored * scale[:, None, None] - weight).max(axis=(1, 2))
    assert np.all(error <= 0.501 * scale)
    assert np.all(np.abs(stored.astype(int)).max(axis=(1, 2)) == 127)


def test_a_channel_of_zeros_stays_zero() -> None:
    stored, scale = quantise(np.zeros((2, 5), np.float32))
    assert not (stored * scale[:, None]).any()


@pytest.mark.parametrize(("int8", "tolerance"), [(False, 1e-3), (True, 1e-2)])
def test_stored_weights_come_back(tmp_path: Path, int8: bool, tolerance: float) -> None:
    weights = _weights()
    save_encoder(tmp_path / "a.safetensors", weights, int8)
    back = load_weights(tmp_path / "a.safetensors")
    assert back.keys() == weights.keys()
    for name, value in weights.items():
        assert back[name].dtype == np.float32
        assert np.abs(back[name] - value).max() <= tolerance * np.abs(value).max()


def test_shape_of_the_network_follows_from_the_file(tmp_path: Path) -> None:
    save_encoder(tmp_path / "a.safetensors", _weights(), int8=True)
    config = load_encoder(tmp_path / "a.safetensors").config
    assert (config.width, config.layers) == (64, 2)


def test_int8_is_half_the_size(tmp_path: Path) -> None:
    for int8 in (False, True):
        save_encoder(tmp_path / f"{int8}.safetensors", _weights(), int8)
    assert (tmp_path / "True.safetensors").stat().st_size < 0.6 * (tmp_path / "False.safetensors").stat().st_size


def test_other_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "text.safetensors").write_text("no weights")
    save_file({"something": np.zeros(3, np.float32)}, tmp_path / "other.safetensors")
    weights = _weights()
    del weights["layers.0.mlp_in.bias"]
    save_encoder(tmp_path / "incomplete.safetensors", weights, int8=True)
    for name in ("absent", "text", "other", "incomplete"):
        with pytest.raises(AssetMissing, match=name):
            load_encoder(tmp_path / f"{name}.safetensors")
