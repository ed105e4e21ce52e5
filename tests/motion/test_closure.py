"""Lips that nearly meet, meet; others are left alone."""

from __future__ import annotations

import pytest
import torch

from dreamtalk.motion.closure import REACH, lips_meet


def _after(aperture: float) -> float:
    """The aperture that an aperture becomes, in a face space of two numbers: aperture and something else."""
    moved = lips_meet(torch.tensor([[aperture, 7.0]]), torch.tensor([1.0, 0.0]), torch.tensor([1.0, 0.5]))
    assert moved[0, 1].item() == pytest.approx(7.0 + 0.5 * (moved[0, 0].item() - aperture), abs=1e-5)
    return float(moved[0, 0])


@pytest.mark.parametrize("aperture", [-1.0, 0.0, REACH, 3.0, 20.0])
def test_shut_and_open_mouths_are_left_alone(aperture: float) -> None:
    assert _after(aperture) == pytest.approx(aperture, abs=1e-6)


def test_nearly_shut_mouths_shut_and_order_is_kept() -> None:
    values = [_after(a / 10) for a in range(26)]
    assert values == sorted(values)
    assert _after(1.0) < 0.4 and _after(1.5) < 1.0 and _after(2.3) > 2.1


def test_no_face_space_no_change() -> None:
    expression = torch.randn(4, 3)
    assert torch.equal(lips_meet(expression, torch.zeros(3), torch.zeros(3)), expression)
