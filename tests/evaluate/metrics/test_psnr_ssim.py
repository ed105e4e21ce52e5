"""PSNR and SSIM of pictures whose answer can be worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from dreamtalk.evaluate.metrics.psnr_ssim import psnr, ssim
from dreamtalk.types import Image


def plain(level: int) -> Image:
    return np.full((32, 32, 3), level, np.uint8)


def test_psnr_of_a_known_error() -> None:
    """10 log10(255² / 9) for an error of 3 everywhere; a third of it in squares when one colour alone is wrong."""
    assert psnr(plain(103), plain(100)) == pytest.approx(38.588, abs=1e-3)
    red = plain(100)
    red[..., 0] += 3
    assert psnr(red, plain(100)) == pytest.approx(38.588 + 10 * np.log10(3), abs=1e-3)
    assert psnr(plain(0), plain(255)) == pytest.approx(0.0)
    assert psnr(plain(7), plain(7)) == pytest.approx(68.13, abs=0.01)


def test_ssim_of_plain_pictures_is_that_of_their_brightness() -> None:
    """(2 a b + c) / (a² + b² + c) with c = (0.01 · 255)² (Wang et al. 2004, equation 6): there is no contrast."""
    assert ssim(plain(50), plain(100)) == pytest.approx((2 * 50 * 100 + 6.5025) / (50**2 + 100**2 + 6.5025), abs=1e-6)
    assert ssim(plain(50), plain(50)) == pytest.approx(1.0)


def test_ssim_sees_structure_that_psnr_does_not() -> None:
    picture = np.random.default_rng(0).integers(60, 190, (48, 48, 3)).astype(np.uint8)
    brighter = (picture + 30).astype(np.uint8)
    noisy = (picture + np.random.default_rng(1).choice([-30, 30], picture.shape)).astype(np.uint8)
    assert psnr(brighter, picture) == pytest.approx(psnr(noisy, picture), abs=1e-3)
    assert ssim(brighter, picture) > ssim(noisy, picture) + 0.1
