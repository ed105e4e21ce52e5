"""Model files: what is saved comes back, and what is no model is refused in words."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file
from torch import nn

from dreamtalk.errors import UnusableInput
from dreamtalk.weights import read_model, save_model


def test_what_is_saved_comes_back(tmp_path: Path) -> None:
    layer = nn.Linear(3, 2)
    save_model(tmp_path / "m.safetensors", layer, "kind-1", '{"a": 1}', {"seed": "3"}, torch.float32)
    weights, config = read_model(tmp_path / "m.safetensors", "kind-1", "layer")
    assert config == '{"a": 1}' and torch.equal(weights["weight"], layer.weight)
    assert [file.name for file in tmp_path.iterdir()] == ["m.safetensors"]


def test_half_precision_is_half_the_size(tmp_path: Path) -> None:
    layer = nn.Linear(100, 100)
    for name, precision in (("half", torch.float16), ("full", torch.float32)):
        save_model(tmp_path / name, layer, "kind-1", "{}", precision=precision)
    assert (tmp_path / "half").stat().st_size < 0.55 * (tmp_path / "full").stat().st_size


def test_other_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no weights")
    save_file({"x": np.zeros(2, np.float32)}, tmp_path / "plain")
    save_model(tmp_path / "other", nn.Linear(1, 1), "kind-2", "{}")
    for name, reason in (("text", "can be read"), ("absent", "can be read"), ("plain", "not a"), ("other", "not a")):
        with pytest.raises(UnusableInput, match=reason):
            read_model(tmp_path / name, "kind-1", "layer")
