"""Styles: shut lips stay shut, speakers disappear, references share the style."""

from __future__ import annotations

import numpy as np
import pytest

from dreamtalk.data.talkers import TalkingClip
from dreamtalk.face.arkit import weights
from dreamtalk.face.model import FaceModel
from dreamtalk.train.augment import DrawnStyle, StyleAugmentation
from dreamtalk.train.batches import BatchMaker


@pytest.fixture(scope="module")
def face_model() -> FaceModel:
    return FaceModel.load()


@pytest.fixture(scope="module")
def talkers(face_model: FaceModel) -> list[TalkingClip]:
    """Two speakers who babble alike; the second one smiles all the time."""
    rng = np.random.default_rng(0)
    jaw, smile = face_model.from_arkit(weights(jawOpen=0.6)), face_model.from_arkit(weights(mouthSmile=0.6))
    clips = []
    for number in range(8):
        opening = np.clip(np.sin(np.arange(80) / 3 + number), 0, None).astype(np.float32)
        speaker = "plain" if number % 2 else "smiling"
        expression = opening[:, None] * jaw + (smile if speaker == "smiling" else 0)
        expression = expression + 0.001 * rng.standard_normal((80, 64))
        closure = np.clip(opening * (jaw @ face_model.measure("aperture")), 0, None)
        features = rng.standard_normal((160, 4)).astype(np.float32)
        clips.append(TalkingClip(str(number), expression.astype(np.float32), closure, features, speaker))
    return clips


@pytest.fixture(scope="module")
def styles(talkers: list[TalkingClip], face_model: FaceModel) -> StyleAugmentation:
    return StyleAugmentation(talkers, face_model)


def test_shut_lips_stay_shut_in_every_style(
    styles: StyleAugmentation, talkers: list[TalkingClip], face_model: FaceModel
) -> None:
    rng, aperture = np.random.default_rng(1), face_model.measure("aperture")
    for _ in range(50):
        clip = talkers[rng.integers(len(talkers))]
        shut = clip.closure == 0
        opening = styles.apply(clip, styles.draw(rng)) @ aperture
        assert np.abs(opening[shut]).max() < 0.2  # % iod


def test_without_a_style_speakers_share_one_mean_pose(styles: StyleAugmentation, talkers: list[TalkingClip]) -> None:
    plain, smiling = (
        np.concatenate([styles.apply(t, styles.none) for t in talkers if t.speaker == s]).mean(axis=0)
        for s in ("plain", "smiling")
    )
    before = np.linalg.norm(
        np.concatenate([t.expression for t in talkers if t.speaker == "plain"]).mean(axis=0)
        - np.concatenate([t.expression for t in talkers if t.speaker == "smiling"]).mean(axis=0)
    )
    assert np.linalg.norm(plain - smiling) < 0.25 * before


def test_an_offset_moves_the_mean_pose_by_itself(
    styles: StyleAugmentation, talkers: list[TalkingClip], face_model: FaceModel
) -> None:
    brows = face_model.from_arkit(weights(browInnerUp=0.8))
    moved = styles.apply(talkers[1], DrawnStyle(brows, styles.none.gain)) - styles.apply(talkers[1], styles.none)
    upper = list(face_model.upper)
    np.testing.assert_allclose(moved[:, upper], np.tile(brows[upper], (80, 1)), atol=1e-5)


def test_batches_depend_on_seed_and_number_alone(styles: StyleAugmentation, talkers: list[TalkingClip]) -> None:
    first, second = (BatchMaker(talkers, styles, 5, 3, 0.3).make(7, range(4), 16, 0.1) for _ in range(2))
    assert first.expression.equal(second.expression) and first.reference.equal(second.reference)
    other = BatchMaker(talkers, styles, 5, 3, 0.3).make(8, range(4), 16, 0.1)
    assert not first.expression.equal(other.expression)
    assert first.features.shape == (4, 2 * 16 + 10, 4) and first.expression.shape == (4, 16, 64)


def test_the_reference_carries_the_style_of_its_talk(styles: StyleAugmentation, talkers: list[TalkingClip]) -> None:
    maker = BatchMaker(talkers, styles, 5, 0, 0.3)
    batches = [maker.make(number, range(16), 48, 0.0) for number in range(6)]
    upper = slice(40, 64)
    talk = np.concatenate([b.expression.numpy()[:, :, upper].mean(axis=1) for b in batches])
    reference = np.concatenate([b.reference.numpy()[:, :, upper].mean(axis=1) for b in batches])
    assert np.corrcoef(talk.ravel(), reference.ravel())[0, 1] > 0.95
