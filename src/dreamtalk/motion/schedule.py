"""The variance schedule of the diffusion (paper III-A, with the values of the official configs/default.py)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import torch
from torch import Tensor

TRAIN_STEPS = 1000
"""T, the number of diffusion steps the denoiser is trained with."""

_BETA_FIRST, _BETA_LAST = 1e-4, 0.02

Spacing: TypeAlias = Literal["leading", "trailing"]
"""Which diffusion steps a sampler of few steps visits. "leading": 1, 1 + c, ..., the official ones, which leave out the
noisiest c steps. "trailing": T, T - c, ..., which start where pure noise belongs; that counts the more the fewer steps
there are (Lin et al. 2023, arXiv 2305.08891)."""


@dataclass(frozen=True, slots=True)
class VarianceSchedule:
    """Linear variance-preserving schedule. Tensors (T + 1,) float32; index 0 is 'no noise' (alpha_bar 1)."""

    beta: Tensor
    alpha_bar: Tensor

    @classmethod
    def linear(cls, steps: int = TRAIN_STEPS) -> VarianceSchedule:
        """beta_t from 1e-4 to 0.02, alpha_bar_t = prod (1 - beta)."""
        beta = torch.cat([torch.zeros(1, dtype=torch.float64), torch.linspace(_BETA_FIRST, _BETA_LAST, steps).double()])
        return cls(beta=beta.float(), alpha_bar=torch.cumprod(1.0 - beta, dim=0).float())

    @property
    def steps(self) -> int:
        return len(self.beta) - 1

    def add_noise(self, x0: Tensor, noise: Tensor, t: Tensor) -> Tensor:
        """x_t = sqrt(alpha_bar_t) x_0 + sqrt(1 - alpha_bar_t) eps (paper eq. 1). t: (B,) integers in 1..T."""
        alpha_bar = self.alpha_bar.to(t.device)[t].view(-1, *[1] * (x0.dim() - 1))
        return alpha_bar.sqrt() * x0 + (1.0 - alpha_bar).sqrt() * noise

    def ddim_times(self, steps: int, spacing: Spacing = "leading") -> list[int]:
        """The diffusion steps visited by a sampler of `steps` steps, highest first; any number from 1 to T.

        For divisors of T the leading ones are the official ones: 1, 1 + c, ... with c = T / steps (10 steps start at
        901); the trailing ones are c, 2 c, ..., T.
        """
        if not 1 <= steps <= self.steps:
            raise ValueError(f"the sampler takes 1 to {self.steps} steps, not {steps}")
        if spacing == "trailing":
            return [(i * self.steps) // steps for i in range(steps, 0, -1)]
        return [1 + (i * self.steps) // steps for i in reversed(range(steps))]
