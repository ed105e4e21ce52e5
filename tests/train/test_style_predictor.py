"""The style predictor learns to listen, from pairs made by code."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.data.prepared import make_prepared

from dreamtalk.cli.main import run
from dreamtalk.evaluate.prediction import Judge
from dreamtalk.face.model import FaceModel
from dreamtalk.motion import MotionModel
from dreamtalk.style.library import named_style
from dreamtalk.style.predictor import StylePredictor, StylePredictorConfig
from dreamtalk.train.place import Share
from dreamtalk.train.style_pairs import Face, StylePairs, Utterance, load_pairs, portrait_identity
from dreamtalk.train.style_predictor import StylePredictorStage, StylePredictorTraining, train_style_predictor
from dreamtalk.types import Float

EMOTIONS = ("neutral", "happy", "sad")
SIZE = 12
"""Speech features: the first ones say which emotion."""


@pytest.fixture(scope="module")
def model() -> MotionModel:
    return MotionModel.load()


@pytest.fixture(scope="module")
def face() -> FaceModel:
    return FaceModel.load()


@pytest.fixture(scope="module")
def pairs(model: MotionModel, face: FaceModel) -> StylePairs:
    """Four speakers, three emotions, three utterances of each; their identity coefficients say the emotion where they
    come from the same clip, and nothing where from another."""
    rng = np.random.default_rng(0)
    faces, utterances = [], []
    for number, emotion in enumerate(EMOTIONS):
        code = named_style(emotion, model, face).code
        own = np.zeros((2, 32), np.float32)
        own[:, number] = face.identity_std[number]
        faces.append(Face(code, own, np.zeros((2, 32), np.float32)))
        for speaker in range(4):
            for take in range(3):
                tokens = 0.3 * rng.standard_normal((12, SIZE))
                tokens[:, number] += 1.0
                utterances.append(
                    Utterance(
                        f"{speaker}-{emotion}-{take}", f"s{speaker}", emotion, "1", (np.float16(tokens),), (number,)
                    )
                )
    return StylePairs(tuple(utterances), tuple(faces))


def training(out: Path, **change: object) -> StylePredictorTraining:
    config = StylePredictorTraining(
        data=out,
        out=out,
        predictor=StylePredictorConfig(width=16, heads=2, hidden=32, layers=1, dropout=0.0),
        steps=150,
        rows=16,
        learning_rate=1e-2,
        warmup_steps=10,
        voices=False,
        save_every=150,
        tensorboard=False,
        device="cpu",
        threads=1,
        precision="float32",
    )
    return replace(config, **change)  # type: ignore[arg-type]


def test_it_learns_to_hear_speakers_it_was_not_trained_on(
    pairs: StylePairs, model: MotionModel, face: FaceModel, tmp_path: Path
) -> None:
    from dreamtalk.train.loop import train_stage

    config = training(tmp_path, held_out=1)
    file = train_stage(config, StylePredictorStage(config, pairs, model, face))
    unseen = [u for u in pairs.utterances if u.speaker == "s3"]
    judge, predictor = Judge(unseen, pairs.faces, model, face), StylePredictor.load(file)
    heard, fooled = judge.judge(predictor), judge.judge(predictor, shuffled=True)
    assert (heard.heard == heard.emotion).mean() > 0.8
    assert (fooled.heard == fooled.emotion).mean() < 0.7
    assert heard.distance.mean() < 0.7 * fooled.distance.mean()
    assert heard.confusion.sum() == len(unseen)


def test_the_portrait_is_of_another_clip_unless_told_otherwise(
    pairs: StylePairs, model: MotionModel, face: FaceModel, tmp_path: Path
) -> None:
    plain = {"feature_noise": 0.0, "voice_noise": 0.0, "identity_noise": 0.0}
    crossed, leaking = (
        StylePredictorStage(training(tmp_path, cross_id=cross, **plain), pairs, model, face).batch(0, Share(0, 1))
        for cross in (True, False)
    )
    assert not crossed.identity.any()
    assert bool(leaking.identity.any(dim=1).all())
    torch.testing.assert_close(crossed.code, leaking.code)


def test_the_same_rows_come_again_and_short_speech_is_padded(
    pairs: StylePairs, model: MotionModel, face: FaceModel, tmp_path: Path
) -> None:
    stage = StylePredictorStage(training(tmp_path), pairs, model, face)
    first, again, next_one = (stage.batch(number, Share(0, 1)) for number in (4, 4, 5))
    assert torch.equal(first.speech, again.speech) and torch.equal(first.noise, again.noise)
    assert not torch.equal(first.noise, next_one.noise)
    assert first.padded.any() and not first.padded[:, 0].any()
    assert first.speech[first.padded].abs().max() == 0.0
    assert first.speech.shape[1] <= stage.model.config.tokens


def test_a_portrait_that_smiles_gives_other_coefficients_than_a_calm_one(face: FaceModel) -> None:
    from dreamtalk.face.arkit import weights

    person = (0.5 * face.identity_std).astype(np.float32)

    def off(expression: Float) -> float:
        return float(np.linalg.norm((portrait_identity(face, person, expression) - person) / face.identity_std))

    assert off(face.from_arkit(weights(mouthSmile=1.0, cheekSquint=1.0))) > 1.5 * off(np.zeros(64, np.float32))


def test_prepared_clips_go_with_their_own_codes(model: MotionModel, face: FaceModel, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    folder = make_prepared(tmp_path / "ten")
    pairs = load_pairs(folder, tmp_path, model, face, stride=10)
    assert len(pairs.utterances) == len(pairs.faces) == 10
    for number, utterance in enumerate(pairs.utterances):
        assert utterance.faces == (number,)
        assert utterance.versions[0].shape[1] == 512
    out = tmp_path / "run"
    words = ["train", "style-predictor", str(folder), "--recipe", "smoke", "--out", str(out), "--device", "cpu"]
    assert run(words) == 0
    assert StylePredictor.load(out / "model.safetensors").config.feature_size == 512
    first = (out / "model.safetensors").read_bytes()
    again = train_style_predictor_again(folder, out)
    assert again.read_bytes() == first  # nothing was left to do


def train_style_predictor_again(folder: Path, out: Path) -> Path:
    from dreamtalk.train.recipes import style_predictor_smoke

    return train_style_predictor(replace(style_predictor_smoke(folder), out=out, device="cpu"))
