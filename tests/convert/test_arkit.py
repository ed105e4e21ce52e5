"""A motion in ARKit's weights says the same: lips, lids, eyes and head come back."""

from __future__ import annotations

import numpy as np
import pytest

from dreamtalk.convert.arkit import ArkitTake, eye_turns, gaze_of, looks_of, motion_of, resampled, take_of
from dreamtalk.errors import UnusableInput
from dreamtalk.face.arkit import ARKIT, ARKIT_INDEX, weights
from dreamtalk.face.model import FaceModel
from dreamtalk.motion.gaze import EYE_RADIUS
from dreamtalk.types import Float, Motion

FRAMES = 60


@pytest.fixture(scope="module")
def face() -> FaceModel:
    return FaceModel.load()


def motion(expression: Float, **parts: Float) -> Motion:
    still = {name: np.zeros((len(expression), n), np.float32) for name, n in (("rotation", 3), ("gaze", 4))}
    return Motion(expression, translation=np.zeros((len(expression), 3), np.float32), **(still | parts))


def speech(face: FaceModel) -> Float:
    """(T, 64) a jaw that opens and shuts, a smile that comes, one blink."""
    time = np.arange(FRAMES)
    rows = [
        weights(jawOpen=0.25 + 0.2 * np.sin(0.8 * t), mouthSmile=t / FRAMES / 2, eyeBlink=float(30 <= t < 34))
        for t in time
    ]
    return face.from_arkit(np.stack(rows))


def test_lips_and_lids_come_back(face: FaceModel) -> None:
    original = motion(speech(face))
    back = motion_of(take_of(original, face), face, "it")
    for name in ("aperture", "mouth_width", "jaw", "eye_opening_left"):
        told, got = (m.expression @ face.measure(name) for m in (original, back))
        assert np.corrcoef(told, got)[0, 1] > 0.98, name
        assert 0.9 < float(told @ got / (told @ told)) < 1.1, name


def test_weights_stay_within_their_bounds(face: FaceModel) -> None:
    wild = np.random.default_rng(0).normal(0, 3, (20, 64)).astype(np.float32) * face.expression_std
    values = take_of(motion(wild), face).weights
    assert values.min() >= 0.0 and values.max() <= 1.0
    assert not values[:, ARKIT_INDEX["tongueOut"]].any()


def test_a_neutral_face_has_no_weights(face: FaceModel) -> None:
    assert take_of(motion(np.zeros((3, 64), np.float32)), face).weights.max() < 1e-3


def test_eyes_look_where_they_looked() -> None:
    gaze = EYE_RADIUS * np.sin(np.radians([[8.0, 5.0, 8.0, 5.0], [-9.0, -6.0, -9.0, -6.0]])).astype(np.float32)
    found = looks_of(gaze)
    to_left = {ARKIT[i] for i in np.flatnonzero(found[0])}
    assert to_left == {"eyeLookOutLeft", "eyeLookInRight", "eyeLookDownLeft", "eyeLookDownRight"}, "picture's right"
    np.testing.assert_allclose(gaze_of(found), gaze, atol=1e-6)
    np.testing.assert_allclose(np.degrees(eye_turns(found)[0]), [8.0, 5.0, 8.0, 5.0], atol=1e-3)


def test_the_head_comes_back_and_turns_about_the_neck(face: FaceModel) -> None:
    turn = np.zeros((FRAMES, 3), np.float32)
    turn[:, 1] = 0.1 * np.sin(np.arange(FRAMES) / 8)
    back = motion_of(take_of(motion(speech(face), rotation=turn), face), face, "it")
    np.testing.assert_allclose(back.rotation, turn, atol=1e-5)
    assert np.corrcoef(back.translation[:, 0], turn[:, 1])[0, 1] < -0.99


def test_a_phone_held_low_does_not_turn_the_portrait(face: FaceModel) -> None:
    """The usual pose of a recording is that of the camera; what is left is within what is meant."""
    rotation = np.tile(np.array([[0.3, -0.2, 0.0]], np.float32), (FRAMES, 1))
    rotation[:, 0] += 0.05 * np.sin(np.arange(FRAMES) / 5)
    made = motion_of(ArkitTake(np.zeros((FRAMES, 52), np.float32), rotation, 25.0), face, "it")
    assert np.abs(np.median(made.rotation, axis=0)).max() < np.radians(3.0)
    assert 0.09 < np.ptp(made.rotation[:, 0]) < 0.11


def test_other_rates_keep_length_and_shape(face: FaceModel) -> None:
    original = motion(speech(face))
    fast = take_of(original, face, fps=60.0)
    assert len(fast.weights) == round(FRAMES * 60 / 25)
    back = motion_of(fast, face, "it")
    plain = motion_of(take_of(original, face), face, "it")
    assert len(back) == FRAMES
    difference = np.abs(back.expression - plain.expression).mean() / np.abs(plain.expression).mean()
    assert difference < 0.05


def test_resampling_never_goes_beyond_its_neighbours() -> None:
    given = np.random.default_rng(1).random((30, 2)).astype(np.float32)
    made = resampled(given, np.arange(30.0), np.linspace(-1, 31, 500))
    assert made.min() >= given.min() and made.max() <= given.max()
    np.testing.assert_allclose(resampled(given, np.arange(30.0), np.arange(30.0)), given, atol=1e-6)
    line = np.arange(5, dtype=np.float32)[:, None]
    np.testing.assert_allclose(resampled(line, np.arange(5.0), np.array([0.5, 2.25]))[:, 0], [0.5, 2.25], atol=1e-6)
    assert resampled(line[:1], np.zeros(1), np.arange(3.0)).tolist() == [[0.0]] * 3


@pytest.mark.parametrize("fps", [0.0, -25.0, 241.0, float("nan"), float("inf")])
def test_rates_that_no_animation_has(face: FaceModel, fps: float) -> None:
    with pytest.raises(UnusableInput, match="frames per second"):
        take_of(motion(speech(face)), face, fps)


def test_a_single_frame_keeps_the_portraits_pose(face: FaceModel) -> None:
    held_low = ArkitTake(np.zeros((1, 52), np.float32), np.array([[0.4, 0.0, 0.0]], np.float32), 60.0)
    assert not motion_of(held_low, face, "it").rotation.any()


def test_official_motions_have_no_weights(face: FaceModel) -> None:
    official = Motion(*(np.zeros((2, n), np.float32) for n in (64, 3, 3, 4)), face_space="bfm64")
    with pytest.raises(UnusableInput, match="bfm64"):
        take_of(official, face)
