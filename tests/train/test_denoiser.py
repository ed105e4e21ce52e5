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
from dreamtalk.motion import MotionModel
from dreamtalk.train.denoiser import DenoiserTraining, train_on
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
