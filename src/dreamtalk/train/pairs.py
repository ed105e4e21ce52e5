"""Training pairs of the renderer: two frames of one clip, each to be drawn from the other."""

from __future__ import annotations

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


class PairMaker:
    """Draws pairs. Pair r of batch n depends on the seed, n and r alone: training can stop and go on anywhere, and
    several processes can each make some of the pairs."""

    def __init__(self, clips: list[FramedClip], window: int, seed: int) -> None:
        self._clips, self._window, self._seed = clips, window, seed

    def make(self, number: int, pairs: range) -> Pairs:
        """These pairs of batch `number`, each in both directions (B = 2 pairs)."""
        pictures, windows = [], []
        for pair in pairs:
            rng = np.random.default_rng([self._seed, number, pair, 1])
            clip = self._clips[rng.integers(len(self._clips))]
            for frame in rng.choice(clip.usable, 2, replace=False):
                pictures.append(to_network(clip.picture(int(frame))))
                windows.append(window_at(clip.rows, int(frame), self._window))
        target = torch.from_numpy(np.stack(pictures))
        other_of_pair = torch.arange(2 * len(pairs)) ^ 1
        return Pairs(target[other_of_pair], target, torch.from_numpy(np.stack(windows)))
