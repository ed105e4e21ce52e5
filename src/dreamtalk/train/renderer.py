"""`dreamtalk train renderer`: PIRenderer, in the two phases of its paper (Ren et al., ICCV 2021).

First only mapping and warping, so that the flow finds its way; then all of it. No adversary. Every number is in the
recipe (train/recipes.py), every step depends on the seed and its own number, and a run that was stopped goes on from
its last checkpoint as if it had not.
"""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import torch
from rich.progress import Progress
from torch import Tensor, nn

from dreamtalk.data.framed import FramedClip, load_framed
from dreamtalk.data.talkset import read_talkset
from dreamtalk.device import choose_device
from dreamtalk.errors import DreamTalkError, UnusableInput
from dreamtalk.face.model import FaceModel
from dreamtalk.render.pirenderer.config import NetworkConfig
from dreamtalk.render.pirenderer.framing import from_network
from dreamtalk.render.pirenderer.layout import layout_of
from dreamtalk.render.pirenderer.network import Drawn, PIRendererNetwork
from dreamtalk.train.pairs import Ahead, PairMaker, Pairs
from dreamtalk.train.perceptual import PictureLoss, PyramidLoss, VggLoss

_INIT_STD = 0.02
"""Standard deviation of all weights at the start."""
_BETAS = (0.5, 0.999)
"""Of Adam, as published."""
_LOG_EVERY = 20
_LOADERS = 2
"""Threads that prepare pictures."""
_SHOWN = 4
"""Pairs on the sheet of samples."""


@dataclass(frozen=True, slots=True)
class RendererTraining:
    """A whole training run; the defaults are the published numbers where there are any.

    data: a talkset folder. cache: tracks and framed faces are kept there. out: checkpoints, log, samples. vgg: weights
    of VGG-19 (.safetensors) for the perceptual loss; without it a plain loss stands in.
    """

    data: Path
    cache: Path = Path("work")
    out: Path = Path("runs/renderer")
    network: NetworkConfig = field(default_factory=NetworkConfig)
    layout: str = "mesh64"
    vgg: Path | None = None
    warp_steps: int = 200_000
    """Steps of the first phase."""
    steps: int = 400_000
    """Steps of both phases (the published total is unknown)."""
    pairs: int = 5
    """Pairs per batch, each drawn both ways."""
    learning_rate: float = 1e-4
    decay_at: int = 300_000
    decay: float = 0.2
    """From that step on the learning rate is so many times itself."""
    warp_weight: float = 2.5
    final_weight: float = 4.0
    style_weight: float = 250.0
    """Of the Gram term, within the final picture's loss."""
    ema: float = 0.5 ** (32 / 10_000)
    seed: int = 0
    threads: int | None = None
    device: str = "auto"
    bfloat16: bool = False
    save_every: int = 1000
    clean_only: bool = True
    """Only clips whose licence lets the weights be given away."""
    max_clips: int | None = None


def train_renderer(config: RendererTraining) -> Path:
    """Run the recipe; the file of the trained network (EMA weights, fp16). Raises UnusableInput."""
    return _Run(config, _clips(config)).run()


def dry_run(config: RendererTraining) -> str:
    """Everything but the training: the data is made, and one step of each phase is timed. Writes no checkpoint."""
    clips = _clips(config)
    frames = sum(len(clip.usable) for clip in clips)
    run = _Run(config, clips)
    parameters = sum(p.numel() for p in run.network.parameters())
    lines = [f"{len(clips)} clips with {frames} frames; {parameters / 1e6:.1f} M parameters on {run.device}"]
    for phase, number in (("warp", 0), ("full", config.warp_steps)):
        began = time.perf_counter()
        losses = run.step(number)
        lines.append(f"{phase} phase: {time.perf_counter() - began:.2f} s a step, {losses}")
    return "\n".join(lines)


def _clips(config: RendererTraining) -> list[FramedClip]:
    layout = layout_of(config.layout)
    if layout.size != config.network.coefficients:
        raise UnusableInput(f"The layout {config.layout} has {layout.size} numbers, not {config.network.coefficients}.")
    chosen = [c for c in read_talkset(config.data) if c.split == "train" and (c.clean or not config.clean_only)]
    chosen = [c for c in chosen if c.kind in ("av", "style")][: config.max_clips]
    framed = load_framed(chosen, config.cache, FaceModel.load(), layout, config.network.side)
    if not framed:
        raise UnusableInput(f"{config.data} has no clips with a face to train on.")
    return framed


class _Run:
    """The loop: one optimiser per phase, one EMA copy, checkpoints that can be gone on from."""

    def __init__(self, config: RendererTraining, clips: list[FramedClip]) -> None:
        self._config = config
        self.device = choose_device(config.device, config.threads).name
        with torch.random.fork_rng():
            torch.manual_seed(config.seed)
            self.network = PIRendererNetwork(config.network, config.layout)
            self.network.apply(_start)
        self.network.to(self.device).train()
        loss = PyramidLoss() if config.vgg is None else VggLoss.load(config.vgg)
        self._loss: PictureLoss = loss.to(self.device)
        self._maker = PairMaker(clips, config.network.window, config.seed)
        self._batches = Ahead(partial(self._maker.make, pairs=config.pairs), _LOADERS, config.steps)
        self._optimiser = self._new_optimiser()
        self._ema = {name: value.detach().clone() for name, value in self.network.state_dict().items()}
        self._done = 0

    def run(self) -> Path:
        config = self._config
        config.out.mkdir(parents=True, exist_ok=True)
        (config.out / "config.json").write_text(json.dumps(asdict(config), default=str, indent=1), encoding="utf-8")
        self._resume()
        began = time.monotonic()
        with Progress() as progress, open(config.out / "log.jsonl", "a", encoding="utf-8") as log:
            bar = progress.add_task("Training the renderer", total=config.steps, completed=self._done)
            while self._done < config.steps:
                losses = self.step(self._done)
                self._done += 1
                progress.update(bar, completed=self._done)
                if self._done % _LOG_EVERY == 0 or self._done == config.steps:
                    seconds = round(time.monotonic() - began, 1)
                    log.write(json.dumps({"step": self._done, "seconds": seconds, **losses}) + "\n")
                    log.flush()
                if self._done % config.save_every == 0 or self._done == config.steps:
                    self._save()
        return config.out / "model.safetensors"

    def step(self, number: int) -> dict[str, float]:
        """One optimisation step; everything random in it comes from the seed and its number."""
        config = self._config
        if number == config.warp_steps:
            self._optimiser = self._new_optimiser()
        for group in self._optimiser.param_groups:
            group["lr"] = config.learning_rate * (config.decay if number >= config.decay_at else 1.0)
        batch = self._batches.get(number).to(self.device)
        losses = self._losses(batch, warp_only=number < config.warp_steps)
        loss = torch.stack(list(losses.values())).sum()
        if not torch.isfinite(loss):
            raise DreamTalkError(f"The loss is not a number at step {number}. Lower the learning rate and resume.")
        self._optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self._optimiser.step()
        with torch.no_grad():
            for name, value in self.network.state_dict().items():
                self._ema[name].lerp_(value, 1.0 - config.ema)
        return {name: round(float(value.detach()), 5) for name, value in losses.items()}

    def _losses(self, batch: Pairs, warp_only: bool) -> dict[str, Tensor]:
        """Each already weighted."""
        config = self._config
        with torch.autocast(self.device, torch.bfloat16, enabled=config.bfloat16):
            drawn: Drawn = self.network(batch.source, batch.windows, warp_only)
        losses = {"warp": config.warp_weight * self._loss(drawn.warped.float(), batch.target)}
        if drawn.picture is not None:
            alike = self._loss(drawn.picture.float(), batch.target, config.style_weight)
            losses["final"] = config.final_weight * alike
        return losses

    def _new_optimiser(self) -> torch.optim.Adam:
        learnt = [p for p in self.network.parameters() if p.requires_grad]
        return torch.optim.Adam(learnt, lr=self._config.learning_rate, betas=_BETAS)

    def _save(self) -> None:
        """The EMA network with a sheet of samples, and the state to go on from (each whole or not at all)."""
        config = self._config
        state = {
            "step": self._done,
            "network": self.network.state_dict(),
            "ema": self._ema,
            "optimiser": self._optimiser.state_dict(),
        }
        part = config.out / "state.part"
        torch.save(state, part)
        part.replace(config.out / "state.pt")
        shipped = PIRendererNetwork(config.network, config.layout)
        shipped.load_state_dict(self._ema)
        shipped.save(config.out / "model.safetensors", {"step": str(self._done), "seed": str(config.seed)}, half=True)
        self._show(shipped.to(self.device).eval())

    @torch.inference_mode()
    def _show(self, network: PIRendererNetwork) -> None:
        """samples.png: source, target, warped, drawn; one row per pair, always the same pairs."""
        pairs = self._maker.make(0, _SHOWN)
        batch = Pairs(pairs.source[::2], pairs.target[::2], pairs.windows[::2]).to(self.device)
        drawn = network(batch.source, batch.windows)
        columns = [batch.source, batch.target, drawn.warped, drawn.picture]
        sheet = np.concatenate([np.concatenate(list(from_network(c.float().cpu().numpy()))) for c in columns], axis=1)
        cv2.imwrite(str(self._config.out / "samples.png"), sheet[..., ::-1])

    def _resume(self) -> None:
        file = self._config.out / "state.pt"
        if not file.is_file():
            return
        state = torch.load(file, weights_only=True, map_location=self.device)
        self.network.load_state_dict(state["network"])
        self._optimiser.load_state_dict(state["optimiser"])
        self._ema, self._done = state["ema"], state["step"]


def _start(module: nn.Module) -> None:
    """Weights N(0, 0.02), biases 0."""
    if isinstance(module, nn.Conv1d | nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
        nn.init.normal_(module.weight, 0.0, _INIT_STD)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
