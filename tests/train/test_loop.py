"""The loop of all stages, on a line that learns another line."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from dreamtalk.errors import DreamTalkError, UnusableInput, UnusableOutput
from dreamtalk.train.ahead import Ahead, moved, shapes
from dreamtalk.train.going_on import stamp
from dreamtalk.train.loop import LoopConfig, Losses, Run, Stage, State, check_training, train_stage
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


def recipe(out: Path, steps: int = 10, **changes: Any) -> LoopConfig:
    return LoopConfig(
        data=out, out=out, steps=steps, precision="float32", device="cpu", save_every=4, log_every=1,
        tensorboard=False, **changes,
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


def test_a_folder_goes_on_only_with_the_settings_it_was_made_by(tmp_path: Path) -> None:
    file = train_stage(recipe(tmp_path), LineStage())
    before = {f.name: f.read_bytes() for f in (file, tmp_path / "config.json")}
    for change, words in (
        ({"seed": 5}, r"seed \(0 there, 5 here\)"),
        ({"learning_rate": 1.0}, "learning_rate"),
        ({"steps": 6}, r"steps \(10 there, 6 here\)"),
    ):
        with pytest.raises(UnusableInput, match=words + ".*another --out"):
            train_stage(recipe(tmp_path, **change), LineStage())
        assert before == {name: (tmp_path / name).read_bytes() for name in before}, "nothing was rewritten"
    train_stage(recipe(tmp_path, steps=12, threads=2, loaders=1), LineStage())
    assert torch.load(tmp_path / "state.pt", weights_only=True)["step"] == 12


def test_an_old_checkpoint_without_its_settings_goes_on(tmp_path: Path) -> None:
    train_stage(recipe(tmp_path, steps=4), LineStage())
    state = torch.load(tmp_path / "state.pt", weights_only=True)
    del state["config"]
    torch.save(state, tmp_path / "state.pt")
    train_stage(recipe(tmp_path, steps=8), LineStage())
    assert torch.load(tmp_path / "state.pt", weights_only=True)["step"] == 8


def test_data_made_anew_are_other_data(tmp_path: Path) -> None:
    (tmp_path / "clips.csv").write_text("id\na\n")
    old = stamp(recipe(tmp_path))
    assert stamp(recipe(tmp_path)) == old
    (tmp_path / "clips.csv").write_text("id\nb\n")
    assert stamp(recipe(tmp_path)) != old


def test_a_failed_start_leaves_no_model(tmp_path: Path) -> None:
    with pytest.raises(DreamTalkError, match="step 0"):
        train_stage(recipe(tmp_path), LineStage(broken_at=0))
    assert not (tmp_path / "model.safetensors").exists()


def test_settings_that_cannot_be_are_said_before_anything_is_made(tmp_path: Path) -> None:
    for change, words in (({"steps": 0}, "not 0"), ({"steps": -3}, "not -3"), ({"seed": -1}, "not -1")):
        with pytest.raises(UnusableInput, match=words):
            check_training(recipe(tmp_path / "new", **change))
    (tmp_path / "plain.txt").touch()
    for out in (tmp_path / "plain.txt", tmp_path / "plain.txt" / "below"):
        with pytest.raises(UnusableOutput, match=r"plain\.txt is a file"):
            check_training(recipe(out))
    assert not (tmp_path / "new").exists()


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
