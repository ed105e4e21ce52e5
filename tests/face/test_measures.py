"""Measures mean what their names say, on faces and on expressions alike."""

from __future__ import annotations

import numpy as np
import pytest

from dreamtalk.face.arkit import weights
from dreamtalk.face.measures import MEASURES, aperture, brow_height, eye_opening, mouth_width
from dreamtalk.face.model import FaceModel
from dreamtalk.types import Float


@pytest.fixture(scope="module")
def model() -> FaceModel:
    return FaceModel.load()


def acted(model: FaceModel, **actions: float) -> Float:
    return model.mean + model.displacement(model.from_arkit(weights(**actions)))


def test_the_mean_face_has_human_proportions(model: FaceModel) -> None:
    assert -0.5 < aperture(model.mean) < 1.5  # % iod: lips touch
    assert 45 < mouth_width(model.mean) < 70
    assert ((eye_opening(model.mean) > 6) & (eye_opening(model.mean) < 12)).all()


def test_opening_the_jaw_opens_the_lips_and_closing_the_mouth_closes_them(model: FaceModel) -> None:
    assert aperture(acted(model, jawOpen=0.5)) > 15
    assert aperture(acted(model, jawOpen=1, mouthClose=1)) < 1.5


def test_a_smile_widens_and_a_pucker_narrows(model: FaceModel) -> None:
    rest = mouth_width(model.mean)
    assert mouth_width(acted(model, mouthSmile=1)) > rest + 8
    assert mouth_width(acted(model, mouthPucker=1)) < rest - 8


def test_sides_are_those_of_the_person(model: FaceModel) -> None:
    right, left = eye_opening(acted(model, eyeBlinkRight=1)) - eye_opening(model.mean)
    assert right < -6
    assert abs(left) < 0.5
    right, left = brow_height(acted(model, browOuterUpLeft=1)) - brow_height(model.mean)
    assert left > 2
    assert abs(right) < 0.5


@pytest.mark.parametrize("name", MEASURES)
def test_a_measure_of_an_expression_is_the_change_of_that_of_the_face(model: FaceModel, name: str) -> None:
    expression = np.random.default_rng(0).normal(size=(5, 64)).astype(np.float32) * model.expression_std
    faces = model.mean + model.displacement(expression)
    change = MEASURES[name](faces) - MEASURES[name](model.mean)
    assert np.abs(expression @ model.measure(name) - change).max() < 1e-3
