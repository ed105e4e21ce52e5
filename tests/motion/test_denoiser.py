"""The denoising network: what depends on what."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from dreamtalk.motion.denoiser import Denoiser, DenoiserConfig, speech_windows
from dreamtalk.motion.schedule import VarianceSchedule

TINY = DenoiserConfig(feature_size=12, expression_size=10, lower=(1, 3, 4), width=16, heads=2, hidden=32,
                      layers=2, style_layers=1)  # fmt: skip


@pytest.fixture(scope="module")
def network() -> Denoiser:
    torch.manual_seed(0)
    return Denoiser(TINY).eval()


def test_the_paper_sizes_have_the_published_number_of_parameters() -> None:
    """11,857,729 in the official release (facts 1.4); both halves of our memory layer are one Linear there as well."""
    assert sum(p.numel() for p in Denoiser(DenoiserConfig()).parameters()) == 11_857_729


def test_windows_are_centred_on_feature_2i_and_hold_their_ends() -> None:
    tokens = torch.arange(20.0).view(1, 20, 1)
    windows = speech_windows(tokens, 10, window=2)[0, :, :, 0]
    assert windows[4].tolist() == [6, 7, 8, 9, 10]
    assert windows[0].tolist() == [0, 0, 0, 1, 2]
    assert windows[9].tolist() == [16, 17, 18, 19, 19]


def test_frames_do_not_see_each_other(network: Denoiser) -> None:
    features, style = torch.randn(1, 24, 12), network.null_style()
    prepared = network.prepare(network.encode_speech(features, 12))[0]
    x, t = torch.randn(12, 10), torch.tensor([500])
    whole = network(x, t, prepared, style)
    assert torch.allclose(network(x[3:5], t, prepared[3:5], style), whole[3:5], atol=1e-5)


def test_several_styles_at_once_are_the_same_as_one_after_the_other(network: Denoiser) -> None:
    prepared = network.prepare(network.encode_speech(torch.randn(1, 24, 12), 12))[0]
    codes = torch.cat([network.encode_style(torch.randn(2, 30, 10)), network.null_style()])
    x, t = torch.randn(12, 10), torch.tensor([500])
    together = network.each_style(x, t, prepared, codes)
    for number in range(3):
        single = network(x, t, prepared, codes[number : number + 1])
        assert torch.allclose(together[number], single, atol=1e-5)
    assert (together[0] - together[1]).abs().max() > 1e-3


def test_output_depends_on_speech_style_noise_and_step(network: Denoiser) -> None:
    prepared = network.prepare(network.encode_speech(torch.randn(1, 24, 12), 12))[0]
    style, x = network.encode_style(torch.randn(1, 30, 10)), torch.randn(12, 10)
    base = network(x, torch.tensor([500]), prepared, style)
    others = [
        network(x + 1, torch.tensor([500]), prepared, style),
        network(x, torch.tensor([10]), prepared, style),
        network(x, torch.tensor([500]), prepared + 1, style),
        network(x, torch.tensor([500]), prepared, network.null_style()),
    ]
    assert all((other - base).abs().max() > 1e-3 for other in others)


def test_each_half_of_the_face_has_its_own_decoder(network: Denoiser) -> None:
    prepared = network.prepare(network.encode_speech(torch.randn(1, 24, 12), 12))[0]
    x, t, style = torch.randn(12, 10), torch.tensor([5]), network.null_style()
    before = network(x, t, prepared, style)
    with torch.no_grad():
        network.lower_decoder.tail[-1].bias += 1.0
    change = network(x, t, prepared, style) - before
    with torch.no_grad():
        network.lower_decoder.tail[-1].bias -= 1.0
    assert torch.allclose(change[:, [1, 3, 4]], torch.ones(12, 3), atol=1e-5)
    assert change[:, [0, 2, 5, 6, 7, 8, 9]].abs().max() < 1e-6


def test_padding_of_a_style_clip_does_not_matter(network: Denoiser) -> None:
    clip = torch.randn(1, 30, 10)
    padded = torch.cat([clip, torch.randn(1, 8, 10)], dim=1)
    mask = torch.arange(38)[None] >= 30
    assert torch.allclose(network.encode_style(padded, mask), network.encode_style(clip), atol=1e-5)


def test_the_posterior_is_the_mean_of_a_product_of_gaussians() -> None:
    """Against the integral over a fine grid of p(x0) p(x_t | x0), for one coefficient."""
    config = replace(TINY, posterior=True)
    denoiser = Denoiser(config)
    size = config.expression_size
    with torch.no_grad():
        assert denoiser.residual_log_variance is not None
        denoiser.residual_log_variance.fill_(float(np.log(0.3)))
    mean, x_t = torch.full((1, size), 0.4), torch.full((1, size), 1.1)
    for t in (1, 50, 300, 1000):
        abar = float(VarianceSchedule.linear().alpha_bar[t])
        x0 = np.linspace(-6.0, 6.0, 400_001)
        log_weight = -((x0 - 0.4) ** 2) / (2 * 0.3) - (1.1 - np.sqrt(abar) * x0) ** 2 / (2 * (1 - abar))
        weight = np.exp(log_weight - log_weight.max())
        made = denoiser._posterior(mean, x_t, torch.tensor([t]))
        assert made[0, 0].item() == pytest.approx((weight * x0).sum() / weight.sum(), abs=2e-4)
    assert torch.equal(Denoiser(TINY)._posterior(mean, x_t, torch.tensor([300])), mean)
