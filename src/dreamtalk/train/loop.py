"""The training loop that every stage shares: one optimiser, one EMA copy, a log, checkpoints that can be gone on from.

Everything random in a step comes from the seed and the step's number, so a run that was killed at any moment and
started again gives the same weights as one that was not. Where it runs is for train/place.py to say.
"""

from __future__ import annotations

import io
import math
import os
import sys
import time
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeAlias, TypeVar

import numpy as np
import torch
from rich.progress import Progress
from torch import Tensor, nn

from dreamtalk.errors import DreamTalkError, UnusableInput, UnusableOutput
from dreamtalk.media.files import replacing
from dreamtalk.train.ahead import Ahead, moved
from dreamtalk.train.going_on import STATE, check_going_on, stamp
from dreamtalk.train.place import Place, PlaceConfig, Share, check_place, choose_place
from dreamtalk.train.record import TrainingLog, write_config

State: TypeAlias = dict[str, Tensor]
Losses: TypeAlias = dict[str, Tensor]
"""By name, for the log; "loss" is what is minimised."""

B = TypeVar("B")

_STEPS_PER_SEED = 1_000_003
_SEEDS_PER_PROCESS = 10**15
"""How far apart the random numbers of seeds and processes are: none meets another."""


@dataclass(frozen=True, kw_only=True)
class LoopConfig(PlaceConfig):
    """What every stage's config has."""

    data: Path
    """Folder of the clips."""
    out: Path
    """Folder for checkpoints, log and result. Several machines must all see it."""
    steps: int
    learning_rate: float = 1e-3
    warmup_steps: int = 100
    weight_decay: float = 0.02
    betas: tuple[float, float] = (0.9, 0.99)
    """Of AdamW."""
    gradient_norm: float | None = 1.0
    """Longer gradients are shortened to this norm. None: they are left as they are."""
    ema: float = 0.998
    """Decay per step of the exponential moving average of the weights, which is what is kept in the end."""
    seed: int = 0
    save_every: int = 100
    log_every: int = 20
    """Steps between lines of the log."""
    tensorboard: bool = True
    """Whether the log is also written for TensorBoard, where that is installed."""
    loaders: int = 0
    """Threads that make batches ahead. 0: each is made when it is needed."""

    def learning_rate_at(self, number: int) -> float:
        """Linear warm-up, then a cosine down to a hundredth."""
        warm = min(1.0, (number + 1) / self.warmup_steps)
        cosine = 0.5 * (1.0 + np.cos(np.pi * min(1.0, number / self.steps)))
        return float(self.learning_rate * warm * max(0.01, cosine))

    def phases(self) -> tuple[int, ...]:
        """Steps at which a part of the training begins, the first 0; each has an optimiser of its own."""
        return (0,)

    def leaves_layers_out(self) -> bool:
        """A phase of several may train only a part of the network."""
        return len(self.phases()) > 1

    def check(self) -> None:
        """Raises UnusableInput for numbers that make no sense, and for files that are not what the recipe needs."""
        if self.steps < 1:
            raise UnusableInput(f"A training has 1 step or more, not {self.steps}.")
        if self.seed < 0:
            raise UnusableInput(f"The seed is 0 or more, not {self.seed}.")


class Stage(nn.Module, ABC, Generic[B]):
    """What is trained and on what. A module, so that frozen helpers and constants go to the device with the model.

    A batch is a dataclass of tensors. Everything random but dropout is drawn in batch(), from the seed and the number.
    """

    title: str
    """For people: what is going on."""
    about: str = ""
    """For people: what it is going on with."""
    model: nn.Module

    @abstractmethod
    def batch(self, number: int, share: Share) -> B:
        """This process's rows of batch `number`, on the CPU."""

    @abstractmethod
    def forward(self, batch: B) -> Losses:
        """Means over the rows."""

    @abstractmethod
    def export(self, weights: State, steps: int, file: Path) -> None:
        """Write the model with these weights, which are EMA weights after so many steps."""


def check_training(config: LoopConfig) -> None:
    """What can be said before data are loaded and processes started.

    Raises UnusableInput for settings that cannot be, or that are not those of the run in the folder, UnusableOutput
    when the folder is none or cannot be written to.
    """
    config.check()
    check_place(config)
    nearest = next(folder for folder in (config.out, *config.out.absolute().parents) if folder.exists())
    if not nearest.is_dir():
        raise UnusableOutput(f"{nearest} is a file; --out is the folder of a run.")
    if not os.access(nearest, os.W_OK):
        raise UnusableOutput(f"The folder {config.out} cannot be written to.")
    check_going_on(config)


def train_stage(config: LoopConfig, stage: Stage[B]) -> Path:
    """Train for config.steps steps; the file that stage.export wrote last.

    Raises what check_training raises, and DreamTalkError when the loss stops being a number.
    """
    check_training(config)
    place = choose_place(config)
    run = Run(config, stage, place)
    run.resume()
    first = place.share.rank == 0
    if first:
        config.out.mkdir(parents=True, exist_ok=True)
        write_config(config.out, config, config.data)
        print(f"{stage.title} on {place.description}, {config.precision}", file=sys.stderr)
        if run.done:  # a model of step 0 would look like a trained one
            run.export()
    log = TrainingLog(config.out, run.done, config.tensorboard) if first else None
    started = time.monotonic()
    with Progress(disable=not first) as progress:
        bar = progress.add_task(stage.title, total=config.steps, completed=run.done)
        while run.done < config.steps:
            losses = run.step()
            progress.update(bar, completed=run.done)
            if run.done % config.log_every == 0:
                numbers = run.numbers(losses)
                if log is not None:
                    log.write(run.done, time.monotonic() - started, numbers)
            if first and (run.done % config.save_every == 0 or run.done == config.steps):
                run.save()
                run.export()
    if log is not None:
        log.close()
    place.mean(torch.zeros(1, device=place.device))  # nobody leaves before everybody has finished
    return run.file


class Run(Generic[B]):
    """A training under way. step() is the four things below it, one after the other."""

    def __init__(self, config: LoopConfig, stage: Stage[B], place: Place) -> None:
        self._config, self._stage, self._place = config, stage, place
        self._wrapped = place.wrap(stage)
        self._batches = Ahead(lambda number: stage.batch(number, place.share), config.loaders, config.steps)
        self._optimiser = self._new_optimiser()
        self.ema: State = {name: value.detach().clone() for name, value in stage.model.state_dict().items()}
        self.done = 0
        self.file = config.out / "model.safetensors"

    def step(self) -> Losses:
        """One optimisation step."""
        losses = self.losses(self.batch())
        losses["gradient_norm"] = self.gradients(losses["loss"])
        self.update()
        self.done += 1
        return losses

    def batch(self) -> B:
        """What the next step learns from."""
        batch: B = moved(self._batches.get(self.done), self._place.device)
        return batch

    def losses(self, batch: B) -> Losses:
        """Forward."""
        config, place = self._config, self._place
        torch.manual_seed(config.seed * _STEPS_PER_SEED + self.done + place.share.rank * _SEEDS_PER_PROCESS)
        self._stage.model.train()
        with torch.autocast(place.device.type, torch.bfloat16, enabled=config.precision == "bfloat16"):
            losses: Losses = self._wrapped(batch)
        return losses

    def gradients(self, loss: Tensor) -> Tensor:
        """Backward; the gradient's norm before it is clipped. Raises DreamTalkError when something is no number."""
        self._optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        longest = math.inf if self._config.gradient_norm is None else self._config.gradient_norm
        norm = torch.nn.utils.clip_grad_norm_(self._stage.model.parameters(), longest)
        # What is no number in one process is none in all of them now that gradients are averaged: all stop here.
        if not torch.isfinite(loss.detach() + norm):
            raise DreamTalkError(
                f"The loss is not a number at step {self.done}. Lower the learning rate and start again: it goes on "
                f"from the last checkpoint in {self._config.out}."
            )
        return norm

    def update(self) -> None:
        """Weights and their average."""
        config, number = self._config, self.done
        if number and number in config.phases():
            self._optimiser = self._new_optimiser()
        for group in self._optimiser.param_groups:
            group["lr"] = config.learning_rate_at(number)
        self._optimiser.step()
        decay = min(config.ema, (1 + number) / (10 + number))
        with torch.no_grad():
            for name, value in self._stage.model.state_dict().items():
                self.ema[name].lerp_(value, 1.0 - decay)

    def numbers(self, losses: Losses) -> dict[str, float]:
        """For the log: means over all processes, each of which has to ask."""
        values = self._place.mean(torch.stack([value.detach().float() for value in losses.values()]))
        rate = {"learning_rate": round(self._config.learning_rate_at(self.done - 1), 8)}
        return {name: round(value, 5) for name, value in zip(losses, values.tolist(), strict=True)} | rate

    def export(self) -> None:
        """The model with the averaged weights."""
        self._stage.export(self.ema, self.done, self.file)

    def save(self) -> None:
        """What is needed to go on, whole or not at all."""
        state = {
            "step": self.done,
            "config": stamp(self._config),
            "model": self._stage.model.state_dict(),
            "ema": self.ema,
            "optimiser": self._optimiser.state_dict(),
        }
        packed = io.BytesIO()  # torch.save speaks of a full disk in riddles
        torch.save(state, packed)
        with replacing(self._config.out / STATE) as part:
            part.write_bytes(packed.getbuffer())

    def resume(self) -> None:
        """Go on from the last save, where there is one. Raises UnusableInput when it is of another training."""
        file = self._config.out / STATE
        if file.is_file():
            try:
                state = torch.load(file, weights_only=True, map_location=self._place.device)
                self._stage.model.load_state_dict(state["model"])
                self._optimiser.load_state_dict(state["optimiser"])
                self.ema, self.done = state["ema"], state["step"]
            except Exception as problem:  # PyTorch raises all kinds for a file that is none
                why = next(iter(str(problem).splitlines()), type(problem).__name__).rstrip(" :")
                raise UnusableInput(f"{file} is not of this training ({why}). Choose another --out.") from problem
        mean = self._place.mean(torch.tensor([float(self.done)], device=self._place.device))
        if mean.item() != self.done:
            raise UnusableInput(f"The machines do not see the same {file}: they start from different steps.")

    def _new_optimiser(self) -> torch.optim.AdamW:
        config = self._config
        learnt = (p for p in self._stage.model.parameters() if p.requires_grad)
        return torch.optim.AdamW(learnt, lr=config.learning_rate, weight_decay=config.weight_decay, betas=config.betas)
