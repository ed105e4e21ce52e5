"""PSNR and SSIM: how near are the pictures to those of the real video?"""

from __future__ import annotations

import numpy as np

from dreamtalk.evaluate.scoring import Metric
from dreamtalk.types import Image

PSNR = Metric(
    name="psnr",
    title="PSNR",
    unit="dB",
    span="0 to 68 (equal)",
    good="above the still photo",
    definition="Ten times the logarithm of 255² by the mean squared error of all pixels and colours of the 256 px "
    "face crop; mean over frames.",
    reference="EAT's log on MEAD: 21.8.",
    pitfalls="Means something only where the head moves as in the real video. A still photo scores well.",
)
SSIM = Metric(
    name="ssim",
    title="SSIM",
    unit="",
    span="-1 to 1",
    good="above the still photo",
    definition="Structural similarity of the 256 px face crop as scikit-image computes it (window of 7 px, uniform, "
    "each colour by itself, range 255); mean over frames.",
    reference="Wang et al. 2004. The paper: 0.86 on MEAD, other crops.",
    pitfalls="As PSNR. Window, colours and crop differ from paper to paper.",
)

PEAK = 255.0
_LEAST_ERROR = 1e-2
"""Squared error, so that equal pictures have a PSNR: 68 dB."""


def psnr(made: Image, truth: Image) -> float:
    """PSNR, dB, of two pictures (H, W, 3)."""
    error = float(np.mean((made.astype(np.float32) - truth.astype(np.float32)) ** 2))
    return float(10.0 * np.log10(PEAK**2 / max(error, _LEAST_ERROR)))


def ssim(made: Image, truth: Image) -> float:
    """SSIM of two pictures (H, W, 3), both at least 7 px wide and high."""
    from skimage.metrics import structural_similarity

    return float(structural_similarity(made, truth, channel_axis=2, data_range=PEAK))  # type: ignore[no-untyped-call]
