"""The resting face is found in talk, and is not a puckered, blinking or parted one."""

from __future__ import annotations

import numpy as np
import pytest

from dreamtalk.errors import UnusableInput
from dreamtalk.face.align import ALL_POINTS, FACE_POINTS
from dreamtalk.face.arkit import weights
from dreamtalk.face.measures import aperture, eye_opening, mouth_width
from dreamtalk.face.model import FaceModel
from dreamtalk.face.neutral import neutral_of_track
from dreamtalk.face.pose import rotation_from_euler
from dreamtalk.types import Float


@pytest.fixture(scope="module")
def model() -> FaceModel:
    return FaceModel.load()


@pytest.fixture(scope="module")
def person(model: FaceModel) -> Float:
    """A face (468, 3) that is not the mean one."""
    identity = 0.7 * model.identity_std * np.random.default_rng(3).normal(size=32)
    return model.face(identity.astype(np.float32), np.zeros(64, np.float32))


def filmed(model: FaceModel, person: Float, acts: list[dict[str, float]]) -> Float:
    """Landmarks (T, 478, 3) px of the person doing something in each frame, the head swaying, with a little noise."""
    rng = np.random.default_rng(1)
    frames = []
    for t, act in enumerate(acts):
        face = np.zeros((ALL_POINTS, 3), dtype=np.float32)
        face[:FACE_POINTS] = person + model.displacement(model.from_arkit(weights(**act)))
        face[FACE_POINTS:] = person[[33, 133, 263, 362]].mean(axis=0)
        turn = rotation_from_euler(np.array([0.05 * np.sin(t / 9), 0.1 * np.sin(t / 7), 0.0], dtype=np.float32))
        frames.append(80 * face @ turn.T + [120, 130, 0] + rng.normal(0, 0.1, face.shape))
    return np.array(frames, dtype=np.float32)


def talk(frames: int, rest: float) -> list[dict[str, float]]:
    """Speech with puckers and blinks; `rest` of the frames with the mouth closed."""
    rng = np.random.default_rng(2)
    acts: list[dict[str, float]] = []
    for t in range(frames):
        act = {"jawOpen": 0.0 if rng.random() < rest else float(rng.uniform(0.15, 0.5))}
        if t % 12 == 0:
            act |= {"mouthPucker": 0.9, "jawOpen": 0.0}
        if t % 11 == 0:
            act["eyeBlink"] = 1.0
        acts.append(act)
    return acts


def test_the_resting_face_is_found_among_puckers_and_blinks(model: FaceModel, person: Float) -> None:
    neutral = neutral_of_track(filmed(model, person, talk(150, rest=0.2)), model.mean)
    assert mouth_width(neutral) == pytest.approx(mouth_width(person), abs=2.0)
    assert eye_opening(neutral) == pytest.approx(eye_opening(person), abs=1.0)
    assert aperture(neutral) == pytest.approx(aperture(person), abs=0.7)


def test_someone_who_never_shuts_the_mouth_still_rests_with_lips_that_touch(model: FaceModel, person: Float) -> None:
    rng = np.random.default_rng(5)
    acts = [{"jawOpen": float(rng.uniform(0.2, 0.6))} for _ in range(60)]
    track = filmed(model, person, acts)
    neutral = neutral_of_track(track, model.mean)
    assert aperture(neutral) < 2.1
    assert abs(mouth_width(neutral) - mouth_width(person)) < 4


def test_frames_marked_as_not_valid_are_left_out(model: FaceModel, person: Float) -> None:
    track = filmed(model, person, talk(60, rest=0.3))
    valid = np.ones(60, dtype=bool)
    track[10:20], valid[10:20] = np.nan, False
    assert np.isfinite(neutral_of_track(track, model.mean, valid)).all()


def test_two_frames_are_not_enough(model: FaceModel, person: Float) -> None:
    with pytest.raises(UnusableInput, match="there are 2"):
        neutral_of_track(filmed(model, person, [{}, {}]), model.mean)


def test_a_portrait_at_rest_is_its_own_neutral(model: FaceModel, person: Float) -> None:
    resting = np.concatenate([[0.0], model.score_floor[:-1]]).astype(np.float32)
    neutral = model.neutral(filmed(model, person, [{}])[0], resting)
    assert np.abs(neutral[:FACE_POINTS, :2] - person[:, :2]).max() < 0.03
    assert mouth_width(neutral) == pytest.approx(mouth_width(person), abs=1.5)


def test_a_portrait_with_an_open_mouth_gets_a_closed_one(model: FaceModel, person: Float) -> None:
    scores = np.concatenate([[0.0], model.score_floor[:-1]]).astype(np.float32)
    scores[25] = 0.6  # jawOpen
    neutral = model.neutral(filmed(model, person, [{"jawOpen": 0.5}])[0], scores)
    assert abs(aperture(neutral)) < 3
