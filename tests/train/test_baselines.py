"""The baselines' losses, by numbers from elsewhere, and a run of each through the command line."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.data.prepared import ENCODER, make_prepared

from dreamtalk.cli.main import run
from dreamtalk.data.prepared import load_prepared
from dreamtalk.motion import MotionModel
from dreamtalk.motion.baselines import Regression, StyleTalkLike
from dreamtalk.train.baselines import StyleTalkStage, StyleTalkTraining, baseline_stage, similarity, triplet
from dreamtalk.train.place import Share
from dreamtalk.train.recipes import BASELINE_RECIPES, baseline_regression, denoiser_smoke
from dreamtalk.types import SpeechFeatures

pytest.importorskip("pyarrow")


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_prepared(tmp_path_factory.mktemp("shards") / "ten")


@pytest.fixture(scope="module")
def stage(shards: Path) -> StyleTalkStage:
    made = baseline_stage(BASELINE_RECIPES["smoke"](shards))
    assert isinstance(made, StyleTalkStage)
    return made


def test_similarity_is_that_of_pictures() -> None:
    """Against scikit-image, with the one window that the whole motion is."""
    metrics = pytest.importorskip("skimage.metrics")
    rng = np.random.default_rng(0)
    real = rng.standard_normal((7, 7))
    made = 0.6 * real + 0.3 * rng.standard_normal((7, 7)) + 0.2
    _, windows = metrics.structural_similarity(real, made, data_range=4.0, use_sample_covariance=False, full=True)
    ours = similarity(torch.from_numpy(made)[None], torch.from_numpy(real)[None])
    assert float(ours) == pytest.approx(windows[3, 3], abs=1e-6)
    same = torch.from_numpy(real)[None]
    assert float(similarity(same, same)) == pytest.approx(1.0)


def test_the_triplet_asks_for_the_same_style_to_be_nearer_by_the_margin() -> None:
    codes, same = torch.tensor([[0.0, 0.0], [3.0, 4.0]]), torch.tensor([[0.0, 1.0], [3.0, 4.0]])
    # 1 - 5 + 5 for the first row, 0 - 5 + 5 for the second.
    assert float(triplet(codes, same, 5.0)) == pytest.approx(0.5, abs=1e-4)
    assert float(triplet(codes, same, 3.0)) == 0.0
    assert float(triplet(codes[:1], same[:1], 5.0)) == 0.0, "one style alone has no other"


def test_the_network_pleases_the_critic_and_the_critic_learns_from_both(stage: StyleTalkStage) -> None:
    parts = stage(stage.batch(0, Share()))
    network = [p for name, p in stage.model.named_parameters() if not name.startswith("critic.")]
    critic = list(stage.critic.parameters())
    assert all(g is None for g in torch.autograd.grad(parts["critic"], network, retain_graph=True, allow_unused=True))
    assert all(g is None for g in torch.autograd.grad(parts["temporal"], critic, retain_graph=True, allow_unused=True))
    assert any(g is not None for g in torch.autograd.grad(parts["temporal"], network, allow_unused=True))


def test_every_weight_learns(stage: StyleTalkStage) -> None:
    stage(stage.batch(0, Share()))["loss"].backward()
    assert [name for name, p in stage.model.named_parameters() if p.grad is None] == []


def test_the_total_is_the_weighted_sum(stage: StyleTalkStage) -> None:
    parts = {name: float(value.detach()) for name, value in stage.eval()(stage.batch(1, Share())).items()}
    expected = 88 * parts["reconstruction"] + parts["triplet"] + parts["temporal"] + parts["critic"]
    assert parts["loss"] == pytest.approx(expected, rel=1e-5)


def test_a_trained_baseline_speaks(shards: Path, tmp_path: Path) -> None:
    words = ["train", "baseline", str(shards), "--recipe", "smoke", "--out", str(tmp_path), "--steps", "30"]
    assert run([*words, "--device", "cpu", "--no-tensorboard"]) == 0
    log = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert log[-1]["reconstruction"] < 1.0
    model, clip = MotionModel.load(tmp_path / "model.safetensors"), load_prepared(shards, ENCODER)[0]
    assert isinstance(model.denoiser, StyleTalkLike)
    heard = SpeechFeatures(clip.features, ENCODER)
    made = model.generate(heard, model.encode_style(clip.expression, "itself"), len(clip.expression))
    assert made.shape == clip.expression.shape and np.isfinite(made).all() and made.std(axis=0).max() > 0
    state = torch.load(tmp_path / "state.pt", weights_only=True)
    assert any(name.startswith("critic.") for name in state["model"]), "it can go on"


def test_regression_learns_by_the_denoisers_losses_from_the_same_batches(shards: Path) -> None:
    sizes = replace(denoiser_smoke(shards).denoiser, kind="regression", posterior=False)
    smoke = replace(denoiser_smoke(shards), denoiser=sizes)
    stage = baseline_stage(smoke)
    assert isinstance(stage.model.denoiser, Regression) and stage.model.config.steps == 1
    denoiser = baseline_stage(denoiser_smoke(shards))
    one, other = stage.batch(3, Share()), denoiser.batch(3, Share())
    assert torch.equal(one.talks.expression, other.talks.expression) and torch.equal(one.hearing, other.hearing)
    assert set(stage(one)) == set(denoiser(other))
    assert [name for name, _ in stage.model.named_parameters()] == [
        name for name, _ in denoiser.model.named_parameters() if "residual_log_variance" not in name
    ]
    assert baseline_regression(shards).steps == 400


def test_a_styletalk_like_run_starts_from_nothing(
    shards: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["train", "baseline", str(shards), "--recipe", "styletalk", "--out", str(tmp_path / "none")]
    assert run([*words, "--start-from", str(tmp_path / "x.safetensors")]) == 2
    assert "in one go" in capsys.readouterr().err and not (tmp_path / "none").exists()
    assert isinstance(BASELINE_RECIPES["styletalk"](shards), StyleTalkTraining)
