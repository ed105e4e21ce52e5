"""PIRenderer as one network (Ren et al., ICCV 2021), and its weights file.

    window of coefficients ──mapping──▶ z ────┬─────────────────────────┐
    source picture ──────────────────▶ warping ──▶ warped picture ──▶ editing ──▶ picture

Written from a description of the published checkpoints, and checked against their numbers
(tests/render/pirenderer/test_golden.py). What depends on the source picture alone is computed once per portrait.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from dreamtalk.errors import UnusableInput
from dreamtalk.render.pirenderer.config import NetworkConfig
from dreamtalk.render.pirenderer.editing import EditingNet
from dreamtalk.render.pirenderer.mapping import MappingNet
from dreamtalk.render.pirenderer.precision import exact
from dreamtalk.render.pirenderer.warping import WarpingNet, warp
from dreamtalk.weights import load_model, save_model

_FORMAT = "dreamtalk-pirenderer-1"


@dataclass(frozen=True, slots=True)
class Source:
    """A source picture and what follows from it alone; B is the batch, or 1 for a portrait.

    picture: (B, 3, H, W) in -1..1. warp_features: (B, warp_base, H, W). edit_features: (B, edit_base, H, W).
    """

    picture: Tensor
    warp_features: Tensor
    edit_features: Tensor


@dataclass(frozen=True, slots=True)
class Drawn:
    """flow: (B, 2, H / 4, W / 4), x and y in its own pixels. warped: (B, 3, H, W) the source moved by it. picture:
    (B, 3, H, W) in -1..1, the warped one after editing; None where only warping was asked for."""

    flow: Tensor
    warped: Tensor
    picture: Tensor | None


class PIRendererNetwork(nn.Module):
    """The three networks. State-dict keys are those of the published `net_G_ema`, its spelling included.

    layout: what the coefficients mean, by its name in layout.py.
    """

    def __init__(self, config: NetworkConfig | None = None, layout: str = "bfm64") -> None:
        super().__init__()
        self.config = config or NetworkConfig()
        self.layout = layout
        self.mapping_net = MappingNet(self.config)
        self.warpping_net = WarpingNet(self.config)
        self.editing_net = EditingNet(self.config)

    def forward(self, source: Tensor, windows: Tensor, warp_only: bool = False) -> Drawn:
        """source: (B or 1, 3, H, W) in -1..1. windows: (B, coefficients, window)."""
        return self.draw(self.encode(source, warp_only), windows, warp_only)

    def encode(self, picture: Tensor, warp_only: bool = False) -> Source:
        """What the source picture (B, 3, H, W) in -1..1 gives by itself."""
        edit = picture if warp_only else self.editing_net.encoder.of_source(picture)
        return Source(picture, self.warpping_net.hourglass.encoder.input_layer(picture), edit)

    def draw(self, source: Source, windows: Tensor, warp_only: bool = False) -> Drawn:
        """The source doing what the windows (B, coefficients, window) say at their middle frames."""
        with exact(windows.device.type):  # coarse numbers would lose the published crop's, near 129
            z = self.mapping_net(windows)
        flow = self.warpping_net(source.warp_features, z)
        warped = warp(source.picture, flow.to(source.picture.dtype))
        picture = None if warp_only else self.editing_net(source.edit_features, warped, z)
        return Drawn(flow, warped, picture)

    def save(self, file: Path, extra: dict[str, str] | None = None, half: bool = False) -> None:
        """Weights as safetensors (half: in 16 bits, half the size, no longer the same to the last digit)."""
        config = json.dumps({"network": asdict(self.config), "layout": self.layout})
        save_model(file, self, _FORMAT, config, extra, torch.float16 if half else torch.float32)

    @classmethod
    def load(cls, file: Path, device: str = "cpu") -> PIRendererNetwork:
        """A weights file written by save(). Raises UnusableInput when it is none."""
        if not file.is_file():
            raise UnusableInput(f"There is no file {file}. Give the weights of a PIRenderer (.safetensors).")
        network = load_model(
            file, _FORMAT, "PIRenderer", lambda config: cls(NetworkConfig(**config["network"]), config["layout"])
        )
        return network.to(device)
