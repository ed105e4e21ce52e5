"""How alike two pictures look: the losses of the PIRenderer training.

`VggLoss` is the published one and needs the weights of a VGG-19 trained on ImageNet, which we do not ship;
`PyramidLoss` needs nothing. Both take pictures (B, 3, H, W) in -1..1.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import torch
import torch.nn.functional as F
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from dreamtalk.errors import UnusableInput

SCALES = 4
"""Pictures are compared at their own size and halved so often less one."""

_VGG = (64, 64, 0, 128, 128, 0, 256, 256, 256, 256, 0, 512, 512, 512, 512, 0, 512)
"""Channels of the convolutions of VGG-19 as far as relu_5_1; 0: the side is halved."""
_HEARD = (0, 2, 4, 8, 12)
"""Which of those convolutions are compared, after their rectifier: relu_1_1, 2_1, 3_1, 4_1, 5_1."""
_MEAN = (0.485, 0.456, 0.406)
_STD = (0.229, 0.224, 0.225)
"""Of ImageNet's colours, which VGG-19 expects taken off."""
_DETAIL_WEIGHT = 2.0
"""Of differences between neighbouring pixels against the pixels themselves: edges are what the eye goes by."""


class PictureLoss(Protocol):
    """A differentiable distance of pictures."""

    def __call__(self, made: Tensor, wanted: Tensor, style: float = 0.0) -> Tensor:
        """Scalar. style: weight of a term that compares textures wherever they are, if this loss has one."""


class PyramidLoss(nn.Module):
    """L1 of colours and of differences between neighbours, at several sizes. Knows nothing of faces: a fallback."""

    def forward(self, made: Tensor, wanted: Tensor, style: float = 0.0) -> Tensor:
        """See PictureLoss; there is no style term."""
        total = made.new_zeros(())
        for _ in range(SCALES):
            error = made - wanted
            detail = error.diff(dim=2).abs().mean() + error.diff(dim=3).abs().mean()
            total = total + error.abs().mean() + _DETAIL_WEIGHT * detail
            made, wanted = F.avg_pool2d(made, 2), F.avg_pool2d(wanted, 2)
        return total / SCALES


class VggLoss(nn.Module):
    """L1 of VGG-19's activations at five depths and four sizes (Johnson et al. 2016, as PIRenderer uses it).

    The layers' weights are not published and are 1 here. The style term compares the Gram matrices of the same layers
    at the full size.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, weights: dict[str, Tensor]) -> None:
        """weights: `features.N.weight` and `.bias`, N as torchvision counts."""
        super().__init__()
        layers: list[nn.Module] = []
        channels = 3
        for outputs in _VGG:
            layers += [nn.Conv2d(channels, outputs, 3, padding=1), nn.ReLU()] if outputs else [nn.MaxPool2d(2)]
            channels = outputs or channels
        self.features = nn.Sequential(*layers)
        own = self.features.state_dict()
        self.features.load_state_dict({key: weights[f"features.{key}"] for key in own})
        self.requires_grad_(False)
        self.register_buffer("mean", torch.tensor(_MEAN)[:, None, None])
        self.register_buffer("std", torch.tensor(_STD)[:, None, None])

    @classmethod
    def load(cls, file: Path) -> VggLoss:
        """A .safetensors file of VGG-19 weights under torchvision's names. Raises UnusableInput."""
        try:
            return cls(load_file(file))
        except (OSError, SafetensorError, KeyError, RuntimeError) as error:
            raise UnusableInput(
                f"{file} is not a .safetensors file of VGG-19 with torchvision's names (features.0.weight ...)."
            ) from error

    def forward(self, made: Tensor, wanted: Tensor, style: float = 0.0) -> Tensor:
        """See PictureLoss."""
        total = made.new_zeros(())
        for scale in range(SCALES):
            of_made = self._activations(made)
            with torch.no_grad():
                of_wanted = self._activations(wanted)
            for a, b in zip(of_made, of_wanted, strict=True):
                total = total + F.l1_loss(a, b)
                if style and scale == 0:
                    total = total + style * F.l1_loss(_gram(a), _gram(b))
            made, wanted = F.avg_pool2d(made, 2), F.avg_pool2d(wanted, 2)
        return total

    def _activations(self, pictures: Tensor) -> list[Tensor]:
        x = ((pictures + 1.0) / 2.0 - self.mean) / self.std
        found, number = [], -1
        for layer in self.features:
            x = layer(x)
            number += isinstance(layer, nn.ReLU)
            if isinstance(layer, nn.ReLU) and number in _HEARD:
                found.append(x)
        return found


def _gram(x: Tensor) -> Tensor:
    """(B, C, H, W) to how channels go together (B, C, C), per pixel and channel."""
    flat = x.flatten(2)
    return flat @ flat.transpose(1, 2) / flat[0].numel()
