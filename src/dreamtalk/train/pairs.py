"""Training pairs of the renderer: two frames of one clip, each to be drawn from the other."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from dreamtalk.data.framed import FramedClip
from dreamtalk.render.pirenderer.framing import to_network
from dreamtalk.render.pirenderer.windows import window_at


@dataclass(frozen=True, slots=True)
class Pairs:
    """source, target: (B, 3, H, W) in -1..1. windows: (B, C, window) around the target frames."""

    source: Tensor
    target: Tensor
    windows: Tensor

    def to(self, device: str) -> Pairs:
        """The same on a device."""
        return Pairs(self.source.to(device), self.target.to(device), self.windows.to(device))


class PairMaker:
    """Draws pairs. Batch number n depends on the seed and n alone, so training can stop and go on anywhere."""

    def __init__(self, clips: list[FramedClip], window: int, seed: int) -> None:
        self._clips, self._window, self._seed = clips, window, seed

    def make(self, number: int, pairs: int) -> Pairs:
        """Batch `number`: so many pairs, each in both directions (B = 2 pairs)."""
        rng = np.random.default_rng([self._seed, number])
        pictures, windows = [], []
        for _ in range(pairs):
            clip = self._clips[rng.integers(len(self._clips))]
            for frame in rng.choice(clip.usable, 2, replace=False):
                pictures.append(to_network(clip.picture(int(frame))))
                windows.append(window_at(clip.rows, int(frame), self._window))
        target = torch.from_numpy(np.stack(pictures))
        other_of_pair = torch.arange(2 * pairs) ^ 1
        return Pairs(target[other_of_pair], target, torch.from_numpy(np.stack(windows)))


class Ahead:
    """Batches made by threads before they are asked for, so that a GPU does not wait for pictures."""

    def __init__(self, make: Callable[[int], Pairs], threads: int, last: int) -> None:
        """make: batch of a number. last: no number from there on will be asked for."""
        self._make, self._count, self._last = make, 2 * threads, last
        self._pool = ThreadPoolExecutor(threads)
        self._coming: dict[int, Future[Pairs]] = {}

    def get(self, number: int) -> Pairs:
        """Batch `number`; those after it are begun."""
        for soon in range(number, max(number + 1, min(number + self._count, self._last))):
            if soon not in self._coming:
                self._coming[soon] = self._pool.submit(self._make, soon)
        return self._coming.pop(number).result()
