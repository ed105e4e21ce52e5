"""The loop of all stages, on a line that learns another line."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from dreamtalk.errors import DreamTalkError, UnusableInput
from dreamtalk.train.ahead import Ahead, moved, shapes
from dreamtalk.train.loop import LoopConfig, Losses, Run, Stage, State, train_stage
from dreamtalk.train.place import Share


@dataclass(frozen=True)
class Points:
    x: Tensor
    number: int = 0


@dataclass(frozen=True)
class Nested:
    points: Points
    y: Tensor


class LineStage(Stage[Points]):
    """Learns y = 3 x. `broken_at`: the number of a batch that holds something that is no number."""

    title = "Learning a line"

    def __init__(self, broken_at: int = -1, width: int = 1) -> None:
        super().__init__()
        self.model = nn.Linear(1, width)
        self.broken_at = broken_at
        with torch.no_grad():
            self.model.weight.fill_(1.0)
            self.model.bias.fill_(0.0)

    def batch(self, number: int, share: Share) -> Points:
        x = torch.randn(8, 1, generator=torch.Generator().manual_seed(number))
        return Points(x * (float("nan") if number == self.broken_at else 1.0), number)

    def forward(self, batch: Points) -> Losses:
        return {"loss": ((self.model(batch.x) - 3.0 * batch.x) ** 2).mean()}

    def export(self, weights: State, steps: int, file: Path) -> None:
        save_file(weights, file)


def recipe(out: Path, steps: int = 10, **changes: object) -> LoopConfig:
    return LoopConfig(
        data=out, out=out, steps=steps, precision="float32", device="cpu", save_every=4, log_every=1,
        tensorboard=False, **changes,  # type: ignore[arg-type]
    )  # fmt: skip


def test_what_is_no_number_stops_the_run_before_it_touches_the_weights(tmp_path: Path) -> None:
    stage = LineStage(broken_at=6)
    with pytest.raises(DreamTalkError, match="not a number at step 6"):
        train_stage(recipe(tmp_path), stage)
    assert torch.isfinite(stage.model.weight).all()
    assert torch.load(tmp_path / "state.pt", weights_only=True)["step"] == 4
    assert len((tmp_path / "log.jsonl").read_text().splitlines()) == 6
    healthy = train_stage(recipe(tmp_path), LineStage())
    whole = train_stage(recipe(tmp_path / "whole"), LineStage())
    mended, straight = (load_file(file) for file in (healthy, whole))
    assert all(torch.equal(mended[name], straight[name]) for name in straight)
    steps = [json.loads(line)["step"] for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert steps == list(range(1, 11)), "lines of steps that were done again are not doubled"


def test_long_gradients_are_shortened(tmp_path: Path) -> None:
    run = Run(recipe(tmp_path, gradient_norm=0.01), stage := LineStage(), Here())
    norm = run.gradients(run.losses(run.batch())["loss"])
    gradients = torch.cat([p.grad.flatten() for p in stage.model.parameters() if p.grad is not None])
    assert norm > 1.0 and gradients.norm() == pytest.approx(0.01, rel=1e-3)


class Here:
    """A place that is here."""

    share, device, description = Share(), torch.device("cpu"), "here"

    def wrap(self, module: nn.Module) -> nn.Module:
        return module

    def mean(self, values: Tensor) -> Tensor:
        return values


def test_a_state_of_another_network_is_refused(tmp_path: Path) -> None:
    train_stage(recipe(tmp_path), LineStage())
    with pytest.raises(UnusableInput, match="not of this training"):
        train_stage(recipe(tmp_path), LineStage(width=2))
    (tmp_path / "state.pt").write_bytes(b"torn")
    with pytest.raises(UnusableInput, match="not of this training"):
        train_stage(recipe(tmp_path), LineStage())


def test_half_a_line_of_the_log_is_dropped(tmp_path: Path) -> None:
    train_stage(recipe(tmp_path, steps=4), LineStage())
    log = tmp_path / "log.jsonl"
    log.write_text(log.read_text() + '{"step": 5, "los', encoding="utf-8")
    train_stage(recipe(tmp_path, steps=5), LineStage())
    assert [json.loads(line)["step"] for line in log.read_text().splitlines()] == [1, 2, 3, 4, 5]


def test_the_learning_rate_warms_up_and_fades(tmp_path: Path) -> None:
    config = recipe(tmp_path, steps=1000, warmup_steps=10, learning_rate=1.0)
    assert [config.learning_rate_at(n) for n in (0, 9)] == pytest.approx([0.1, 1.0], abs=1e-3)
    assert config.learning_rate_at(500) == pytest.approx(0.5) and config.learning_rate_at(999) == pytest.approx(0.01)


def test_batches_ahead_are_the_same_batches() -> None:
    ahead = Ahead(lambda number: number * number, threads=2, last=7)
    assert [ahead.get(number) for number in (0, 1, 5, 6, 5)] == [0, 1, 25, 36, 25]


def test_batches_move_and_say_their_shapes() -> None:
    batch = Nested(Points(torch.zeros(2, 3), 7), torch.ones(4))
    gone = moved(batch, torch.device("meta"))
    assert gone.points.x.is_meta and gone.y.is_meta and gone.points.number == 7
    assert shapes(batch) == {"x": (2, 3), "y": (4,)}
