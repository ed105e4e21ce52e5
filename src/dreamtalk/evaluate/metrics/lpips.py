"""LPIPS: perceptual distance by AlexNet's features, with backbone and head weights that the user supplies."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from dreamtalk.errors import UnusableInput
from dreamtalk.evaluate.scoring import Metric
from dreamtalk.media import check_input
from dreamtalk.types import Image

METRIC = Metric(
    name="lpips",
    title="LPIPS",
    unit="",
    span="0 to about 1",
    good="below the still photo",
    definition="Learned perceptual distance of the 256 px face crops (AlexNet, heads 0.1); mean over frames.",
    reference="R. Zhang et al., CVPR 2018.",
    pitfalls="VGG's LPIPS gives other numbers. As PSNR, it asks for the real video's head motion.",
)

_SHIFT = (-0.030, -0.088, -0.188)
_SCALE = (0.458, 0.448, 0.450)
"""Of colours in [-1, 1]: ImageNet's mean and deviation, as the metric's authors have them."""
_TAPS = (1, 4, 7, 9, 11)
"""Layers whose output counts: after every ReLU."""
_EPS = 1e-10


class Lpips(nn.Module):
    """AlexNet's convolutions and one weight per channel of five layers."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 64, 11, stride=4, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2),
            nn.Conv2d(64, 192, 5, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2),
            nn.Conv2d(192, 384, 3, padding=1), nn.ReLU(), nn.Conv2d(384, 256, 3, padding=1), nn.ReLU(),
            nn.Conv2d(256, 256, 3, padding=1), nn.ReLU(),
        )  # fmt: skip
        self.heads = nn.ParameterList(torch.zeros(n) for n in (64, 192, 384, 256, 256))

    @staticmethod
    def load(backbone: Path, heads: Path) -> Lpips:
        """torchvision's AlexNet (alexnet-owt-*.pth) and LPIPS's heads (alex.pth of version 0.1).

        Raises UnusableInput when a file is missing or holds anything else.
        """
        for file in (backbone, heads):
            check_input(file)
        network = Lpips().eval()
        try:
            weights = torch.load(backbone, map_location="cpu", weights_only=True)
            own = {k.removeprefix("features."): v for k, v in weights.items() if k.startswith("features.")}
            network.features.load_state_dict(own)
        except Exception as error:
            raise UnusableInput(f"{backbone}: these are not torchvision's AlexNet weights.") from error
        try:
            given = torch.load(heads, map_location="cpu", weights_only=True)
            for number, head in enumerate(network.heads):
                head.data.copy_(given[f"lin{number}.model.1.weight"].flatten())
        except Exception as error:
            raise UnusableInput(f"{heads}: these are not LPIPS's heads for AlexNet (alex.pth).") from error
        return network

    @torch.inference_mode()
    def distance(self, made: Image, truth: Image) -> float:
        """Of two pictures (H, W, 3) uint8 RGB of one size, at least 64 px."""
        shift, scale = torch.tensor(_SHIFT).view(3, 1, 1), torch.tensor(_SCALE).view(3, 1, 1)
        pair = torch.from_numpy(np.stack([made, truth])).permute(0, 3, 1, 2).float() / 127.5 - 1.0
        x, total = (pair - shift) / scale, torch.zeros(())
        for number, layer in enumerate(self.features):
            x = layer(x)
            if number in _TAPS:
                total = total + self._apart(x, self.heads[_TAPS.index(number)])
        return float(total)

    @staticmethod
    def _apart(x: Tensor, head: Tensor) -> Tensor:
        """Weighted squared distance of unit feature vectors (2, C, h, w), mean over places."""
        unit = x / (x.square().sum(dim=1, keepdim=True).sqrt() + _EPS)
        return ((unit[0] - unit[1]).square() * head[:, None, None]).sum(dim=0).mean()
