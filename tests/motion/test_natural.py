"""Everything besides speech, put together on the shipped face model."""

from __future__ import annotations

import numpy as np
import pytest

from dreamtalk.face.arkit import weights
from dreamtalk.face.model import FaceModel
from dreamtalk.motion.natural import Heard, LidMixer, NaturalMotion, natural
from dreamtalk.motion.rest import ANTICIPATION_FRAMES
from dreamtalk.types import Float

FRAMES = 300


@pytest.fixture(scope="module")
def face() -> FaceModel:
    return FaceModel.load()


@pytest.fixture(scope="module")
def talk() -> tuple[Float, Float]:
    """Expression and activity of somebody who speaks in the middle of 12 s."""
    activity = np.zeros(FRAMES, dtype=np.float32)
    activity[75:225] = np.random.default_rng(0).uniform(0.3, 1, 150)
    expression = np.random.default_rng(1).normal(0, 0.02, (FRAMES, 64)).astype(np.float32)
    return expression, activity


def test_silence_gives_a_resting_blinking_face(face: FaceModel) -> None:
    open_mouth = np.repeat(face.from_arkit(weights(jawOpen=0.5))[None], 1500, axis=0)
    motion = natural(open_mouth, np.zeros(1500, dtype=np.float32), 0, face)
    assert not motion.expression[:, list(face.lower)].any()
    assert (face.lid_closure(motion.expression).min(axis=1) > 0.9).any()
    assert motion.rotation.any()


def test_speech_keeps_the_lips_it_was_given(face: FaceModel, talk: tuple[Float, Float]) -> None:
    expression, activity = talk
    made = natural(expression, activity, 0, face).expression
    assert np.array_equal(made[75:225, :40], expression[75:225, :40])
    assert not made[:70, :40].any() and not made[250:, :40].any()


def test_frame_by_frame_gives_the_same_as_the_whole(face: FaceModel, talk: tuple[Float, Float]) -> None:
    expression, activity = talk
    whole = natural(expression, activity, 7, face)
    machine = NaturalMotion(7, face)
    ahead = np.concatenate([activity, np.zeros(ANTICIPATION_FRAMES, dtype=np.float32)])
    machine.ahead(ahead[:ANTICIPATION_FRAMES].tolist())
    for i in range(FRAMES):
        frame = machine.next(expression[i], Heard(float(activity[i]), float(ahead[i + ANTICIPATION_FRAMES])))
        assert np.array_equal(frame.expression, whole.expression[i])
        assert np.array_equal(frame.rotation, whole.rotation[i])
        assert np.array_equal(frame.translation, whole.translation[i])
        assert np.array_equal(frame.gaze, whole.gaze[i])


def test_same_seed_same_bytes_other_seed_other_motion(face: FaceModel, talk: tuple[Float, Float]) -> None:
    a, b, c = (natural(*talk, seed, face) for seed in (1, 1, 2))
    assert a.expression.tobytes() == b.expression.tobytes() and a.rotation.tobytes() == b.rotation.tobytes()
    assert not np.array_equal(a.rotation, c.rotation)
    assert not np.array_equal(a.expression[:, 40:], c.expression[:, 40:])


def test_switched_off_means_off(face: FaceModel, talk: tuple[Float, Float]) -> None:
    expression, activity = talk
    motion = natural(expression, activity, 0, face, blink="off", pose="still")
    assert np.array_equal(motion.expression[:, 40:], expression[:, 40:])
    assert not motion.rotation.any() and not motion.translation.any()


def test_pose_scale_is_a_factor(face: FaceModel, talk: tuple[Float, Float]) -> None:
    one, two = (natural(*talk, 0, face, pose_scale=scale).rotation for scale in (1.0, 2.0))
    assert np.allclose(two, 2 * one, atol=1e-6)


@pytest.mark.parametrize("action", ["eyeBlink", "eyeWide", "eyeSquint", "browDown"])
@pytest.mark.parametrize("strength", [0.0, 0.6])
def test_a_blink_ends_shut_whatever_the_face_does(face: FaceModel, action: str, strength: float) -> None:
    before = face.from_arkit(weights(**{action: strength}))
    before[list(face.lower)] = 0.1
    after = LidMixer(face).close(before, np.ones(2, dtype=np.float32))
    opening = np.stack([face.measure("eye_opening_right"), face.measure("eye_opening_left")])
    assert np.allclose(opening @ after, -face.lid_shut, atol=1e-3), "shut, and not further"
    assert np.allclose(after[list(face.lower)], 0.1), "lips do not blink"


def test_one_eye_can_blink_alone(face: FaceModel) -> None:
    winked = LidMixer(face).close(np.zeros(64, dtype=np.float32), np.array([1.0, 0.0], dtype=np.float32))
    assert np.allclose(face.lid_closure(winked), [1, 0], atol=1e-3)
