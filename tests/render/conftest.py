"""Portraits that may be shown: the astronaut (smiling, teeth showing) and a face of our own with closed lips."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from dreamtalk.face import FaceModel
from dreamtalk.render import MeshRenderer
from dreamtalk.types import Float, Portrait

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def model() -> FaceModel:
    return FaceModel.load()


@pytest.fixture(scope="session")
def astronaut() -> Portrait:
    """examples/portrait.jpg with its tracked face stored beside the tests: no tracker is needed."""
    image = cv2.cvtColor(cv2.imread(str(REPOSITORY / "examples" / "portrait.jpg")), cv2.COLOR_BGR2RGB)
    with np.load(REPOSITORY / "tests" / "data" / "portrait_face.npz") as face:
        return Portrait(image=image, identity=np.zeros(32, np.float32), **{name: face[name] for name in face.files})


def drawn(model: FaceModel, height: int = 300, width: int = 280, iod: float = 90.0) -> Portrait:
    """The mean face with closed lips on a picture of coloured waves: every pixel differs from its neighbours."""
    ys, xs = np.mgrid[0:height, 0:width].astype(np.float32)
    waves = [np.sin(xs / 5.0 + c) + np.cos(ys / (4.0 + c)) for c in range(3)]
    image = np.stack([125.0 + 45.0 * wave for wave in waves], axis=2).astype(np.uint8)
    face = model.mean * iod + (width / 2, height * 0.45, 0.0)
    irises = []
    for outer, inner in ((33, 133), (263, 362)):
        middle = (face[outer] + face[inner]) / 2
        irises += [
            middle + np.array(step) * 0.065 * iod for step in ((0, 0, 0), (1, 0, 0), (0, -1, 0), (-1, 0, 0), (0, 1, 0))
        ]
    landmarks = np.concatenate([face, irises]).astype(np.float32)
    box = np.concatenate([landmarks[:, :2].min(axis=0), landmarks[:, :2].max(axis=0)])
    nothing = np.zeros(52, np.float32)
    return Portrait(image, landmarks, np.eye(3, dtype=np.float32), nothing, np.zeros(32, np.float32), box)


@pytest.fixture(scope="session")
def closed(model: FaceModel) -> Portrait:
    return drawn(model)


@pytest.fixture(scope="session")
def renderer(model: FaceModel) -> MeshRenderer:
    return MeshRenderer(model)


def still(count: int) -> Float:
    return np.zeros(count, np.float32)
