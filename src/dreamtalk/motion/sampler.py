"""Sampling motion: DDIM with x0 prediction, classifier-free guidance, and noise that belongs to absolute frames."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from dreamtalk.motion.schedule import VarianceSchedule

_NOISE_BLOCK = 64
"""Frames whose noise is drawn together; a block depends on the seed and its own number alone."""

_KERNEL_REACH = 3.0
"""The noise smoothing kernel is cut off at this many standard deviations."""


class PredictX0(Protocol):
    """x_t (L, E) and the step t to the predicted clean motion (L, E)."""

    def __call__(self, x_t: Tensor, t: int) -> Tensor: ...


def guided(conditional: PredictX0, unconditional: PredictX0, scale: float) -> Callable[[Tensor, int], Tensor]:
    """Classifier-free guidance: x0 = x0(null) + omega (x0(style) - x0(null)) (paper eq. 9).

    omega = 0 and omega = 1 need only one of the two passes, and get only one.
    """
    if scale == 0.0:
        return unconditional
    if scale == 1.0:
        return conditional

    def predict(x_t: Tensor, t: int) -> Tensor:
        null = unconditional(x_t, t)
        return null + scale * (conditional(x_t, t) - null)

    return predict


@torch.inference_mode()
def ddim(
    predict: Callable[[Tensor, int], Tensor], noise: Tensor, schedule: VarianceSchedule, steps: int = 10
) -> Tensor:
    """Deterministic DDIM (eta = 0) from noise (L, E); the last step returns the predicted x0 itself."""
    times = schedule.ddim_times(steps)
    x = noise
    for t, previous in zip(times, [*times[1:], 0], strict=True):
        x0 = predict(x, t)
        a_t, a_prev = schedule.alpha_bar[t], schedule.alpha_bar[previous]
        eps = (x - a_t.sqrt() * x0) / (1.0 - a_t).sqrt()
        x = a_prev.sqrt() * x0 + (1.0 - a_prev).sqrt() * eps
    return x


def frame_noise(seed: int, start: int, frames: int, size: int, smoothing: float = 0.0) -> Tensor:
    """Standard normal noise (frames, size) for absolute frames start, start + 1, ...: chunks equal the whole.

    smoothing: standard deviation in frames of a Gaussian kernel along time, scaled so that every value stays standard
    normal. The denoiser treats frames independently (facts 1.4), so this changes no frame's distribution, only how
    neighbouring frames hang together: without it, whatever speech does not determine would flicker.
    """
    reach = int(np.ceil(_KERNEL_REACH * smoothing))
    raw = _raw_noise(seed, start - reach, frames + 2 * reach, size)
    if reach == 0:
        return torch.from_numpy(raw)
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / smoothing) ** 2)
    kernel /= np.sqrt((kernel**2).sum())
    smooth = np.stack([np.convolve(raw[:, e], kernel, mode="valid") for e in range(size)], axis=1)
    return torch.from_numpy(smooth.astype(np.float32))


def _raw_noise(seed: int, start: int, frames: int, size: int) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    first, last = start // _NOISE_BLOCK, (start + frames - 1) // _NOISE_BLOCK
    blocks = []
    for block in range(first, last + 1):
        # Blocks before frame 0 exist too (the kernel reaches back); Philox counters are unsigned.
        key = np.random.SeedSequence([seed, block % 2**32]).generate_state(2, np.uint64)
        rng = np.random.Generator(np.random.Philox(key=key))
        blocks.append(rng.standard_normal((_NOISE_BLOCK, size), dtype=np.float32))
    offset = start - first * _NOISE_BLOCK
    return np.concatenate(blocks)[offset : offset + frames]
