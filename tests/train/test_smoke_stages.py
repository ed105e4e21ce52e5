"""Every stage that trains from prepared shards, through the command line, on ten clips made by code."""

from __future__ import annotations

import hashlib
import importlib.util
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.data.prepared import ENCODER, make_prepared

from dreamtalk.cli.main import run
from dreamtalk.data.prepared import load_prepared
from dreamtalk.errors import UnusableInput
from dreamtalk.lipsync.expert import LipExpert
from dreamtalk.motion import MotionModel
from dreamtalk.train.denoiser import denoiser_stage
from dreamtalk.train.lip_expert import lip_expert_stage, train_lip_expert
from dreamtalk.train.loop import Run, Stage
from dreamtalk.train.place import Share
from dreamtalk.train.recipes import DENOISER_RECIPES, LIP_EXPERT_RECIPES, STUDENT_RECIPES
from dreamtalk.train.student import check_students, student_stage
from dreamtalk.types import SpeechFeatures
from dreamtalk.version import package_version

pytest.importorskip("pyarrow")


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_prepared(tmp_path_factory.mktemp("shards") / "ten")


@pytest.fixture(scope="module")
def unheard(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Clips that nobody is trained on."""
    return make_prepared(tmp_path_factory.mktemp("shards") / "others", clips=4, seed=1)


@pytest.fixture(scope="module")
def trained(shards: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Files of the stages, in the order in which they need each other."""
    runs = tmp_path_factory.mktemp("runs")

    def train(stage: str, recipe: str, steps: int, *flags: str) -> Path:
        out = runs / f"{stage}-{recipe}"
        words = ["train", stage, str(shards), "--recipe", recipe, "--out", str(out), "--steps", str(steps)]
        assert run([*words, "--device", "cpu", *flags]) == 0
        return out / "model.safetensors"

    expert = train("lip-expert", "smoke", 200)
    denoiser = train("denoiser", "smoke", 40, "--expert", str(expert))
    student = train("student", "smoke", 20, "--teacher", str(denoiser), "--students", "2")
    return {
        "expert": expert,
        "blind": train("lip-expert", "smoke-unconditional", 200, "--no-tensorboard"),
        "denoiser": denoiser,
        "student": student.parent / "2-steps" / student.name,
    }


def unheard_loss(stage: Stage[object], weights: dict[str, torch.Tensor]) -> float:
    """Mean over batches of clips that were not trained on."""
    stage.model.load_state_dict(weights)
    stage.model.eval()
    with torch.no_grad():
        return float(np.mean([stage(stage.batch(number, Share()))["loss"] for number in range(8)]))


@pytest.mark.parametrize("name", ["expert", "blind"])
def test_a_lip_expert_learns_from_shards(name: str, trained: dict[str, Path], shards: Path, unheard: Path) -> None:
    recipe = LIP_EXPERT_RECIPES["smoke" if name == "expert" else "smoke-unconditional"]
    untrained = lip_expert_stage(recipe(shards)).model.state_dict()
    expert = LipExpert.load(trained[name])
    held = lip_expert_stage(recipe(unheard))
    assert unheard_loss(held, expert.state_dict()) < 0.95 * unheard_loss(held, untrained)
    style = expert.style(torch.zeros(2, 30, 64))
    assert (style is None) == (name == "blind")
    probability = expert(torch.zeros(2, 8, 64), torch.zeros(2, 16, 512), style)
    assert probability.min() >= 0.0 and probability.max() <= 1.0


def test_a_denoiser_learns_from_shards(trained: dict[str, Path], shards: Path, unheard: Path) -> None:
    config = replace(DENOISER_RECIPES["smoke"](shards), expert=trained["expert"])
    untrained = denoiser_stage(config).model.state_dict()
    model = MotionModel.load(trained["denoiser"])
    held = denoiser_stage(replace(config, data=unheard))
    assert "sync" in held(held.batch(0, Share())), "the expert listens"
    assert unheard_loss(held, model.state_dict()) < 0.95 * unheard_loss(held, untrained)
    clip = load_prepared(unheard, ENCODER)[0]
    made = model.generate(SpeechFeatures(clip.features, ENCODER), model.neutral_style(), len(clip.expression))
    assert made.shape == clip.expression.shape and np.isfinite(made).all() and made.std(axis=0).max() > 0


def test_a_student_learns_from_shards(trained: dict[str, Path], unheard: Path) -> None:
    student = MotionModel.load(trained["student"])
    config = replace(STUDENT_RECIPES["smoke"](unheard), teacher=trained["denoiser"], students=(2,))
    held, teacher = student_stage(config), MotionModel.load(trained["denoiser"])
    assert unheard_loss(held, student.state_dict()) < unheard_loss(held, teacher.state_dict())
    clip = load_prepared(unheard, ENCODER)[0]
    made = student.generate(SpeechFeatures(clip.features, ENCODER), student.neutral_style(), len(clip.expression))
    assert student.config.steps == 2 and made.shape == clip.expression.shape and np.isfinite(made).all()


def test_a_killed_lip_expert_goes_on_as_if_it_had_not_been(shards: Path, tmp_path: Path) -> None:
    smoke = replace(LIP_EXPERT_RECIPES["smoke"](shards), steps=6, save_every=2, rows=2, windows=4, tensorboard=False)
    whole, killed = replace(smoke, out=tmp_path / "whole"), replace(smoke, out=tmp_path / "killed")
    train_lip_expert(whole)
    update, calls = Run.update, iter(range(100))

    def until_killed(run: Run[object]) -> None:
        if next(calls) == 3:
            raise KeyboardInterrupt
        update(run)

    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Run, "update", until_killed)
        train_lip_expert(killed)
    train_lip_expert(killed)
    one, other = (torch.load(c.out / "state.pt", weights_only=True) for c in (whole, killed))
    assert all(torch.equal(one["ema"][name], other["ema"][name]) for name in one["ema"])


def test_a_dry_run_says_what_would_be_and_writes_nothing(
    shards: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "none"
    for stage, shape in (("denoiser", "features      (4, 42, 512)"), ("lip-expert", "in_step       (64,)")):
        words = ["train", stage, str(shards), "--recipe", "smoke", "--out", str(out), "--steps", "5000"]
        assert run([*words, "--device", "cpu", "--dry-run"]) == 0
        shown = capsys.readouterr().out
        assert "10 clips of 3 speakers" in shown and shape in shown
        assert "5000 steps" in shown and " M\n" in shown and "MiB" in shown
    assert not out.exists()


def test_a_student_that_cannot_be_is_refused_at_once(
    shards: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["train", "student", str(shards), "--recipe", "smoke", "--out", str(tmp_path / "none"), "--students"]
    for students in (["0"], ["600"], ["4", "-1"]):
        assert run([*words, *students]) == 2
        assert (
            f"1 to 500 sampler steps, and there is one at least; given: {', '.join(students)}"
            in capsys.readouterr().err
        )
    with pytest.raises(UnusableInput, match="none"):
        check_students(replace(STUDENT_RECIPES["smoke"](shards), students=()))


def test_a_dry_run_of_students_names_every_file(
    shards: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "none"
    words = ["train", "student", str(shards), "--recipe", "smoke", "--out", str(out), "--device", "cpu", "--dry-run"]
    assert run(words) == 0
    shown = capsys.readouterr().out
    assert str(out / "2-steps" / "model.safetensors") in shown and str(out / "1-steps" / "model.safetensors") in shown
    assert "2 students" in shown and not out.exists()


def test_students_of_another_teacher_need_a_folder_of_their_own(
    trained: dict[str, Path], shards: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "other.safetensors"
    MotionModel.load(trained["denoiser"]).save(other)
    out = trained["student"].parent.parent
    words = ["train", "student", str(shards), "--recipe", "smoke", "--out", str(out), "--steps", "20"]
    before = trained["student"].read_bytes()
    assert run([*words, "--teacher", str(other), "--students", "2"]) == 2
    assert "teacher (model.safetensors" in capsys.readouterr().err and trained["student"].read_bytes() == before


def test_a_model_to_start_from_must_fit(
    trained: dict[str, Path], shards: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["train", "denoiser", str(shards), "--out", str(tmp_path / "none"), "--device", "cpu"]
    assert run([*words, "--recipe", "cpu", "--start-from", str(trained["denoiser"])]) == 2
    assert "width 32, not 128" in capsys.readouterr().err
    assert run([*words, "--recipe", "sync", "--start-from", str(tmp_path / "best.safetensors")]) == 2
    assert "Run the recipe cpu first, or give --start-from" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("stage", ["renderer", "refine"])
def test_prepared_folders_have_no_pictures_to_learn_from(
    stage: str, shards: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["train", stage, str(shards), "--recipe", "smoke"]) == 2
    assert "it holds no pictures" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["denoiser", "lip-expert", "student"])
def test_stages_of_one_phase_train_every_weight(name: str, shards: Path) -> None:
    """Several processes wait for ever for the gradient of a weight that has none, unless they are told to look."""
    stage: Stage[object] = {
        "denoiser": lambda: denoiser_stage(DENOISER_RECIPES["smoke"](shards)),
        "lip-expert": lambda: lip_expert_stage(LIP_EXPERT_RECIPES["smoke"](shards)),
        "student": lambda: student_stage(STUDENT_RECIPES["smoke"](shards)),
    }[name]()
    stage(stage.batch(0, Share()))["loss"].backward()
    assert [key for key, p in stage.model.named_parameters() if p.requires_grad and p.grad is None] == []


def test_a_run_says_of_what_it_was_made(trained: dict[str, Path], shards: Path) -> None:
    said = json.loads(trained["expert"].with_name("config.json").read_text())
    assert said["expert"]["width"] == 32 and said["steps"] == 200
    assert said["data_sha256"] == hashlib.sha256((shards / "manifest.json").read_bytes()).hexdigest()
    assert said["code_version"].startswith(package_version())
    if importlib.util.find_spec("tensorboard"):
        assert list(trained["expert"].parent.glob("tensorboard/events*"))
    assert not (trained["blind"].parent / "tensorboard").exists()
