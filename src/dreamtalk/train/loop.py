"""The training loop that every stage shares: one optimiser, one EMA copy, a log, checkpoints that can be gone on from.

Everything random in a step comes from the seed and the step's number, so a run that was killed at any moment and
started again gives the same weights as one that was not.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
import torch
from rich.progress import Progress
from torch import Tensor, nn

from dreamtalk.errors import DreamTalkError

State: TypeAlias = dict[str, Tensor]
Losses: TypeAlias = dict[str, Tensor]
"""By name, for the log; "loss" is what is minimised."""

_LOG_EVERY = 20
"""Steps."""


@dataclass(frozen=True, kw_only=True)
class LoopConfig:
    """What every stage's config has."""

    out: Path
    """Folder for checkpoints, log and result."""
    steps: int
    learning_rate: float = 1e-3
    warmup_steps: int = 100
    weight_decay: float = 0.02
    gradient_norm: float = 1.0
    ema: float = 0.998
    """Decay per step of the exponential moving average of the weights, which is what is kept in the end."""
    seed: int = 0
    threads: int = 1
    bfloat16: bool = True
    """Matrix products in bfloat16 where the processor has them."""
    save_every: int = 100


def run_loop(
    config: LoopConfig,
    model: nn.Module,
    losses: Callable[[int], Losses],
    export: Callable[[State, int], Path],
    title: str,
) -> Path:
    """Train `model` for config.steps steps; what `export` made of the EMA weights last.

    losses: step number to losses. export: EMA weights and steps done to the file written of them.
    Raises DreamTalkError when the loss stops being a number.
    """
    torch.set_num_threads(config.threads)
    config.out.mkdir(parents=True, exist_ok=True)
    (config.out / "config.json").write_text(json.dumps(asdict(config), default=str, indent=1), encoding="utf-8")
    run = _Run(config, model, losses)
    run.resume()
    file = export(run.ema, run.done)
    started = time.monotonic()
    with Progress() as progress, open(config.out / "log.jsonl", "a", encoding="utf-8") as log:
        bar = progress.add_task(title, total=config.steps, completed=run.done)
        while run.done < config.steps:
            parts = run.step()
            progress.update(bar, completed=run.done)
            if run.done % _LOG_EVERY == 0:
                seconds = round(time.monotonic() - started, 1)
                log.write(json.dumps({"step": run.done, "seconds": seconds, **parts}) + "\n")
                log.flush()
            if run.done % config.save_every == 0 or run.done == config.steps:
                run.save()
                file = export(run.ema, run.done)
    return file


class _Run:
    def __init__(self, config: LoopConfig, model: nn.Module, losses: Callable[[int], Losses]) -> None:
        self._config, self._model, self._losses = config, model, losses
        self._optimiser = torch.optim.AdamW(
            (p for p in model.parameters() if p.requires_grad),
            lr=config.learning_rate,
            weight_decay=config.weight_decay,
            betas=(0.9, 0.99),
        )
        self.ema: State = {name: value.detach().clone() for name, value in model.state_dict().items()}
        self.done = 0

    def step(self) -> dict[str, float]:
        """One optimisation step."""
        config, number = self._config, self.done
        torch.manual_seed(config.seed * 1_000_003 + number)
        self._model.train()
        for group in self._optimiser.param_groups:
            group["lr"] = learning_rate(config, number)
        with torch.autocast("cpu", torch.bfloat16, enabled=config.bfloat16):
            parts = self._losses(number)
        loss = parts["loss"]
        if not torch.isfinite(loss):
            raise DreamTalkError(f"The loss is not a number at step {number}. Lower the learning rate and start again.")
        self._optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self._model.parameters(), config.gradient_norm)
        self._optimiser.step()
        decay = min(config.ema, (1 + number) / (10 + number))
        with torch.no_grad():
            for name, value in self._model.state_dict().items():
                self.ema[name].lerp_(value, 1.0 - decay)
        self.done += 1
        return {name: round(float(value.detach()), 5) for name, value in parts.items()}

    def save(self) -> None:
        """What is needed to go on, whole or not at all."""
        state = {
            "step": self.done,
            "model": self._model.state_dict(),
            "ema": self.ema,
            "optimiser": self._optimiser.state_dict(),
        }
        part = self._config.out / "state.part"
        torch.save(state, part)
        part.replace(self._config.out / "state.pt")

    def resume(self) -> None:
        """Go on from the last save, where there is one."""
        file = self._config.out / "state.pt"
        if not file.is_file():
            return
        state = torch.load(file, weights_only=True)
        self._model.load_state_dict(state["model"])
        self._optimiser.load_state_dict(state["optimiser"])
        self.ema, self.done = state["ema"], state["step"]


def learning_rate(config: LoopConfig, number: int) -> float:
    """Linear warm-up, then a cosine down to a hundredth."""
    warm = min(1.0, (number + 1) / config.warmup_steps)
    cosine = 0.5 * (1.0 + np.cos(np.pi * min(1.0, number / config.steps)))
    return float(config.learning_rate * warm * max(0.01, cosine))
