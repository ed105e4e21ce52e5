"""The converted denoiser against the official one's numbers, at full size (golden/README.md).

DREAMTALK_GOLDEN=folder pytest -k golden
"""

from __future__ import annotations

import os
import re
from functools import partial
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
def prepared(golden: Golden, model: MotionModel) -> list[Tensor]:
    """The golden windows of each talk (L, W, F), encoded once for all steps."""
    encoder = model.denoiser.content_encoder
    with torch.inference_mode():
        return [
            model.denoiser.prepare(encoder(encoder.increase_embed_dim(torch.from_numpy(windows))))
            for windows in golden["audio"]
        ]


@pytest.fixture(scope="module")
def codes(golden: Golden, model: MotionModel) -> Tensor:
    with torch.inference_mode():
        padded = torch.from_numpy(golden["style_pad_mask"])
        return model.denoiser.encode_style(torch.from_numpy(golden["style"]), padded)


def assert_close(ours: Tensor, golden: NDArray[np.float32]) -> None:
    error = np.abs(ours.numpy() - golden).max() / np.abs(golden).max()
    print(f"relative error {error:.1e}")
    assert error < RELATIVE


def test_golden_style_code(codes: Tensor, golden: Golden) -> None:
    assert_close(codes, golden["style_code"])


def test_golden_style_code_without_padding(model: MotionModel, golden: Golden) -> None:
    for clip, padded, code in zip(golden["style"], golden["style_pad_mask"], golden["style_code"], strict=True):
        assert_close(torch.from_numpy(model.encode_style(clip[~padded], "golden").code), code)


def test_golden_network(model: MotionModel, prepared: list[Tensor], codes: Tensor, golden: Golden) -> None:
    assert len(golden["t"]) > 0
    for t, talks in zip(golden["t"], golden["x0"], strict=True):
        for content, code, x_t, x0 in zip(prepared, codes, golden["x_t"], talks, strict=True):
            with torch.inference_mode():
                made = model.denoiser(torch.from_numpy(x_t), torch.tensor([int(t)]), content, code[None])
            assert_close(made, x0)


def test_golden_ddim(model: MotionModel, prepared: list[Tensor], codes: Tensor, golden: Golden) -> None:
    """Every array called ddim(steps)_omega_(scale)."""
    runs = [match for name in golden if (match := re.fullmatch(r"ddim(\d+)_omega_([\d.]+)", name))]
    assert len(runs) >= 3
    for run in runs:
        for content, code, x_t, x0 in zip(prepared, codes, golden["x_t"], golden[run[0]], strict=True):
            each = partial(_each_style, model, content)
            with torch.inference_mode():
                predict = guided(each, code[None], model.denoiser.null_style, float(run[2]))
                made = ddim(predict, torch.from_numpy(x_t), model.schedule, int(run[1]))
            assert_close(made, x0)


def _each_style(model: MotionModel, content: Tensor, x_t: Tensor, t: int, codes: Tensor) -> Tensor:
    return model.denoiser.each_style(x_t, torch.tensor([t]), content, codes)
