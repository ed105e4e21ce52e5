"""The variance schedule against its closed form and the official table."""

from __future__ import annotations

import pytest
import torch

from dreamtalk.motion.schedule import VarianceSchedule


@pytest.mark.parametrize(
    ("t", "alpha_bar"),
    [(1, 0.9999), (101, 0.895141), (301, 0.394011), (501, 0.0777966), (901, 0.000270244), (1000, 4.03583e-5)],
)
def test_matches_the_published_values(t: int, alpha_bar: float) -> None:
    assert VarianceSchedule.linear().alpha_bar[t].item() == pytest.approx(alpha_bar, rel=1e-4)


def test_index_zero_is_no_noise() -> None:
    schedule = VarianceSchedule.linear()
    x0 = torch.randn(2, 5)
    assert torch.equal(schedule.add_noise(x0, torch.randn(2, 5), torch.tensor([0, 0])), x0)


def test_noised_data_keeps_unit_variance() -> None:
    torch.manual_seed(0)
    schedule = VarianceSchedule.linear()
    x_t = schedule.add_noise(torch.randn(3, 40_000), torch.randn(3, 40_000), torch.tensor([10, 400, 990]))
    assert torch.allclose(x_t.var(dim=1), torch.ones(3), atol=0.03)


def test_ten_steps_are_the_official_ones() -> None:
    assert VarianceSchedule.linear().ddim_times(10) == [901, 801, 701, 601, 501, 401, 301, 201, 101, 1]


@pytest.mark.parametrize("steps", [1, 7, 30, 333, 1000])
def test_any_number_of_steps_descends_to_one(steps: int) -> None:
    times = VarianceSchedule.linear().ddim_times(steps)
    assert len(times) == steps and times[-1] == 1 and times == sorted(set(times), reverse=True) and times[0] <= 1000


@pytest.mark.parametrize("steps", [0, 1001])
def test_impossible_step_counts_are_refused(steps: int) -> None:
    with pytest.raises(ValueError, match="1 to 1000"):
        VarianceSchedule.linear().ddim_times(steps)


def test_trailing_steps_begin_with_pure_noise() -> None:
    schedule = VarianceSchedule.linear()
    assert schedule.ddim_times(4, "trailing") == [1000, 750, 500, 250]
    assert schedule.ddim_times(1, "trailing") == [1000]
    times = schedule.ddim_times(333, "trailing")
    assert len(times) == 333 and times == sorted(set(times), reverse=True) and times[-1] >= 1
