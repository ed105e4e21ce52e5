"""Numbers of the published network, at full size, with weights made by a rule (../shared/golden/README.md)."""

from __future__ import annotations

import os
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from dreamtalk.render.pirenderer.network import PIRendererNetwork

GOLDEN = Path(os.environ.get("DREAMTALK_GOLDEN", Path(__file__).parents[4] / "shared" / "golden")) / "renderer.npz"


@pytest.fixture(scope="module")
def golden() -> dict[str, np.ndarray[Any, Any]]:
    if not GOLDEN.is_file():
        pytest.skip(f"the golden vectors are not here: {GOLDEN}")
    with np.load(GOLDEN, allow_pickle=False) as stored:
        return {name: stored[name] for name in stored.files}


def weights_by_rule(shapes: dict[str, tuple[int, ...]], salt: int) -> dict[str, torch.Tensor]:
    weights = {}
    for key, shape in shapes.items():
        w = np.random.default_rng(zlib.crc32(key.encode()) + salt).standard_normal(shape).astype(np.float32)
        if len(shape) >= 2 and shape[1:] != (1, 1):
            w = w / np.sqrt(np.prod(shape[1:]))
        else:
            w = 0.02 * w + (1.0 if key.endswith("weight") else 0.0)
        weights[key] = torch.from_numpy(w.astype(np.float32))
    return weights


def test_the_networks_give_the_published_numbers(golden: dict[str, np.ndarray[Any, Any]]) -> None:
    network = PIRendererNetwork().eval()
    shapes = {key: tuple(value.shape) for key, value in network.state_dict().items()}
    network.load_state_dict(weights_by_rule(shapes, int(golden["salt"])))
    with torch.inference_mode():
        drawn = network(torch.from_numpy(golden["source"]), torch.from_numpy(golden["coefficients"]))
    assert drawn.picture is not None
    flow = drawn.flow.numpy()
    error = np.abs(flow - golden["flow_field"]).max() / np.abs(golden["flow_field"]).max()
    assert error < 1e-4
    for made, wanted in ((drawn.warped, golden["warp_image"]), (drawn.picture, golden["fake_image"])):
        assert np.abs(made.numpy() - wanted.astype(np.float32)).max() < 5e-3
