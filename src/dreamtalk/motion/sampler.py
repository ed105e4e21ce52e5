"""Sampling motion: DDPM and DDIM with x0 prediction, classifier-free guidance, noise that belongs to absolute frames.

Equation numbers: DDPM is Ho et al. 2020 (arXiv 2006.11239), DDIM is Song et al. 2021 (arXiv 2010.02502), "paper" is
DreamTalk (arXiv 2312.09767). abar is alpha_bar of motion/schedule.py: the alpha_t of the DDIM paper.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import torch
from torch import Tensor

from dreamtalk.motion.schedule import Spacing, VarianceSchedule

_NOISE_BLOCK = 64
"""Frames whose noise is drawn together; a block depends on the seed and its own number alone."""

_KERNEL_REACH = 3.0
"""The noise smoothing kernel is cut off at this many standard deviations."""


PredictX0: TypeAlias = Callable[[Tensor, int], Tensor]
"""x_t (L, E) and the step t to the predicted clean motion (L, E)."""

PredictEach: TypeAlias = Callable[[Tensor, int, Tensor], Tensor]
"""The same for each of some style codes (C, D), or (L, C, D) where every frame has its own: (C, L, E)."""

Scale: TypeAlias = float | Tensor
"""Guidance scale omega: one for all, or (1 or L, E) where halves of the face or frames differ."""


def guided(each: PredictEach, style: Tensor, null: Callable[[], Tensor], scale: Scale) -> PredictX0:
    """Classifier-free guidance: x0 = x0(null) + omega (x0(style) - x0(null)) (paper eq. 9).

    style: (1, D), or (L, 1, D) for one per frame. null: gives the null style (1, D). omega = 0 and omega = 1 need only
    one of the two and make only it.
    """
    for everywhere in (0.0, 1.0):
        if bool((scale == everywhere).all() if isinstance(scale, Tensor) else scale == everywhere):
            only = style if everywhere else null()
            return lambda x_t, t: each(x_t, t, only)[0]
    both = torch.cat([style, null().expand_as(style)], dim=-2)

    def predict(x_t: Tensor, t: int) -> Tensor:
        conditional, unconditional = each(x_t, t, both)
        x0: Tensor = unconditional + scale * (conditional - unconditional)
        return x0

    return predict


@dataclass(frozen=True, slots=True)
class Sampling:
    """How motion is drawn. The defaults are the official ones.

    steps: 1 to T. eta: 0 deterministic (DDIM) to 1; eta = 1 with T steps
    is DDPM's ancestral sampling. seed: the same one gives the same motion. spacing: which diffusion steps are visited.
    """

    steps: int = 10
    eta: float = 0.0
    seed: int = 0
    spacing: Spacing = "leading"


StepNoise: TypeAlias = Callable[[int], Tensor]
"""Diffusion step t to standard normal noise like x, for the step that leaves t."""


def carried(schedule: VarianceSchedule, t: int, previous: int, variance: Tensor) -> Tensor:
    """k of the deterministic step x' = sqrt(abar') x0 + k (x - sqrt(abar) x0) from diffusion step t to an earlier one.

    variance: v (E,) or (1,), what a perfect prediction leaves open. At v = 0 it is DDIM's k = sqrt((1 - abar') /
    (1 - abar)), which takes x0 for the same all the way from t to t'. Where x0 ~ N(m, v), it is m that stays the same,
    while x0 = E[x0 | x_t] comes nearer to x_t; the probability flow then keeps (x - sqrt(abar) m) / sqrt(abar v + 1 -
    abar), and with m taken out of x0 = m + sqrt(abar) v / (abar v + 1 - abar) (x - sqrt(abar) m) this is

        k = (s s' - sqrt(abar abar') v) / (1 - abar),   s = sqrt(abar v + 1 - abar):

    exact for any length of step.
    """
    a, a_prev = schedule.alpha_bar[t].double(), schedule.alpha_bar[previous].double()
    v = variance.double()
    spread, spread_prev = (a * v + 1.0 - a).sqrt(), (a_prev * v + 1.0 - a_prev).sqrt()
    return ((spread * spread_prev - (a * a_prev).sqrt() * v) / (1.0 - a)).to(variance.dtype)


@torch.inference_mode()
def ddim(
    predict: PredictX0,
    noise: Tensor,
    schedule: VarianceSchedule,
    steps: int = 10,
    eta: float = 0.0,
    step_noise: StepNoise | None = None,
    spacing: Spacing = "leading",
    variance: Tensor | None = None,
) -> Tensor:
    """DDIM (eq. 12) from noise (L, E).

    eta: share of DDPM's own noise that is put back in each step (eq. 16), 0 for none; it takes step_noise. variance:
    (E,) what the prediction is known to leave open, see `carried`; only without eta. Without it the last step returns
    the predicted x0 itself.
    """
    if eta != 0.0 and step_noise is None:
        raise ValueError("eta above 0 puts noise back: it needs step_noise")
    times = schedule.ddim_times(steps, spacing)
    left_open = noise.new_zeros(1) if variance is None else variance
    x = noise
    for t, previous in zip(times, [*times[1:], 0], strict=True):
        x0 = predict(x, t)
        a_t, a_prev = schedule.alpha_bar[t], schedule.alpha_bar[previous]
        rest = x - a_t.sqrt() * x0
        if eta == 0.0 or step_noise is None:
            x = a_prev.sqrt() * x0 + carried(schedule, t, previous, left_open) * rest
            continue
        sigma = eta * ((1.0 - a_prev) / (1.0 - a_t) * (1.0 - a_t / a_prev)).sqrt()
        eps = rest / (1.0 - a_t).sqrt()
        x = a_prev.sqrt() * x0 + (1.0 - a_prev - sigma**2).sqrt() * eps
        if previous:
            x = x + sigma * step_noise(t)
    return x


@torch.inference_mode()
def ddpm(predict: PredictX0, noise: Tensor, schedule: VarianceSchedule, step_noise: StepNoise) -> Tensor:
    """Ancestral sampling from noise (L, E) through all T steps: the posterior q(x_{t-1} | x_t, x0) (DDPM eq. 6, 7).

    Its variance is the posterior's own, as in the official sampler at flexibility 0; no noise is added at t = 1.
    """
    x = noise
    for t in range(schedule.steps, 0, -1):
        x0 = predict(x, t)
        beta, a_t, a_prev = schedule.beta[t], schedule.alpha_bar[t], schedule.alpha_bar[t - 1]
        mean = (1.0 - beta).sqrt() * (1.0 - a_prev) / (1.0 - a_t) * x + a_prev.sqrt() * beta / (1.0 - a_t) * x0
        x = mean if t == 1 else mean + ((1.0 - a_prev) / (1.0 - a_t) * beta).sqrt() * step_noise(t)
    return x


def frame_noise(seed: int, start: int, frames: int, size: int, smoothing: float = 0.0, step: int = 0) -> Tensor:
    """Standard normal noise (frames, size) for absolute frames start, start + 1, ...: chunks equal the whole.

    step: 0 for the noise that sampling starts from, t for what a stochastic sampler adds when it leaves step t.
    smoothing: standard deviation in frames of a Gaussian kernel along time, scaled so that every value stays standard
    normal. The denoiser treats frames independently (facts 1.4), so this changes no frame's distribution, only how
    neighbouring frames hang together: without it, whatever speech does not determine would flicker.
    """
    kernel = noise_kernel(smoothing)
    reach = len(kernel) // 2
    raw = _raw_noise(seed, start - reach, frames + 2 * reach, size, step)
    if reach == 0:
        return torch.from_numpy(raw)
    smooth = np.stack([np.convolve(raw[:, e], kernel, mode="valid") for e in range(size)], axis=1)
    return torch.from_numpy(smooth.astype(np.float32))


def noise_kernel(smoothing: float) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """The Gaussian kernel (2 r + 1,) of that standard deviation in frames, of unit norm; (1,) for none."""
    reach = int(np.ceil(_KERNEL_REACH * smoothing))
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / max(smoothing, 1e-6)) ** 2)
    return np.asarray(kernel / np.sqrt((kernel**2).sum()))


def _raw_noise(
    seed: int, start: int, frames: int, size: int, step: int
) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    first, last = start // _NOISE_BLOCK, (start + frames - 1) // _NOISE_BLOCK
    blocks = []
    for block in range(first, last + 1):
        # Blocks before frame 0 exist too (the kernel reaches back); Philox counters are unsigned.
        entropy = [seed, block % 2**32, step] if step else [seed, block % 2**32]
        key = np.random.SeedSequence(entropy).generate_state(2, np.uint64)
        rng = np.random.Generator(np.random.Philox(key=key))
        blocks.append(rng.standard_normal((_NOISE_BLOCK, size), dtype=np.float32))
    offset = start - first * _NOISE_BLOCK
    return np.concatenate(blocks)[offset : offset + frames]
