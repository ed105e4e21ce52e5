"""Frames tracked again: curves, agreement, errors and the witness of the brows."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from dreamtalk.evaluate.retrack import (
    REGIONS,
    agreement,
    brow_shift,
    drawn_curves,
    landmark_errors,
    meant_curves,
    seen_curves,
    track_again,
)
from dreamtalk.face import FaceModel, FaceTracker
from dreamtalk.face.arkit import weights
from dreamtalk.face.measures import BROW_LEFT, BROW_RIGHT, EYES
from dreamtalk.face.tracker import rotation_of
from dreamtalk.types import Float


@pytest.fixture(scope="module")
def face() -> FaceModel:
    return FaceModel.load()


@pytest.fixture(scope="module")
def rest(face: FaceModel) -> Float:
    """The mean face (478, 3) with irises, 100 px between its outer eye corners."""
    irises = np.repeat([face.mean[[33, 133]].mean(axis=0), face.mean[[263, 362]].mean(axis=0)], 5, axis=0)
    return (np.concatenate([face.mean, irises]) * 100.0 + (200.0, 220.0, 0.0)).astype(np.float32)


def moved(face: FaceModel, rest: Float, expression: Float) -> Float:
    """Landmarks (T, 478, 3) px of that face with expressions (T, 64)."""
    points = np.repeat(rest[None], len(expression), axis=0)
    points[:, :468] += 100.0 * face.displacement(expression)
    return points


def test_curves_of_a_face_that_does_as_it_is_told(face: FaceModel, rest: Float) -> None:
    share = np.linspace(0.0, 1.0, 6, dtype=np.float32)[:, None]
    for actions in ({"jawOpen": 0.5}, {"mouthSmile": 0.8}, {"eyeBlink": 0.8}, {"browInnerUp": 1.0, "browOuterUp": 0.6}):
        expression = share * face.from_arkit(weights(**actions))
        meant, landmarks = meant_curves(face, expression), moved(face, rest, expression)
        drawn, seen = drawn_curves(face, landmarks[:, :468], rest[:468]), seen_curves(face, landmarks, rest)
        for name in ("aperture", "width", "brows"):
            np.testing.assert_allclose(getattr(seen, name), getattr(meant, name), atol=0.3, err_msg=str(actions))
            np.testing.assert_allclose(getattr(drawn, name), getattr(meant, name), atol=0.3, err_msg=str(actions))
        np.testing.assert_allclose(seen.lids, meant.lids, atol=0.06, err_msg=str(actions))


def test_head_motion_is_no_expression(face: FaceModel, rest: Float) -> None:
    matrix = np.eye(4, dtype=np.float32)
    matrix[:3, :3] = cv2.Rodrigues(np.array([0.1, 0.2, -0.1]))[0]
    turned = (rest @ rotation_of(matrix).T * np.float32(1.1) + np.float32(15.0)).astype(np.float32)
    seen = seen_curves(face, turned[None], rest)
    for name in ("aperture", "width", "lids", "brows"):
        assert abs(float(getattr(seen, name)[0])) < 0.02, name


def test_agreement_tells_gain_from_timing() -> None:
    lead = np.sin(np.linspace(0.0, 6.0, 50)).astype(np.float32)
    every = np.ones(50, np.bool_)
    half = agreement(lead, 0.5 * lead + 3.0, every)
    assert half.r == pytest.approx(1.0, abs=1e-5)
    assert half.slope == pytest.approx(0.5, abs=1e-5)
    assert agreement(lead, np.roll(lead, 12), every).r < 0.5
    broken = np.where(np.arange(50) == 7, np.nan, lead).astype(np.float32)
    assert agreement(lead, broken, np.arange(50) != 7).slope == pytest.approx(1.0, abs=1e-5)
    assert np.isnan(agreement(np.zeros(50, np.float32), lead, every).r)


def test_landmark_errors_are_in_percent_of_the_eye_distance(rest: Float) -> None:
    wanted = np.repeat(rest[None], 3, axis=0)
    seen = wanted + np.array([3.0, 4.0, 50.0])  # 5 px in the picture; depth does not count
    iod = float(np.linalg.norm((rest[263] - rest[33])[:2]))
    assert landmark_errors(seen, wanted) == pytest.approx(dict.fromkeys(REGIONS, 500.0 / iod), rel=1e-4)
    seen = wanted.copy()
    seen[1, list(EYES)] += 10.0
    seen[2] = np.nan
    found = landmark_errors(seen, wanted, np.array([True, True, False]))
    assert found["lips"] == found["brows"] == 0.0
    assert found["eyes"] > found["face"] > 0.0
    assert np.isnan(landmark_errors(seen, wanted, np.zeros(3, np.bool_))["lips"])


@pytest.mark.parametrize("angle", [0.0, 20.0])
def test_brows_are_found_where_the_picture_has_them(rest: Float, angle: float) -> None:
    """Dark bars on a lit, noisy forehead: moved by a part of a pixel, in a head that leans."""
    turn = cv2.getRotationMatrix2D((200.0, 200.0), angle, 1.0)
    down = np.array([turn[0, 1], turn[1, 1]], np.float32)
    noise = np.random.default_rng(0).normal(0.0, 4.0, (400, 400, 1))

    def picture(lower: float) -> np.ndarray:
        image = np.full((400, 400, 3), 190.0) + np.linspace(-30.0, 30.0, 400)[:, None, None] + noise
        for brow in (BROW_RIGHT, BROW_LEFT):
            points = rest[list(brow), :2] + (0.0, lower)
            points = points @ turn[:, :2].T + turn[:, 2]
            hull = cv2.convexHull(np.rint(points * 16.0).astype(np.int32))
            cv2.fillConvexPoly(image, hull, (60.0, 50.0, 40.0), cv2.LINE_8, 4)
        return np.clip(cv2.GaussianBlur(image, (0, 0), 1.0), 0.0, 255.0).astype(np.uint8)

    landmarks = rest.copy()
    landmarks[:, :2] = rest[:, :2] @ turn[:, :2].T + turn[:, 2]
    shifts = brow_shift([picture(0.0), picture(2.5), picture(-6.0)], picture(0.0), landmarks, down)
    np.testing.assert_allclose(shifts, [[0.0, 0.0], [2.5, 2.5], [-6.0, -6.0]], atol=0.4)


def test_frames_without_a_face_are_marked() -> None:
    found = track_again([np.full((64, 64, 3), 128, np.uint8)], FaceTracker.load())
    assert not found.valid[0]
    assert np.isnan(found.landmarks).all()
