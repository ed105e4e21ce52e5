"""`dreamtalk train renderer`: PIRenderer, in the two phases of its paper (Ren et al., ICCV 2021).

First only mapping and warping, so that the flow finds its way; then all of it. No adversary. Every number is in the
recipe (train/recipes.py); the loop is that of all stages (train/loop.py).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
import torch
from torch import nn

from dreamtalk.data.framed import FramedClip, load_framed
from dreamtalk.data.manifest import refuse_prepared
from dreamtalk.data.talkset import read_talkset
from dreamtalk.errors import UnusableInput
from dreamtalk.face.model import FaceModel
from dreamtalk.render.pirenderer.config import NetworkConfig
from dreamtalk.render.pirenderer.framing import from_network
from dreamtalk.render.pirenderer.layout import layout_of
from dreamtalk.render.pirenderer.network import Drawn, PIRendererNetwork
from dreamtalk.train.ahead import moved
from dreamtalk.train.loop import LoopConfig, Losses, Stage, State, train_stage
from dreamtalk.train.pairs import PairMaker, Pairs
from dreamtalk.train.perceptual import PictureLoss, PyramidLoss, VggLoss
from dreamtalk.train.place import Share

_INIT_STD = 0.02
"""Standard deviation of all weights at the start."""
_SHOWN = 4
"""Pairs on the sheet of samples."""


@dataclass(frozen=True, kw_only=True)
class RendererTraining(LoopConfig):
    """A whole training run; the defaults are the published numbers where there are any."""

    data: Path
    """A talkset folder."""
    cache: Path = Path("work")
    """Tracks and framed faces are kept there."""
    out: Path = Path("runs/renderer")
    network: NetworkConfig = field(default_factory=NetworkConfig)
    layout: str = "mesh64"
    vgg: Path | None = None
    """Weights of VGG-19 (.safetensors) for the perceptual loss; without it a plain loss stands in."""
    warp_steps: int = 200_000
    """Steps of the first phase."""
    steps: int = 400_000
    """Steps of both phases (the published total is unknown)."""
    pairs: int = 5
    """Pairs per batch, each drawn both ways."""
    learning_rate: float = 1e-4
    betas: tuple[float, float] = (0.5, 0.999)
    weight_decay: float = 0.0
    gradient_norm: float | None = None
    decay_at: int = 300_000
    decay: float = 0.2
    """From that step on the learning rate is so many times itself."""
    warp_weight: float = 2.5
    final_weight: float = 4.0
    style_weight: float = 250.0
    """Of the Gram term, within the final picture's loss."""
    ema: float = 0.5 ** (32 / 10_000)
    threads: int | None = None
    precision: Literal["float32", "bfloat16"] = "float32"
    save_every: int = 1000
    loaders: int = 2
    clean_only: bool = True
    """Only clips whose licence lets the weights be given away."""
    max_clips: int | None = None

    def learning_rate_at(self, number: int) -> float:
        """One value, and a smaller one in the end."""
        return self.learning_rate * (self.decay if number >= self.decay_at else 1.0)

    def phases(self) -> tuple[int, ...]:
        """Warping by itself, then everything."""
        return (0, self.warp_steps) if 0 < self.warp_steps < self.steps else (0,)

    def leaves_layers_out(self) -> bool:
        """While only warping is learned."""
        return self.warp_steps > 0

    def batch_rows(self) -> int:
        """Pairs are shared."""
        return self.pairs

    def check(self) -> None:
        """Raises UnusableInput also for a folder without pictures."""
        super().check()
        refuse_prepared(self.data)


def train_renderer(config: RendererTraining) -> Path:
    """Run the recipe; the file of the trained network (EMA weights, fp16). Raises UnusableInput."""
    return train_stage(config, renderer_stage(config))


def renderer_stage(config: RendererTraining) -> RendererStage:
    """The recipe with its data, ready to train. Raises UnusableInput when the data folder is not usable."""
    layout = layout_of(config.layout)
    if layout.size != config.network.coefficients:
        raise UnusableInput(f"The layout {config.layout} has {layout.size} numbers, not {config.network.coefficients}.")
    chosen = [c for c in read_talkset(config.data) if c.split == "train" and (c.clean or not config.clean_only)]
    chosen = [c for c in chosen if c.kind in ("av", "style")][: config.max_clips]
    framed = load_framed(chosen, config.cache, FaceModel.load(), layout, config.network.side)
    if not framed:
        raise UnusableInput(f"{config.data} has no clips with a face to train on.")
    return RendererStage(config, framed)


@dataclass(frozen=True, slots=True)
class PhasePairs:
    """warp_only: whether they belong to the first phase."""

    pairs: Pairs
    warp_only: bool


class RendererStage(Stage[PhasePairs]):
    """Batches and losses of the renderer."""

    title = "Training the renderer"
    model: PIRendererNetwork

    def __init__(self, config: RendererTraining, clips: list[FramedClip]) -> None:
        super().__init__()
        self._config = config
        self.about = f"{len(clips)} clips with {sum(len(clip.usable) for clip in clips)} frames"
        with torch.random.fork_rng():
            torch.manual_seed(config.seed)
            self.model = PIRendererNetwork(config.network, config.layout)
            self.model.apply(_start)
        self.picture_loss: PictureLoss = PyramidLoss() if config.vgg is None else VggLoss.load(config.vgg)
        self._maker = PairMaker(clips, config.network.window, config.seed)

    def batch(self, number: int, share: Share) -> PhasePairs:
        """This process's pairs."""
        config = self._config
        return PhasePairs(self._maker.make(number, share.of(config.pairs)), number < config.warp_steps)

    def forward(self, batch: PhasePairs) -> Losses:
        """Weighted losses of the warped picture and, in the second phase, of the drawn one; their sum."""
        config, pairs = self._config, batch.pairs
        drawn: Drawn = self.model(pairs.source, pairs.windows, batch.warp_only)
        with torch.autocast(pairs.source.device.type, enabled=False):
            losses = {"warp": config.warp_weight * self.picture_loss(drawn.warped.float(), pairs.target)}
            if drawn.picture is not None:
                alike = self.picture_loss(drawn.picture.float(), pairs.target, config.style_weight)
                losses["final"] = config.final_weight * alike
        return {"loss": torch.stack(list(losses.values())).sum(), **losses}

    def export(self, weights: State, steps: int, file: Path) -> None:
        """The network, and a sheet of samples beside it."""
        network = PIRendererNetwork(self._config.network, self._config.layout)
        network.load_state_dict(weights)
        network.save(file, {"step": str(steps), "seed": str(self._config.seed)}, half=True)
        self._show(network.eval(), next(iter(weights.values())).device, file.with_name("samples.png"))

    @torch.inference_mode()
    def _show(self, network: PIRendererNetwork, device: torch.device, file: Path) -> None:
        """Source, target, warped, drawn; one row per pair, always the same pairs."""
        pairs = self._maker.make(0, range(_SHOWN))
        batch = moved(Pairs(pairs.source[::2], pairs.target[::2], pairs.windows[::2]), device)
        drawn = network.to(device)(batch.source, batch.windows)
        columns = [batch.source, batch.target, drawn.warped, drawn.picture]
        sheet = np.concatenate([np.concatenate(list(from_network(c.float().cpu().numpy()))) for c in columns], axis=1)
        cv2.imwrite(str(file), sheet[..., ::-1])


def _start(module: nn.Module) -> None:
    """Weights N(0, 0.02), biases 0."""
    if isinstance(module, nn.Conv1d | nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
        nn.init.normal_(module.weight, 0.0, _INIT_STD)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
