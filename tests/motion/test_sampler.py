"""DDIM, guidance and frame noise, against cases whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from dreamtalk.motion.sampler import ddim, frame_noise, guided
from dreamtalk.motion.schedule import VarianceSchedule


def test_a_perfect_denoiser_gives_its_answer() -> None:
    truth = torch.randn(6, 4)
    assert torch.allclose(ddim(lambda x, t: truth, torch.randn(6, 4), VarianceSchedule.linear(), steps=7), truth)


def test_gaussian_data_comes_out_with_its_spread() -> None:
    """For x0 ~ N(m, s^2) the best x0 prediction is linear in x_t; sampling with it must give N(m, s^2) back."""
    torch.manual_seed(0)
    schedule, mean, spread = VarianceSchedule.linear(), 2.0, 0.5

    def best(x: Tensor, t: int) -> Tensor:
        a = schedule.alpha_bar[t]
        return mean + a.sqrt() * spread**2 / (a * spread**2 + 1 - a) * (x - a.sqrt() * mean)

    out = ddim(best, torch.randn(20_000, 1), schedule, steps=200)
    assert out.mean().item() == pytest.approx(mean, abs=0.02)
    assert out.std().item() == pytest.approx(spread, abs=0.03)


def test_guidance_is_linear_and_wastes_no_pass() -> None:
    calls: list[str] = []

    def conditional(x: Tensor, t: int) -> Tensor:
        calls.append("style")
        return x + 2

    def unconditional(x: Tensor, t: int) -> Tensor:
        calls.append("null")
        return x + 1

    x = torch.zeros(1, 1)
    values = {w: guided(conditional, unconditional, w)(x, 1).item() for w in (0.0, 1.0, 1.5)}
    assert values == {0.0: 1.0, 1.0: 2.0, 1.5: 2.5}
    assert sorted(calls) == ["null", "null", "style", "style"]  # one for 0, one for 1, two for 1.5


@pytest.mark.parametrize("smoothing", [0.0, 3.0])
def test_noise_belongs_to_absolute_frames(smoothing: float) -> None:
    whole = frame_noise(5, 0, 300, 8, smoothing)
    assert torch.allclose(frame_noise(5, 100, 90, 8, smoothing), whole[100:190], atol=1e-6)
    assert not torch.allclose(frame_noise(6, 100, 90, 8, smoothing), whole[100:190], atol=0.1)


def test_smoothed_noise_is_still_standard_normal_but_slower() -> None:
    rough, smooth = (frame_noise(1, 0, 4000, 16, s).numpy() for s in (0.0, 3.0))
    assert smooth.mean() == pytest.approx(0.0, abs=0.03)
    assert smooth.std() == pytest.approx(1.0, abs=0.03)
    assert np.abs(np.diff(smooth, axis=0)).mean() < 0.4 * np.abs(np.diff(rough, axis=0)).mean()
