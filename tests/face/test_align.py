"""Pose comes out of landmarks and leaves the expression alone."""

from __future__ import annotations

import numpy as np
import pytest

from dreamtalk.face.align import STABLE, align, canonical_face, interocular, pose_of, to_face_frame
from dreamtalk.face.arkit import weights
from dreamtalk.face.model import FaceModel
from dreamtalk.face.pose import rotation_from_euler
from dreamtalk.types import Float

ANGLES = np.radians([[0, 0, 0], [15, 0, 0], [0, -25, 0], [0, 0, 30], [-8, 12, -20]]).astype(np.float32)


@pytest.fixture(scope="module")
def model() -> FaceModel:
    return FaceModel.load()


def posed(face: Float, angles: Float, size: float = 90.0) -> Float:
    """Landmarks px of a face in the face frame, turned by each of the angles (T, 3) and put somewhere in a picture."""
    turned = [size * face @ rotation_from_euler(a).T + [200.0, 150.0 + 10 * t, 3.0] for t, a in enumerate(angles)]
    return np.array(turned, dtype=np.float32)


def test_a_turned_face_is_turned_back(model: FaceModel) -> None:
    aligned, _ = align(posed(model.mean, ANGLES), model.mean)
    assert np.abs(aligned - model.mean).max() < 1e-5


def test_the_angles_come_back(model: FaceModel) -> None:
    _, similarity = align(posed(model.mean, ANGLES), model.mean)
    assert np.abs(pose_of(similarity)[:, :3] - ANGLES).max() < 1e-4


def test_nearer_means_larger_and_negative_z(model: FaceModel) -> None:
    landmarks = np.concatenate([posed(model.mean, ANGLES[:1], size) for size in (90.0, 90.0, 100.0)])
    z = pose_of(align(landmarks, model.mean)[1])[:, 5]
    assert z[0] == pytest.approx(0, abs=1e-4)
    assert z[2] < -0.5


def test_a_mirrored_face_is_not_mistaken_for_a_turned_one(model: FaceModel) -> None:
    _, similarity = align(posed(model.mean * [-1, 1, 1], ANGLES[:1]), model.mean)
    assert np.linalg.det(similarity.rotation[0]) == pytest.approx(1, abs=1e-4)


def test_talking_does_not_turn_the_head(model: FaceModel) -> None:
    speaking = model.mean + model.displacement(model.from_arkit(weights(jawOpen=0.5, mouthSmile=0.5)))
    _, similarity = align(posed(speaking, ANGLES[:1]), model.mean)
    assert np.degrees(np.abs(pose_of(similarity)[0, :3])).max() < 0.5


def test_the_face_frame_has_its_origin_unit_and_axes(model: FaceModel) -> None:
    face = to_face_frame(posed(model.mean, ANGLES[4:])[0], canonical_face())
    assert np.abs(face[STABLE].mean(axis=0)).max() < 1e-5
    assert interocular(face) == pytest.approx(1, abs=1e-5)
    assert face[263, 0] > face[33, 0]  # the person's left is on the picture's right
    assert face[152, 1] > face[10, 1]  # the chin is below the forehead
    assert face[4, 2] < face[234, 2]  # the nose is nearer than the ear
