"""The refining network: a crop as the renderer drew it, the photo's own crop at rest and the mesh, to a correction.

    refined = drawn + window * alpha * residual - (low frequencies of that on the skin)

residual and alpha come out of a small U-Net whose last layer starts at zero: untrained, it changes nothing. What is
taken off the skin keeps its colour the photo's own, whatever light the training clips had.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dreamtalk.render.refine.regions import MAPS
from dreamtalk.weights import load_model, save_model

_FORMAT = "dreamtalk-refine-1"
_COLOURS = 6
"""Channels of the two pictures that go in."""
_CELL = 16
"""px: colour shifts of the skin that are wider than this are taken off."""
_LEAST_SKIN = 0.02
"""Cells with less skin than this share have no colour of their own to keep."""


@dataclass(frozen=True, slots=True)
class RefineConfig:
    """width: channels at half the crop's size; they double at each of the two halvings after it. blocks: residual
    blocks at each size."""

    width: int = 16
    blocks: int = 1


class Block(nn.Module):
    """Two convolutions beside a way past them."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.inner = nn.Sequential(
            nn.ReLU(), nn.Conv2d(width, width, 3, padding=1), nn.ReLU(), nn.Conv2d(width, width, 3, padding=1)
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) to the same shape."""
        return torch.as_tensor(x + self.inner(x))


class CropNetwork(nn.Module):
    """One region's U-Net at a half, a quarter and an eighth of the crop's size."""

    def __init__(self, config: RefineConfig) -> None:
        super().__init__()
        w, n = config.width, config.blocks
        self.enter = nn.Sequential(nn.PixelUnshuffle(2), nn.Conv2d(4 * (_COLOURS + MAPS), w, 3, padding=1))
        self.fine = nn.Sequential(*(Block(w) for _ in range(n)))
        self.down = nn.Conv2d(w, 2 * w, 4, stride=2, padding=1)
        self.middle = nn.Sequential(*(Block(2 * w) for _ in range(n)))
        self.deeper = nn.Conv2d(2 * w, 4 * w, 4, stride=2, padding=1)
        self.coarse = nn.Sequential(*(Block(4 * w) for _ in range(2 * n)))
        self.up = nn.Conv2d(4 * w, 2 * w, 1)
        self.middle_up = nn.Sequential(*(Block(2 * w) for _ in range(n)))
        self.upper = nn.Conv2d(2 * w, w, 1)
        self.fine_up = nn.Sequential(*(Block(w) for _ in range(n)))
        last = nn.Conv2d(w, 16, 3, padding=1)
        for start in (last.weight, last.bias):
            nn.init.zeros_(torch.as_tensor(start))
        self.leave = nn.Sequential(nn.ReLU(), last, nn.PixelShuffle(2))

    def forward(self, drawn: Tensor, rest: Tensor, maps: Tensor, window: Tensor) -> Tensor:
        """The correction (B, 3, 96, 96) of pictures in 0..1.

        drawn, rest: (B, 3, 96, 96) in 0..1. maps: (B, 4, 96, 96). window: (B, 1, 96, 96).
        """
        fine = self.fine(self.enter(torch.cat([2.0 * drawn - 1.0, 2.0 * rest - 1.0, maps], dim=1)))
        middle = self.middle(self.down(fine))
        coarse = self.coarse(self.deeper(middle))
        middle = self.middle_up(middle + _doubled(self.up(coarse)))
        fine = self.fine_up(fine + _doubled(self.upper(middle)))
        residual, alpha = self.leave(fine).split([3, 1], dim=1)
        change = window * torch.sigmoid(alpha) * torch.tanh(residual)
        skin = 1.0 - maps[:, :1]
        return torch.as_tensor(change - window * skin * skin_shift(change, skin))


class RefineNetwork(nn.Module):
    """One network for mouths and one for eyes."""

    def __init__(self, config: RefineConfig) -> None:
        super().__init__()
        self.config = config
        self.mouth = CropNetwork(config)
        self.eye = CropNetwork(config)

    def save(self, file: Path, extra: dict[str, str] | None = None) -> None:
        """Weights as fp16 safetensors, config as JSON in the header."""
        save_model(file, self, _FORMAT, json.dumps(asdict(self.config)), extra)

    @classmethod
    def load(cls, file: Path) -> RefineNetwork:
        """A file written by save(). Raises UnusableInput when it is none."""
        return load_model(file, _FORMAT, "refinement", lambda config: cls(RefineConfig(**config)))


def skin_shift(change: Tensor, skin: Tensor) -> Tensor:
    """Low frequencies (B, 3, H, W) of a change (B, 3, H, W), averaged over the skin (B, 1, H, W; 0 to 1) alone."""
    weight = F.avg_pool2d(skin, _CELL)
    mean = F.avg_pool2d(change * skin, _CELL) / (weight + _LEAST_SKIN)
    return F.interpolate(mean, scale_factor=float(_CELL), mode="bilinear", align_corners=False)


def _doubled(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2.0, mode="nearest")
