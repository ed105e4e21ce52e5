"""Baselines without diffusion, out of the denoiser's own parts: speech and style in, motion out, in one pass.

They have everything a MotionModel asks of its network, so one trained file stands in for another: style clips, guidance
between the null style and a style (intensity 0 to 1 mixes the two), a style per frame, streaming. A sampler's last step
is the network's prediction itself, so one step (MotionConfig.steps) is all they need, and the seed changes nothing.
"""

from __future__ import annotations

import torch
from torch import Tensor

from dreamtalk.motion.denoiser import Denoiser, DenoiserConfig


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


def make_network(config: DenoiserConfig) -> Denoiser:
    """The network of that kind with random weights."""
    return {"diffusion": Denoiser, "regression": Regression}[config.kind](config)
