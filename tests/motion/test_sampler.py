"""DDPM, DDIM, guidance and frame noise, against cases whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from dreamtalk.motion.sampler import StepNoise, carried, ddim, ddpm, frame_noise, guided
from dreamtalk.motion.schedule import Spacing, VarianceSchedule


def test_a_perfect_denoiser_gives_its_answer() -> None:
    truth = torch.randn(6, 4)
    assert torch.allclose(ddim(lambda x, t: truth, torch.randn(6, 4), VarianceSchedule.linear(), steps=7), truth)


MEAN, SPREAD = 2.0, 0.5
"""Of data whose best denoiser is known: x0 ~ N(MEAN, SPREAD^2)."""


def best(x: Tensor, t: int) -> Tensor:
    """E[x0 | x_t], linear in x_t for Gaussian data."""
    a = VarianceSchedule.linear().alpha_bar[t]
    return MEAN + a.sqrt() * SPREAD**2 / (a * SPREAD**2 + 1 - a) * (x - a.sqrt() * MEAN)


def fresh(seed: int, count: int) -> StepNoise:
    """Noise of a step from the seed and the step alone."""
    return lambda t: torch.randn(count, 1, generator=torch.Generator().manual_seed(1000 * seed + t))


@pytest.mark.parametrize(("steps", "eta"), [(200, 0.0), (200, 0.5), (300, 1.0), (1000, 1.0)])
def test_gaussian_data_comes_out_with_its_spread(steps: int, eta: float) -> None:
    torch.manual_seed(0)
    out = ddim(best, torch.randn(20_000, 1), VarianceSchedule.linear(), steps, eta, fresh(1, 20_000))
    assert out.mean().item() == pytest.approx(MEAN, abs=0.02)
    assert out.std().item() == pytest.approx(SPREAD, abs=0.03)


def test_ddim_with_all_noise_and_all_steps_is_ddpm() -> None:
    """The posterior of DDPM and DDIM's eq. 12 at eta = 1 are two ways to write one Gaussian, sample by sample."""
    schedule, start = VarianceSchedule.linear(), torch.randn(500, 1, generator=torch.Generator().manual_seed(0))
    ancestral = ddpm(best, start, schedule, fresh(2, 500))
    implicit = ddim(best, start, schedule, 1000, 1.0, fresh(2, 500))
    assert torch.allclose(ancestral, implicit, atol=2e-3)
    assert ancestral.std().item() == pytest.approx(SPREAD, abs=0.05)
    assert (ancestral - ddpm(best, start, schedule, fresh(3, 500))).abs().mean() > 0.1, "it is stochastic"


def test_eta_decides_between_noise_and_none() -> None:
    schedule, start = VarianceSchedule.linear(), torch.randn(500, 1, generator=torch.Generator().manual_seed(0))
    still = ddim(best, start, schedule, 20)
    moved = [(ddim(best, start, schedule, 20, eta, fresh(4, 500)) - still).abs().mean().item() for eta in (0, 0.3, 1)]
    assert moved[0] == 0.0 and 0.0 < moved[1] < moved[2]
    with pytest.raises(ValueError, match="step_noise"):
        ddim(best, start, schedule, 20, eta=0.5)


@pytest.mark.parametrize("spacing", ["leading", "trailing"])
def test_where_the_open_variance_is_known_one_step_is_as_good_as_all(spacing: Spacing) -> None:
    """The probability flow of N(MEAN, SPREAD^2) in closed form: x0 = MEAN + SPREAD (x_T - sqrt(abar) MEAN) / s_T."""
    schedule, start = VarianceSchedule.linear(), torch.linspace(-2.0, 2.0, 9)[:, None]
    first = schedule.alpha_bar[schedule.ddim_times(1, spacing)[0]]
    variance = torch.tensor([SPREAD**2])
    exact = MEAN + SPREAD * (start - first.sqrt() * MEAN) / (first * variance + 1.0 - first).sqrt()
    one = ddim(best, start, schedule, 1, spacing=spacing, variance=variance)
    assert torch.allclose(one, exact, atol=1e-4)
    if spacing == "trailing":
        many = ddim(best, start, schedule, 1000)
        three = ddim(best, start, schedule, 3, spacing=spacing, variance=variance)
        assert torch.allclose(one, many, atol=0.02) and torch.allclose(one, three, atol=1e-4)
        plain = ddim(best, start, schedule, 3, spacing=spacing)
        assert (plain - many).abs().max() > 0.1, "plain DDIM needs more steps than three"


def test_what_is_carried_is_ddims_where_nothing_is_left_open() -> None:
    schedule = VarianceSchedule.linear()
    k = carried(schedule, 700, 300, torch.zeros(1)).item()
    assert k == pytest.approx(((1 - schedule.alpha_bar[300]) / (1 - schedule.alpha_bar[700])).sqrt().item(), rel=1e-5)
    assert carried(schedule, 700, 0, torch.zeros(1)).item() == 0.0


def test_guidance_is_linear_and_wastes_no_pass() -> None:
    calls: list[int] = []
    nulls: list[int] = []

    def each(x: Tensor, t: int, codes: Tensor) -> Tensor:
        calls.append(len(codes))
        return x + codes[:, None]  # (C, L, E)

    def null() -> Tensor:
        nulls.append(1)
        return torch.ones(1, 1)

    x, style = torch.zeros(1, 1), torch.full((1, 1), 2.0)
    values = {w: guided(each, style, null, w)(x, 1).item() for w in (0.0, 1.0, 0.5, 1.5)}
    assert values == {0.0: 1.0, 1.0: 2.0, 0.5: 1.5, 1.5: 2.5}
    assert calls == [1, 1, 2, 2] and len(nulls) == 3  # the null style is not even encoded at 1


@pytest.mark.parametrize("smoothing", [0.0, 3.0])
def test_noise_belongs_to_absolute_frames(smoothing: float) -> None:
    whole = frame_noise(5, 0, 300, 8, smoothing)
    assert torch.allclose(frame_noise(5, 100, 90, 8, smoothing), whole[100:190], atol=1e-6)
    assert not torch.allclose(frame_noise(6, 100, 90, 8, smoothing), whole[100:190], atol=0.1)


def test_every_step_has_noise_of_its_own() -> None:
    at_start, at_901, at_801 = (frame_noise(5, 0, 100, 8, step=t) for t in (0, 901, 801))
    for one, other in ((at_start, at_901), (at_901, at_801)):
        assert np.corrcoef(one.ravel(), other.ravel())[0, 1] == pytest.approx(0.0, abs=0.15)
    assert torch.equal(frame_noise(5, 40, 60, 8, step=901), at_901[40:])


def test_smoothed_noise_is_still_standard_normal_but_slower() -> None:
    rough, smooth = (frame_noise(1, 0, 4000, 16, s).numpy() for s in (0.0, 3.0))
    assert smooth.mean() == pytest.approx(0.0, abs=0.03)
    assert smooth.std() == pytest.approx(1.0, abs=0.03)
    assert np.abs(np.diff(smooth, axis=0)).mean() < 0.4 * np.abs(np.diff(rough, axis=0)).mean()
