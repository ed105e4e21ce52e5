"""Baselines without diffusion, out of the denoiser's own parts: speech and style in, motion out, in one pass.

They have everything a MotionModel asks of its network, so one trained file stands in for another: style clips, guidance
between the null style and a style (intensity 0 to 1 mixes the two), a style per frame, streaming. A sampler's last step
is the network's prediction itself, so one step (MotionConfig.steps) is all they need, and the seed changes nothing.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dreamtalk.motion.denoiser import Decoder, Denoiser, DenoiserConfig
from dreamtalk.motion.layers import DecoderLayer

_BANKS = 8
"""K: sets of weights that every style-adaptive feed-forward mixes (facts 1.4)."""

_NARROWING = 4
"""The mixing network's hidden layer is this many times narrower than the style code (facts 1.4)."""

_TEMPERATURE = 30.0
"""Of the softmax that mixes them: at the start of training all sets are used about alike (facts 1.4)."""


class Regression(Denoiser):
    """The denoiser that is told nothing of noise: x_t and t are zero for it, in training and use.

    The same modules and number of weights as the denoiser of that size; what it learns of speech and style that leave
    something open is their mean.
    """

    def __init__(self, config: DenoiserConfig) -> None:
        """Raises ValueError for a posterior: there is no x_t to combine the prediction with."""
        super().__init__(config)
        if config.posterior:
            raise ValueError("a network without diffusion has no posterior")

    def _memory(self, x_t: Tensor, t: Tensor, prepared: Tensor) -> Tensor:
        return super()._memory(torch.zeros_like(x_t), torch.zeros_like(t), prepared)


class StyleAdaptiveLinear(nn.Module):
    """A linear layer whose weights are a mixture of K sets: W(s) = sum_k pi_k(s) W_k, and so its bias."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(_BANKS, outputs, inputs))
        self.bias = nn.Parameter(torch.zeros(_BANKS, outputs))
        for bank in self.weight:
            nn.init.xavier_uniform_(bank)

    def forward(self, x: Tensor, shares: Tensor) -> Tensor:
        """x (C, N, inputs), shares (C, K) -> (C, N, outputs)."""
        weight = torch.einsum("ck,koi->cio", shares, self.weight)
        return torch.baddbmm((shares @ self.bias)[:, None].to(x.dtype), x, weight.to(x.dtype))


class StyleAdaptiveFeedForward(nn.Module):
    """Two such layers with ReLU; a small network reads from the style code how they are mixed."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        narrow = width // _NARROWING
        self.mixing = nn.Sequential(nn.Linear(width, narrow), nn.ReLU(), nn.Linear(narrow, _BANKS))
        self.linear1 = StyleAdaptiveLinear(width, hidden)
        self.linear2 = StyleAdaptiveLinear(hidden, width)

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """x (C, N, D) with N tokens of each of the codes (C, D)."""
        shares = (self.mixing(style) / _TEMPERATURE).softmax(dim=-1)
        return torch.as_tensor(self.linear2(F.relu(self.linear1(x, shares)), shares))


class StyleAdaptiveLayer(DecoderLayer):
    """A decoder layer with the style-adaptive feed-forward."""

    feed_type = StyleAdaptiveFeedForward

    def feed(self, kept: Tensor, style: Tensor | None, styles: int) -> Tensor:
        """Tokens (M, styles tokens, D) of `styles` codes each: M / (C / styles) frames in a row share theirs."""
        if style is None:
            raise ValueError("style-adaptive layers need the style codes")
        codes, width = style.shape
        groups, tokens = codes // styles, kept.shape[1] // styles
        rows = kept.view(groups, -1, styles, tokens, width).transpose(1, 2)  # (G, styles, frames, tokens, D)
        fed = self.ffn(rows.reshape(codes, -1, width), style).view(rows.shape)
        return torch.as_tensor(fed.transpose(1, 2).reshape(kept.shape))


class StyleAdaptiveDecoder(Decoder):
    """The decoder of style-adaptive layers."""

    layer_type = StyleAdaptiveLayer


class StyleTalkLike(Regression):
    """After StyleTalk (Ma et al., AAAI 2023): the style also sets the weights of the decoders' feed-forward layers.

    From the paper's description, with our speech features for its phonemes, and 64 coefficients of our face space.
    """

    decoder_type = StyleAdaptiveDecoder


def make_network(config: DenoiserConfig) -> Denoiser:
    """The network of that kind with random weights."""
    return {"diffusion": Denoiser, "regression": Regression, "styletalk": StyleTalkLike}[config.kind](config)
