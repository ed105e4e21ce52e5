"""Training the denoiser on made-up talkers, whose mouths open as loud as one feature says."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from dreamtalk.data.talkers import TalkingClip
from dreamtalk.face.arkit import weights
from dreamtalk.face.model import FaceModel
from dreamtalk.lipsync.expert import LipExpert, LipExpertConfig
from dreamtalk.motion import MotionModel
from dreamtalk.train.clips import load_strangers
from dreamtalk.train.denoiser import DenoiserStage, DenoiserTraining, NoisedTalks, train_on
from dreamtalk.train.place import Share
from dreamtalk.train.recipes import denoiser_smoke
from dreamtalk.types import SpeechFeatures

FRAMES = 60


@pytest.fixture(scope="module")
def face_model() -> FaceModel:
    return FaceModel.load()


@pytest.fixture(scope="module")
def talkers(face_model: FaceModel) -> list[TalkingClip]:
    rng = np.random.default_rng(0)
    opening = face_model.from_arkit(weights(jawOpen=0.5))
    clips = []
    for number in range(12):
        loud = np.repeat(rng.random(FRAMES // 4 + 1), 4)[:FRAMES].astype(np.float32)
        features = 0.1 * rng.standard_normal((2 * FRAMES, 512)).astype(np.float32)
        features[:, :40] += np.repeat(loud, 2)[:, None] * 2 - 1
        expression = loud[:, None] * opening + 0.002 * rng.standard_normal((FRAMES, 64)).astype(np.float32)
        closure = np.clip(expression @ face_model.measure("aperture"), 0, None)
        clips.append(TalkingClip(f"c{number}", expression, closure, features, speaker="ab"[number % 4 == 0]))
    return clips


@pytest.fixture
def config(tmp_path: Path) -> DenoiserTraining:
    smoke = denoiser_smoke(Path("unused"))
    return replace(smoke, out=tmp_path / "run", steps=12, save_every=4, precision="float32")


def _weights(file: Path) -> dict[str, np.ndarray]:
    return load_file(file)


def test_a_stopped_run_goes_on_as_if_it_had_not_stopped(
    config: DenoiserTraining, talkers: list[TalkingClip], face_model: FaceModel, tmp_path: Path
) -> None:
    whole = _weights(train_on(config, talkers, face_model))
    broken = replace(config, out=tmp_path / "broken")

    class Killed(Exception):
        pass

    def killing(*_: object, **__: object) -> None:
        raise Killed

    with pytest.MonkeyPatch.context() as patch, pytest.raises(Killed):
        original, calls = torch.nn.utils.clip_grad_norm_, iter(range(100))
        patch.setattr(
            torch.nn.utils,
            "clip_grad_norm_",
            lambda *a, **k: killing() if next(calls) == 6 else original(*a, **k),
        )
        train_on(broken, talkers, face_model)
    resumed = _weights(train_on(broken, talkers, face_model))
    for name, value in whole.items():
        np.testing.assert_array_equal(resumed[name], value, err_msg=name)


def test_it_learns_to_open_the_mouth(
    config: DenoiserTraining, talkers: list[TalkingClip], face_model: FaceModel
) -> None:
    file = train_on(replace(config, steps=200, learning_rate=3e-3, rows=8), talkers, face_model)
    log = [json.loads(line) for line in (config.out / "log.jsonl").read_text().splitlines()]
    # Velocity, because the drawn styles' offsets, which differ from batch to batch, are not in it.
    first, last = (np.mean([entry["velocity"] for entry in part]) for part in (log[:2], log[-2:]))
    assert last < 0.6 * first
    model, clip = MotionModel.load(file), talkers[1]
    made = model.generate(SpeechFeatures(clip.features, "whisper-base-l3"), model.neutral_style(), FRAMES)
    aperture = face_model.measure("aperture")
    assert np.corrcoef(made @ aperture, clip.expression @ aperture)[0, 1] > 0.7


def test_the_model_says_how_it_was_made(
    config: DenoiserTraining, talkers: list[TalkingClip], face_model: FaceModel
) -> None:
    train_on(replace(config, steps=2), talkers, face_model)
    saved = json.loads((config.out / "config.json").read_text())
    assert saved["steps"] == 2 and saved["seed"] == config.seed and saved["denoiser"]["width"] == 32


def test_the_losses_are_those_of_the_paper(
    config: DenoiserTraining, talkers: list[TalkingClip], face_model: FaceModel, tmp_path: Path
) -> None:
    """Eq. 6 to 8 against numpy, on what the stage's own network predicts."""
    torch.manual_seed(2)
    expert = LipExpert(LipExpertConfig(frames=6, width=16, style_width=16))
    expert.set_face_model(face_model)
    expert.save(tmp_path / "expert.safetensors")
    weighted = replace(config, expert=tmp_path / "expert.safetensors", sync_weight=0.7, velocity_weight=0.4)
    stage = DenoiserStage(replace(weighted, feature_noise=0.0), talkers, face_model).eval()
    batch = stage.batch(3, Share())
    predicted: list[torch.Tensor] = []
    stage.model.denoiser.register_forward_hook(lambda _module, _inputs, made: predicted.append(made))
    with torch.no_grad():
        parts = {name: float(value) for name, value in stage(batch).items()}
        probability = _probabilities(stage, batch, predicted[0])
    talks, weight = batch.talks, np.full(64, config.upper_weight)
    weight[list(config.denoiser.lower)] = 1.0
    x0 = stage.model.normalise(talks.expression).numpy()
    made = predicted[0].view(x0.shape).numpy()
    assert parts["x0"] == pytest.approx((weight * (made - x0) ** 2).sum(-1).mean(), rel=1e-4)
    velocity = np.diff(made, axis=1) - np.diff(x0, axis=1)
    assert parts["velocity"] == pytest.approx((weight * velocity**2).sum(-1).mean(), rel=1e-4)
    assert parts["sync"] == pytest.approx(-np.log(np.maximum(probability, 1e-3)).mean(), rel=1e-3)
    total = parts["x0"] + 0.4 * parts["velocity"] + config.closure_weight * parts["closure"] + 0.7 * parts["sync"]
    assert parts["loss"] == pytest.approx(total, rel=1e-5)


def _probabilities(stage: DenoiserStage, batch: NoisedTalks, predicted: torch.Tensor) -> np.ndarray:
    """P_sync of every window, one by one: its own six frames, and the twelve features of the same time."""
    assert stage.expert is not None
    made = stage.model.denormalise(predicted.view(batch.talks.expression.shape))
    found = []
    for row, starts in enumerate(batch.windows.tolist()):
        style = stage.expert.style(batch.talks.reference[row : row + 1])
        for at in starts:
            heard = batch.talks.features[row, 5 + 2 * at : 5 + 2 * at + 12]  # token 5 belongs to frame 0
            found.append(float(stage.expert(made[row, at : at + 6][None], heard[None], style)))
    return np.array(found)


def test_training_on_everybody_leaves_no_strangers_to_choose_by(tmp_path: Path, face_model: FaceModel) -> None:
    (tmp_path / "clips.csv").write_text("id\n")
    assert load_strangers(tmp_path, tmp_path, face_model, "whisper-base-l3", clean_only=False) == []


def test_a_single_clip_can_be_trained_on(
    config: DenoiserTraining, talkers: list[TalkingClip], face_model: FaceModel
) -> None:
    file = train_on(replace(config, steps=2), talkers[:1], face_model)
    assert all(np.isfinite(value).all() for value in _weights(file).values())
