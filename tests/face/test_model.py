"""mesh64: what its dimensions move, what it can express, and that it reads back what it wrote."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dreamtalk.errors import UnusableInput
from dreamtalk.face.align import ALL_POINTS, FACE_POINTS, align
from dreamtalk.face.arkit import ARKIT, ARKIT_INDEX, weights
from dreamtalk.face.measures import (
    BROWS,
    EYES,
    LIPS,
    LOWER_LID_LEFT,
    LOWER_LID_RIGHT,
    UPPER_LID_LEFT,
    UPPER_LID_RIGHT,
    aperture,
    eye_opening,
)
from dreamtalk.face.model import FaceModel
from dreamtalk.face.tracker import FaceTracker
from dreamtalk.types import Float

TALKSET = Path(__file__).parents[3] / "shared" / "talkset"


@pytest.fixture(scope="module")
def model() -> FaceModel:
    return FaceModel.load()


def person_with_irises(model: FaceModel) -> Float:
    """The mean face (478, 3) with irises in the middle of the eyes."""
    neutral = np.zeros((ALL_POINTS, 3), dtype=np.float32)
    neutral[:FACE_POINTS] = model.mean
    neutral[FACE_POINTS : FACE_POINTS + 5] = model.mean[[33, 133]].mean(axis=0)
    neutral[FACE_POINTS + 5 :] = model.mean[[263, 362]].mean(axis=0)
    return neutral


def test_the_shipped_model_has_the_agreed_size(model: FaceModel) -> None:
    assert model.mean.shape == (468, 3)
    assert model.identity_basis.shape == (32, 468, 3)
    assert model.expression_basis.shape == (64, 468, 3)
    assert model.lower == tuple(range(40))
    assert model.upper == tuple(range(40, 64))


def test_lower_dimensions_leave_brows_and_lids_alone_and_upper_ones_the_lips(model: FaceModel) -> None:
    basis = np.abs(model.expression_basis)
    assert basis[:40][:, [*EYES, *BROWS]].max() == 0
    assert basis[40:][:, list(LIPS)].max() == 0


def test_dimensions_of_a_block_are_independent_in_the_metric_of_the_fit(model: FaceModel) -> None:
    weighted = (model.expression_basis * model.point_weights).reshape(64, -1)
    for block in (weighted[:40], weighted[40:]):
        assert np.abs(block @ block.T - np.eye(len(block))).max() < 1e-3


def test_fit_reads_back_expression_pose_and_gaze(model: FaceModel) -> None:
    rng = np.random.default_rng(0)
    neutral = person_with_irises(model)
    expression = (rng.normal(size=(6, 64)) * model.expression_std * 0.5).astype(np.float32)
    faces = np.repeat(neutral[None], 6, axis=0)
    faces[:, :FACE_POINTS] += model.displacement(expression)
    faces[3:, FACE_POINTS:, 0] += 0.02  # both irises to the picture's right, 2 % iod
    stretched = 120 * faces + [300, 200, 0]
    fitted, pose, gaze = model.fit(stretched.astype(np.float32), neutral)
    still = align(faces, neutral)[0]  # what is left of the expression once the stable points are put in place
    expected = model.expression_of(still[:, :FACE_POINTS] - model.mean)
    assert np.abs(fitted - expected).max() < 1e-3
    assert np.abs(model.displacement(fitted) - model.displacement(expression))[:, list(LIPS)].max() < 0.03
    assert pose.shape == (6, 6)
    assert (gaze[3:, [0, 2]] - gaze[:3, [0, 2]]).mean() == pytest.approx(0.02, abs=0.006)


def test_fit_refuses_landmarks_without_irises(model: FaceModel) -> None:
    with pytest.raises(UnusableInput, match="478"):
        model.fit(np.zeros((3, 468, 3), np.float32), person_with_irises(model))


def test_a_full_blink_shuts_the_lids_everywhere(model: FaceModel) -> None:
    face = model.mean + model.displacement(model.from_arkit(weights(eyeBlink=1)))
    for upper, lower in ((UPPER_LID_RIGHT, LOWER_LID_RIGHT), (UPPER_LID_LEFT, LOWER_LID_LEFT)):
        assert np.abs(face[list(lower), 1] - face[list(upper), 1]).max() < 0.012  # iod
    assert np.abs(eye_opening(face)).max() < 0.5  # % iod


def test_lid_closure_runs_from_open_to_shut_on_the_right_side(model: FaceModel) -> None:
    assert model.lid_closure(np.zeros(64, np.float32)) == pytest.approx([0, 0])
    assert model.lid_closure(model.from_arkit(weights(eyeBlink=1))) == pytest.approx([1, 1])
    assert model.lid_closure(model.from_arkit(weights(eyeBlinkLeft=1))) == pytest.approx([0, 1], abs=0.05)
    half = model.lid_closure(model.from_arkit(weights(eyeBlink=0.4)))
    assert ((half > 0.3) & (half < 0.7)).all()


@pytest.mark.parametrize("action", ["mouthSmile", "mouthPucker", "mouthPress", "mouthRollLower", "mouthRollUpper"])
def test_lips_do_not_pass_through_each_other(model: FaceModel, action: str) -> None:
    assert aperture(model.mean + model.displacement(model.from_arkit(weights(**{action: 1})))) > -0.6  # % iod


READABLE = [name for name in ARKIT if "Look" not in name and name != "tongueOut"]


def test_arkit_weights_are_read_back(model: FaceModel) -> None:
    written = np.zeros((len(READABLE), 52), dtype=np.float32)
    written[np.arange(len(READABLE)), [ARKIT_INDEX[name] for name in READABLE]] = 1
    read = model.to_arkit(model.from_arkit(written))
    found = [name for row, name in zip(read, READABLE, strict=True) if ARKIT[int(row.argmax())] == name]
    assert len(found) >= len(READABLE) - 4
    assert {"jawOpen", "mouthFunnel", "eyeBlinkLeft", "eyeBlinkRight", "browInnerUp", "browDownLeft"} <= set(found)
    assert read.min() >= 0
    assert read.max() <= 1


def test_identity_is_read_back(model: FaceModel) -> None:
    identity = (np.random.default_rng(4).normal(size=32) * model.identity_std).astype(np.float32)
    read = model.identity(model.face(identity, np.zeros(64, np.float32)))
    assert np.abs(read - identity).max() < 0.1 * model.identity_std.max()


@pytest.mark.skipif(not TALKSET.is_dir(), reason="../shared/talkset is absent")
@pytest.mark.parametrize("clip", ["style/mead-M030-happy-3", "style/mead-M030-surprised-3", "style/mead-M030-angry-3"])
def test_an_emotional_face_it_never_saw_is_expressed(model: FaceModel, clip: str) -> None:
    """The goals of the face model: 0.995 of the lip variance, 0.97 of that of eyes and brows."""
    import av

    with av.open(str(TALKSET / f"{clip}.mp4")) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)][::4]
    tracked = [face.landmarks for face in FaceTracker.load().track_frames(frames) if face is not None]
    landmarks = np.stack(tracked)
    aligned, _ = align(landmarks, model.neutral(landmarks))
    moved = aligned[:, :FACE_POINTS] - aligned[:, :FACE_POINTS].mean(axis=0)
    lost = moved - model.displacement(model.expression_of(moved))
    for points, goal in ((LIPS, 0.995), (EYES, 0.97), (BROWS, 0.97)):
        share = 1 - (lost[:, list(points), :2] ** 2).sum() / (moved[:, list(points), :2] ** 2).sum()
        assert share >= goal
