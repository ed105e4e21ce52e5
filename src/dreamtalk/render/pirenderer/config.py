"""Sizes of the networks."""

from __future__ import annotations

from dataclasses import dataclass

MAPPING_KERNEL = 7
"""Frames that the mapping network's first convolution sees."""
STAGE_SHRINK = 6
"""Frames that each of its stages takes off the window: kernel 3 with dilation 3, no padding."""


@dataclass(frozen=True, slots=True)
class NetworkConfig:
    """The defaults are the published sizes (22.5 M parameters).

    coefficients: numbers per frame. window: frames seen at once, odd. descriptor: size of z. side: of the pictures, px.
    warp_*, edit_*: channels of the first layer, and how often the side is halved and doubled again. max_channels: where
    the doubling of channels ends.
    """

    coefficients: int = 73
    window: int = 27
    descriptor: int = 256
    mapping_layers: int = 3
    side: int = 256
    warp_base: int = 32
    warp_encoder_layers: int = 5
    warp_decoder_layers: int = 3
    edit_base: int = 64
    edit_layers: int = 3
    residual_blocks: int = 2
    max_channels: int = 256

    def __post_init__(self) -> None:
        least = MAPPING_KERNEL + STAGE_SHRINK * self.mapping_layers
        if self.window % 2 == 0 or self.window < least:
            raise ValueError(f"the window must be odd and at least {least} frames, not {self.window}")
        if not 0 < self.warp_decoder_layers < self.warp_encoder_layers:
            raise ValueError("the warping network needs at least one decoder layer, and more encoder layers than those")
        if self.side % 2 ** max(self.warp_encoder_layers, self.edit_layers):
            raise ValueError(f"a side of {self.side} px cannot be halved often enough")

    def warp_channels(self, level: int) -> int:
        """Channels of the warping network after `level` halvings of the side."""
        return min(self.warp_base * (1 << level), self.max_channels)

    def edit_channels(self, level: int) -> int:
        """Channels of the editing network after `level` halvings of the side."""
        return min(self.edit_base * (1 << level), self.max_channels)


def tiny(coefficients: int = 73, side: int = 64) -> NetworkConfig:
    """A network for tests and smoke runs: everything of the real one, in milliseconds."""
    return NetworkConfig(
        coefficients=coefficients,
        side=side,
        descriptor=16,
        warp_base=8,
        warp_encoder_layers=3,
        warp_decoder_layers=2,
        edit_base=8,
        edit_layers=2,
        residual_blocks=1,
        max_channels=16,
    )
