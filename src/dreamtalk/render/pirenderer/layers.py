"""Layers that the three networks share: both norms, and the convolution blocks of the editing network.

Attribute names make the keys of a state dict, and so of every checkpoint file: `mlp_shared`, `model`, `conv_0` and the
others are those of the published checkpoints.
"""

from __future__ import annotations

from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SLOPE = 0.1
"""Negative slope of every leaky rectifier."""
EPSILON = 1e-5
"""Added to every variance before its root."""
_ADAPTIVE_HIDDEN = 128
"""Width of the hidden layer that turns a descriptor into the scale and shift of a norm."""


def leaky(x: Tensor) -> Tensor:
    """Leaky rectifier. Overwrites x where no gradient is wanted."""
    return F.leaky_relu(x, SLOPE, inplace=not torch.is_grad_enabled())


class AdaptiveNorm(nn.Module):
    """Instance norm whose scale and shift come from the motion descriptor (AdaIN)."""

    def __init__(self, channels: int, descriptor: int) -> None:
        super().__init__()
        self.mlp_shared = nn.Sequential(nn.Linear(descriptor, _ADAPTIVE_HIDDEN), nn.ReLU())
        self.mlp_gamma = nn.Linear(_ADAPTIVE_HIDDEN, channels)
        self.mlp_beta = nn.Linear(_ADAPTIVE_HIDDEN, channels)

    def forward(self, x: Tensor, z: Tensor) -> Tensor:
        """x: (B, C, H, W). z: (B, descriptor)."""
        hidden = self.mlp_shared(z)
        gamma, beta = 1.0 + self.mlp_gamma(hidden), self.mlp_beta(hidden)
        # PyTorch's instance norm is many times slower on a CPU than a group norm in which every channel is a group.
        flat = x.reshape(1, -1, *x.shape[2:])
        scale, shift = gamma.flatten().to(x.dtype), beta.flatten().to(x.dtype)
        return F.group_norm(flat, flat.shape[1], scale, shift, EPSILON).view(x.shape)


class PictureNorm(nn.Module):
    """Layer norm over channels and pixels together, with a scale and shift per channel."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels, 1, 1))
        self.bias = nn.Parameter(torch.zeros(channels, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        """x: (B, C, H, W)."""
        return F.group_norm(x, 1, self.weight.flatten().to(x.dtype), self.bias.flatten().to(x.dtype), EPSILON)


class ConvBlock(nn.Module):
    """Convolution, norm over the picture, leaky rectifier; the side stays."""

    def __init__(self, inputs: int, outputs: int, kernel: int = 3) -> None:
        super().__init__()
        self.model = nn.Sequential(
            nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2), PictureNorm(outputs), nn.LeakyReLU(SLOPE)
        )

    @property
    def conv(self) -> nn.Conv2d:
        """The convolution alone."""
        return cast(nn.Conv2d, self.model[0])

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) to (B, outputs, H, W)."""
        return self.finish(self.conv(x))

    def finish(self, convolved: Tensor) -> Tensor:
        """What comes after the convolution."""
        return leaky(self.model[1](convolved))


class DownBlock(ConvBlock):
    """ConvBlock and a mean over 2 x 2 pixels: half the side."""

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) to (B, outputs, H / 2, W / 2)."""
        return F.avg_pool2d(super().forward(x), 2)


class UpBlock(ConvBlock):
    """Pixels doubled each way, then ConvBlock: twice the side."""

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) to (B, outputs, 2 H, 2 W)."""
        if torch.is_grad_enabled():
            return super().forward(F.interpolate(x, scale_factor=2.0, mode="nearest"))
        return self.finish(_doubled_convolution(x, self.conv))


def _doubled_convolution(x: Tensor, conv: nn.Conv2d) -> Tensor:
    """conv (3 x 3) of x with its pixels doubled, with 4/9 of the products.

    An output pixel sees only 2 x 2 different pixels of x: which ones depends on whether its row and column are even,
    and kernel weights that fall on the same pixel can be added beforehand.
    """
    batch, _, height, width = x.shape
    result = x.new_empty(batch, conv.out_channels, 2 * height, 2 * width)
    for row in (0, 1):
        for column in (0, 1):
            kernel = _added(_added(conv.weight, 2, row), 3, column)
            padded = F.pad(x, (1 - column, column, 1 - row, row))
            result[:, :, row::2, column::2] = F.conv2d(padded, kernel, conv.bias)
    return result


def _added(weight: Tensor, axis: int, odd: int) -> Tensor:
    """Three taps along an axis to two: the first alone for even places, the last alone for odd ones."""
    first, middle, last = weight.unbind(axis)
    return torch.stack([first + middle, last] if odd else [first, middle + last], dim=axis)
