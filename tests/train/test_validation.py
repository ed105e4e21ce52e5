"""Checkpoints are chosen by people outside the training set, and by each only once."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from dreamtalk.data.talkers import TalkingClip
from dreamtalk.face.arkit import weights
from dreamtalk.face.model import FaceModel
from dreamtalk.motion.model import MotionModel
from dreamtalk.train.validation import BestKeeper, Strangers
from dreamtalk.types import Float, SpeechFeatures, Style

FRAMES = 40


class Mimic(MotionModel):
    """Says what it was told to, whatever it hears."""

    said: Float

    def generate(self, features: SpeechFeatures, style: Style, frames: int, *_: object, **__: object) -> Float:
        return self.said[:frames]


@pytest.fixture(scope="module")
def face_model() -> FaceModel:
    return FaceModel.load()


@pytest.fixture(scope="module")
def mimic() -> Mimic:
    return Mimic(MotionModel.debug().config)


@pytest.fixture(scope="module")
def talk(face_model: FaceModel) -> Float:
    loud = np.random.default_rng(0).random(FRAMES).astype(np.float32)
    return loud[:, None] * face_model.from_arkit(weights(jawOpen=0.5))


def clip(expression: Float, speaker: str) -> TalkingClip:
    silence = np.zeros(len(expression), np.float32)
    return TalkingClip(speaker, expression, silence, np.zeros((2 * len(expression), 512), np.float32), speaker)


def test_the_real_motion_scores_one_and_the_reverse_minus_one(mimic: Mimic, talk: Float, face_model: FaceModel) -> None:
    strangers = Strangers([clip(talk, "a")], face_model)
    mimic.said = talk + 0.3
    assert strangers.score(mimic) == {"aperture_r": 1.0, "aperture_error": pytest.approx(0.0, abs=1e-4)}
    mimic.said = -talk
    assert strangers.score(mimic)["aperture_r"] == -1.0


def test_every_speaker_counts_alike(mimic: Mimic, talk: Float, face_model: FaceModel) -> None:
    mimic.said = talk
    right, wrong = clip(talk, "a"), clip(-talk, "b")
    assert Strangers([right, right, right, wrong], face_model).score(mimic)["aperture_r"] == pytest.approx(0.0)


def test_the_best_is_kept_and_nothing_is_scored_twice(
    mimic: Mimic, talk: Float, face_model: FaceModel, tmp_path: Path
) -> None:
    keeper = BestKeeper(Strangers([clip(talk, "a")], face_model), tmp_path)
    noise = np.random.default_rng(1).standard_normal(talk.shape).astype(np.float32)
    for step, spoilt in ((10, 0.02), (20, 0.0), (30, 0.05)):
        mimic.said = talk + spoilt * noise
        mimic.expression_mean.fill_(step)
        keeper.consider(mimic, step)
        keeper.consider(mimic, step)
    log = [json.loads(line) for line in (tmp_path / "validation.jsonl").read_text().splitlines()]
    assert [entry["step"] for entry in log] == [10, 20, 30]
    assert log[1]["aperture_r"] > log[0]["aperture_r"] > log[2]["aperture_r"]
    assert MotionModel.load(tmp_path / "best.safetensors").expression_mean[0] == 20


def test_a_torn_line_is_no_obstacle_and_lines_of_later_steps_belong_to_another_run(
    mimic: Mimic, talk: Float, face_model: FaceModel, tmp_path: Path
) -> None:
    log = tmp_path / "validation.jsonl"
    log.write_text('{"step": 10, "aperture_r": 0.2}\n{"step": 90, "aperture_r": 0.9}\n{"step": 100, "apert')
    mimic.said = talk
    BestKeeper(Strangers([clip(talk, "a")], face_model), tmp_path).consider(mimic, 20)
    assert [json.loads(line)["step"] for line in log.read_text().splitlines()] == [10, 20]
    assert (tmp_path / "best.safetensors").is_file()
