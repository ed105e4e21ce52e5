"""The converted denoiser against the official one's numbers, at full size (golden/README.md).

DREAMTALK_GOLDEN=folder pytest -k golden
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from dreamtalk.convert.official import convert_denoiser
from dreamtalk.motion import MotionModel
from dreamtalk.motion.sampler import ddim, guided

GOLDEN = Path(os.environ.get("DREAMTALK_GOLDEN", Path(__file__).parents[2] / "../shared/golden")) / "denoiser.npz"
pytestmark = pytest.mark.skipif(not GOLDEN.is_file(), reason=f"no golden vectors at {GOLDEN} (DREAMTALK_GOLDEN)")
RELATIVE = 1e-4
"""Largest difference allowed, as a share of the largest golden number."""

Golden = dict[str, NDArray[Any]]


@pytest.fixture(scope="module")
def golden() -> Golden:
    with np.load(GOLDEN) as stored:
        return dict(stored)


@pytest.fixture(scope="module")
def model(golden: Golden, write_denoiser: Any, tmp_path_factory: pytest.TempPathFactory) -> MotionModel:
    folder = tmp_path_factory.mktemp("golden")
    convert_denoiser(write_denoiser(folder / "denoising_network.pth", int(golden["salt"])), folder / "d.safetensors")
    return MotionModel.load(folder / "d.safetensors")


@pytest.fixture(scope="module")
def prepared(golden: Golden, model: MotionModel) -> Tensor:
    """The golden windows (L, W, F), encoded once for all steps."""
    encoder = model.denoiser.content_encoder
    with torch.inference_mode():
        return model.denoiser.prepare(encoder(encoder.increase_embed_dim(torch.from_numpy(golden["audio"][0]))))


@pytest.fixture(scope="module")
def code(golden: Golden, model: MotionModel) -> Tensor:
    with torch.inference_mode():
        padded = torch.from_numpy(golden["style_pad_mask"])
        return model.denoiser.encode_style(torch.from_numpy(golden["style"]), padded)


def assert_close(ours: Tensor, golden: NDArray[np.float32]) -> None:
    error = np.abs(ours.numpy() - golden).max() / np.abs(golden).max()
    print(f"relative error {error:.1e}")
    assert error < RELATIVE


def test_golden_style_code(code: Tensor, golden: Golden) -> None:
    assert_close(code, golden["style_code"])


def test_golden_style_code_without_padding(model: MotionModel, golden: Golden) -> None:
    clip = golden["style"][0][~golden["style_pad_mask"][0]]
    assert_close(torch.from_numpy(model.encode_style(clip, "golden").code), golden["style_code"][0])


@pytest.mark.parametrize("number", range(4))
def test_golden_network(number: int, model: MotionModel, prepared: Tensor, code: Tensor, golden: Golden) -> None:
    with torch.inference_mode():
        t = torch.from_numpy(golden["t"][number : number + 1])
        x0 = model.denoiser(torch.from_numpy(golden["x_t"][0]), t, prepared, code)
    assert_close(x0, golden["x0"][number, 0])


@pytest.mark.parametrize("omega", [0.0, 1.0, 1.5])
def test_golden_ddim(omega: float, model: MotionModel, prepared: Tensor, code: Tensor, golden: Golden) -> None:
    with torch.inference_mode():
        predict = guided(
            lambda x, t, codes: model.denoiser.each_style(x, torch.tensor([t]), prepared, codes),
            code,
            model.denoiser.null_style,
            omega,
        )
        x0 = ddim(predict, torch.from_numpy(golden["x_t"][0]), model.schedule, 10)
    assert_close(x0, golden[f"ddim10_omega_{omega}"][0])
