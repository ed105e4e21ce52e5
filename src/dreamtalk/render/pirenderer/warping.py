"""The warping network: where each place of the new picture comes from in the source picture.

Its conventions of place are those of the published checkpoints, and do not fit together: the flow's grid has -1 and 1
at the centres of its outer pixels, but it is enlarged and looked up as if they stood at the pixels' outer edges. The
weights have learned to live with that, so it stays.
"""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dreamtalk.render.pirenderer.config import NetworkConfig
from dreamtalk.render.pirenderer.layers import SLOPE, AdaptiveNorm, PictureNorm, leaky
from dreamtalk.render.pirenderer.precision import exact

COLOURS = 3


class WarpDown(nn.Module):
    """Half the side: norm, rectifier, strided convolution; norm, rectifier, convolution."""

    def __init__(self, inputs: int, outputs: int, descriptor: int) -> None:
        super().__init__()
        self.conv_0 = nn.Conv2d(inputs, outputs, 4, stride=2, padding=1)
        self.conv_1 = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.norm_0 = AdaptiveNorm(inputs, descriptor)
        self.norm_1 = AdaptiveNorm(outputs, descriptor)

    def forward(self, x: Tensor, z: Tensor) -> Tensor:
        """(B, inputs, H, W) to (B, outputs, H / 2, W / 2)."""
        x = self.conv_0(leaky(self.norm_0(x, z)))
        halved: Tensor = self.conv_1(leaky(self.norm_1(x, z)))
        return halved


class WarpUp(nn.Module):
    """Twice the side: a convolution and a transposed one, beside a transposed one alone."""

    def __init__(self, inputs: int, outputs: int, descriptor: int) -> None:
        super().__init__()
        self.conv_0 = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.conv_1 = nn.ConvTranspose2d(outputs, outputs, 3, stride=2, padding=1, output_padding=1)
        self.conv_s = nn.ConvTranspose2d(inputs, outputs, 3, stride=2, padding=1, output_padding=1)
        self.norm_0 = AdaptiveNorm(inputs, descriptor)
        self.norm_1 = AdaptiveNorm(outputs, descriptor)
        self.norm_s = AdaptiveNorm(inputs, descriptor)

    def forward(self, x: Tensor, z: Tensor) -> Tensor:
        """(B, inputs, H, W) to (B, outputs, 2 H, 2 W)."""
        main: Tensor = self.conv_0(leaky(self.norm_0(x, z)))
        main = self.conv_1(leaky(self.norm_1(main, z)))
        beside: Tensor = self.conv_s(leaky(self.norm_s(x, z)))
        return main + beside


class WarpEncoder(nn.Module):
    """From the source picture to features at ever smaller sides."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.input_layer = nn.Conv2d(COLOURS, config.warp_base, 7, padding=3)
        self._layers = config.warp_encoder_layers
        for level in range(self._layers):
            block = WarpDown(config.warp_channels(level), config.warp_channels(level + 1), config.descriptor)
            self.add_module(f"encoder{level}", block)

    def forward(self, first: Tensor, z: Tensor) -> list[Tensor]:
        """first: (B or 1, warp_base, H, W) of the input layer. Features after each halving."""
        x = first.expand(len(z), -1, -1, -1)
        features = []
        for level in range(self._layers):
            x = self.get_submodule(f"encoder{level}")(x, z)
            features.append(x)
        return features


class WarpDecoder(nn.Module):
    """Back to a quarter of the side, with the encoder's features of the same side put beside each step's result."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        deepest = config.warp_encoder_layers - 1
        self._levels = range(deepest, deepest - config.warp_decoder_layers, -1)
        inputs = config.warp_channels(config.warp_encoder_layers)
        for level in self._levels:
            outputs = config.warp_channels(level)
            self.add_module(f"decoder{level}", WarpUp(inputs, outputs, config.descriptor))
            inputs = 2 * outputs
        self.channels = inputs

    def forward(self, features: list[Tensor], z: Tensor) -> Tensor:
        """Features after each halving, to (B, channels, H, W) of the flow's side."""
        x = features[-1]
        for level in self._levels:
            x = torch.cat([self.get_submodule(f"decoder{level}")(x, z), features[level - 1]], dim=1)
        return x


class Hourglass(nn.Module):
    """Encoder and decoder."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.encoder = WarpEncoder(config)
        self.decoder = WarpDecoder(config)


class WarpingNet(nn.Module):
    """The source picture's features and a descriptor to a flow."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.hourglass = Hourglass(config)
        channels = self.hourglass.decoder.channels
        self.flow_out = nn.Sequential(PictureNorm(channels), nn.LeakyReLU(SLOPE), nn.Conv2d(channels, 2, 7, padding=3))

    def forward(self, first: Tensor, z: Tensor) -> Tensor:
        """first: of `hourglass.encoder.input_layer`. Flow (B, 2, H / 4, W / 4): x and y in its own pixels."""
        features = self.hourglass.encoder(first, z)
        x = self.hourglass.decoder(features, z)
        with exact(x.device.type):  # a flow in coarse steps makes still things tremble
            flow: Tensor = self.flow_out(x.float())
        return flow


def warp(picture: Tensor, flow: Tensor, outside: Literal["zeros", "border"] = "zeros") -> Tensor:
    """The picture (B or 1, C, H, W) looked up where the flow (B, 2, h, w) points. (B, C, H, W).

    outside: what stands there: 0, which the published weights know, or the nearest pixel.
    """
    batch, _, rows, columns = flow.shape
    ys = torch.linspace(-1.0, 1.0, rows, device=flow.device, dtype=flow.dtype)
    xs = torch.linspace(-1.0, 1.0, columns, device=flow.device, dtype=flow.dtype)
    x = xs + flow[:, 0] * (2.0 / (columns - 1))
    y = ys[:, None] + flow[:, 1] * (2.0 / (rows - 1))
    places = torch.stack([x, y], dim=1)
    places = F.interpolate(places, size=picture.shape[2:], mode="bilinear", align_corners=False)
    grid = places.permute(0, 2, 3, 1)
    return F.grid_sample(picture.expand(batch, -1, -1, -1), grid, mode="bilinear", padding_mode=outside,
                         align_corners=False)  # fmt: skip
