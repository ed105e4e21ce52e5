"""Model files: what is saved comes back, and what is no model is refused in words."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
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


SCRIPT = """
import sys, torch
from pathlib import Path
from dreamtalk.weights import save_model
torch.manual_seed(0)
layers = torch.nn.Sequential(torch.nn.Linear(3, 5), torch.nn.Linear(5, 2))
save_model(Path(sys.argv[1]), layers, "kind-1", '{"b": 1, "a": 2}', {"seed": "3", "steps": "4", "by": "Zo\u00eb"})
"""


def test_equal_weights_are_equal_bytes_in_every_process(tmp_path: Path) -> None:
    files = [tmp_path / f"{number}.safetensors" for number in range(3)]
    for file in files:
        subprocess.run([sys.executable, "-c", SCRIPT, str(file)], check=True)
    assert len({file.read_bytes() for file in files}) == 1
    with safe_open(files[0], framework="pt") as stored:
        assert stored.metadata()["by"] == "Zo\u00eb"
    content = files[0].read_bytes()
    names = (b'"by"', b'"config"', b'"format"', b'"seed"', b'"steps"')
    assert sorted(names, key=content.index) == list(names), "lines are in the order of their names"


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
