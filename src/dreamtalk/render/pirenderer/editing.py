"""The editing network: paints what warping cannot bring, from the source, the warped picture and the descriptor."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dreamtalk.render.pirenderer.config import NetworkConfig
from dreamtalk.render.pirenderer.layers import AdaptiveNorm, ConvBlock, DownBlock, UpBlock

COLOURS = 3
_FIRST_KERNEL = 7


class ResidualBlock(nn.Module):
    """x + norm2(conv2(x)).

    conv1 and norm1 are in every published checkpoint and take part in nothing: the published code computes them and
    then overwrites the result. They are kept so that checkpoints fit, and have no gradient.
    """

    def __init__(self, channels: int, descriptor: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)
        self.norm1 = AdaptiveNorm(channels, descriptor)
        self.norm2 = AdaptiveNorm(channels, descriptor)
        for unused in (self.conv1, self.norm1):
            unused.requires_grad_(False)

    def forward(self, x: Tensor, z: Tensor) -> Tensor:
        """x: (B, channels, H, W). z: (B, descriptor)."""
        edited: Tensor = self.norm2(self.conv2(x), z)
        return x + edited


class ResidualBlocks(nn.Module):
    """Several in a row."""

    def __init__(self, channels: int, descriptor: int, count: int) -> None:
        super().__init__()
        self._count = count
        for index in range(count):
            self.add_module(f"res{index}", ResidualBlock(channels, descriptor))

    def forward(self, x: Tensor, z: Tensor) -> Tensor:
        """x: (B, channels, H, W). z: (B, descriptor)."""
        for index in range(self._count):
            x = self.get_submodule(f"res{index}")(x, z)
        return x


class EditEncoder(nn.Module):
    """Source and warped picture, one over the other, to features at ever smaller sides."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.first = ConvBlock(2 * COLOURS, config.edit_channels(0), kernel=_FIRST_KERNEL)
        self._layers = config.edit_layers
        for level in range(self._layers):
            self.add_module(f"down{level}", DownBlock(config.edit_channels(level), config.edit_channels(level + 1)))

    def of_source(self, source: Tensor) -> Tensor:
        """The source picture's share (B, edit_base, H, W) in the first convolution."""
        conv = self.first.conv
        return F.conv2d(source, conv.weight[:, :COLOURS], conv.bias, padding=_FIRST_KERNEL // 2)

    def forward(self, of_source: Tensor, warped: Tensor) -> list[Tensor]:
        """Features before the first halving and after each."""
        x = F.conv2d(warped, self.first.conv.weight[:, COLOURS:], padding=_FIRST_KERNEL // 2) + of_source
        features = [self.first.finish(x)]
        for level in range(self._layers):
            features.append(self.get_submodule(f"down{level}")(features[-1]))
        return features


class EditDecoder(nn.Module):
    """Back to the full side; the encoder's features are added through a convolution of their own."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self._levels = range(config.edit_layers - 1, -1, -1)
        for level in self._levels:
            inputs, outputs = config.edit_channels(level + 1), config.edit_channels(level)
            self.add_module(f"up{level}", UpBlock(inputs, outputs))
            self.add_module(f"res{level}", ResidualBlocks(inputs, config.descriptor, config.residual_blocks))
            self.add_module(f"jump{level}", ConvBlock(outputs, outputs))
        self.final = Final(config.edit_channels(0))

    def forward(self, features: list[Tensor], z: Tensor) -> Tensor:
        """Features from the full side down, to a picture (B, 3, H, W) in -1..1."""
        x = features[-1]
        for level in self._levels:
            x = self.get_submodule(f"res{level}")(x, z)
            x = self.get_submodule(f"up{level}")(x) + self.get_submodule(f"jump{level}")(features[level])
        picture: Tensor = self.final(x)
        return picture


class Final(nn.Module):
    """Features to colours."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.model = nn.Sequential(nn.Conv2d(channels, COLOURS, 7, padding=3))

    def forward(self, x: Tensor) -> Tensor:
        """(B, channels, H, W) to (B, 3, H, W) in -1..1."""
        return torch.tanh(self.model(x))


class EditingNet(nn.Module):
    """Encoder and decoder."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.encoder = EditEncoder(config)
        self.decoder = EditDecoder(config)

    def forward(self, of_source: Tensor, warped: Tensor, z: Tensor) -> Tensor:
        """of_source: of `encoder.of_source`. warped: (B, 3, H, W). z: (B, descriptor). A picture (B, 3, H, W)."""
        picture: Tensor = self.decoder(self.encoder(of_source, warped), z)
        return picture
