"""The mapping network: a window of coefficients becomes the descriptor z that steers the other two."""

from __future__ import annotations

from torch import Tensor, nn

from dreamtalk.render.pirenderer.config import MAPPING_KERNEL, STAGE_SHRINK, NetworkConfig
from dreamtalk.render.pirenderer.layers import SLOPE


class MappingNet(nn.Module):
    """Convolutions along time without padding, and the mean of what is left of the window."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        width = config.descriptor
        self.first = nn.Sequential(nn.Conv1d(config.coefficients, width, MAPPING_KERNEL))
        self._layers = config.mapping_layers
        for index in range(self._layers):
            stage = nn.Sequential(nn.LeakyReLU(SLOPE), nn.Conv1d(width, width, 3, dilation=STAGE_SHRINK // 2))
            self.add_module(f"encoder{index}", stage)

    def forward(self, coefficients: Tensor) -> Tensor:
        """(B, coefficients, window) to (B, descriptor)."""
        cut = STAGE_SHRINK // 2
        x: Tensor = self.first(coefficients)
        for index in range(self._layers):
            x = self.get_submodule(f"encoder{index}")(x) + x[..., cut:-cut]
        return x.mean(dim=-1)
