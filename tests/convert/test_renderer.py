"""The renderer's checkpoint through the converter: keys, and the published numbers at full size."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from dreamtalk.cli.main import run
from dreamtalk.convert.official import convert_renderer
from dreamtalk.errors import UnusableInput
from dreamtalk.render.pirenderer.network import PIRendererNetwork

GOLDEN = Path(os.environ.get("DREAMTALK_GOLDEN", Path(__file__).parents[2] / "../shared/golden")) / "renderer.npz"
KEYS = 304
"""Tensors of the official `net_G_ema` (facts, appendix B)."""

State = dict[str, Any]


@pytest.fixture(scope="module")
def state(rule: Callable[..., State]) -> State:
    shapes = {key: tuple(value.shape) for key, value in PIRendererNetwork().state_dict().items()}
    return rule(shapes, 0)


def write(folder: Path, state: State) -> Path:
    torch.save({"net_G": {}, "net_G_ema": state, "opt_G": {}, "current_epoch": 3}, folder / "renderer.pt")
    return folder / "renderer.pt"


def test_the_command_converts_all_keys(state: State, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert len(state) == KEYS
    file = write(tmp_path, state | {"mapping_net.extra": torch.zeros(2)})
    assert run(["convert", "official", "--renderer", str(file), "-o", str(tmp_path)]) == 0
    shown = capsys.readouterr().out
    assert f"{KEYS} tensors" in shown and "mapping_net.extra" in shown
    loaded = PIRendererNetwork.load(tmp_path / "renderer.safetensors").state_dict()
    assert all(torch.equal(loaded[key], value) for key, value in state.items())


def test_a_missing_tensor_is_named(state: State, tmp_path: Path) -> None:
    lacking = {key: value for key, value in state.items() if key != "editing_net.decoder.final.model.0.bias"}
    with pytest.raises(UnusableInput, match=r"1 missing: editing_net\.decoder\.final\.model\.0\.bias"):
        convert_renderer(write(tmp_path, lacking), tmp_path / "r.safetensors")


@pytest.mark.skipif(not GOLDEN.is_file(), reason=f"no golden vectors at {GOLDEN} (DREAMTALK_GOLDEN)")
def test_golden_renderer_after_conversion(rule: Callable[..., State], state: State, tmp_path: Path) -> None:
    with np.load(GOLDEN) as stored:
        golden = dict(stored)
    shapes = {key: tuple(value.shape) for key, value in state.items()}
    file = write(tmp_path, rule(shapes, int(golden["salt"])))
    network = PIRendererNetwork.load(convert_renderer(file, tmp_path / "r.safetensors").file)
    with torch.inference_mode():
        drawn = network(torch.from_numpy(golden["source"]), torch.from_numpy(golden["coefficients"]))
    assert drawn.picture is not None
    flow = np.abs(drawn.flow.numpy() - golden["flow_field"]).max() / np.abs(golden["flow_field"]).max()
    pictures = [
        np.abs(made.numpy() - golden[name].astype(np.float32)).max()
        for made, name in ((drawn.warped, "warp_image"), (drawn.picture, "fake_image"))
    ]
    print(f"flow {flow:.1e} relative, pictures {pictures[0]:.1e} and {pictures[1]:.1e}")
    assert flow < 1e-4 and max(pictures) < 5e-3
