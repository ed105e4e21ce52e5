"""CPBD against another implementation, and against pictures whose sharpness is known."""

from __future__ import annotations

import numpy as np
import pytest
from skimage import data
from skimage.filters import gaussian

from dreamtalk.evaluate.metrics.cpbd import cpbd
from dreamtalk.types import Image


def blurred(sigma: float) -> Image:
    """A well-known photograph, blurred."""
    picture = data.camera().astype(np.float64)
    soft = picture if sigma == 0 else gaussian(picture, sigma, preserve_range=True)
    return np.round(soft).astype(np.uint8)


@pytest.mark.parametrize(
    ("sigma", "other"),
    [(0.0, 0.7482), (0.5, 0.6745), (1.0, 0.3482), (1.5, 0.1117), (2.0, 0.0199), (3.0, 0.0086)],
)
def test_equals_the_package_cpbd(sigma: float, other: float) -> None:
    """Values of cpbd-py312 1.0.3 on the same pictures, computed once by hand."""
    assert cpbd(blurred(sigma)) == pytest.approx(other, abs=0.002)


def ramp(width: int) -> Image:
    """Dark left, bright right, with `width` equal steps between."""
    row = np.clip((np.arange(128) - 64) / width + 0.5, 0, 1) * 200 + 20
    return np.tile(np.round(row).astype(np.uint8), (64, 1))


def test_a_ramp_narrower_than_noticeable_is_sharp_and_a_wide_one_is_not() -> None:
    assert cpbd(ramp(2)) == 1.0
    assert cpbd(ramp(12)) == 0.0


def test_a_picture_without_edges_or_without_a_whole_block_has_no_value() -> None:
    assert np.isnan(cpbd(np.full((128, 128), 90, np.uint8)))
    assert np.isnan(cpbd(ramp(2)[:40]))
