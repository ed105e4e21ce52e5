"""The shipped models that tests of styles look through."""

from __future__ import annotations

import pytest

from dreamtalk.face.model import FaceModel
from dreamtalk.motion import MotionModel


@pytest.fixture(scope="module")
def face() -> FaceModel:
    return FaceModel.load()


@pytest.fixture(scope="module")
def model() -> MotionModel:
    return MotionModel.load()
