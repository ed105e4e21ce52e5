"""M-LMD and F-LMD on faces whose distance is known."""

from __future__ import annotations

import numpy as np
import pytest

from dreamtalk.evaluate.metrics.landmark_distance import FACE_68, MOUTH_20, landmark_distance
from dreamtalk.face.align import canonical_face


def test_a_moved_face_is_equal_once_the_mean_is_removed() -> None:
    face = np.tile(canonical_face()[None, list(FACE_68), :2], (4, 1, 1))
    moved = face + np.array([3.0, 4.0], np.float32)
    assert landmark_distance(moved, face, centred=False) == pytest.approx(5.0, rel=1e-5)
    assert landmark_distance(moved, face, centred=True) == pytest.approx(0.0, abs=1e-5)


def test_one_point_of_twenty_counts_a_twentieth() -> None:
    face = np.zeros((1, 20, 2), np.float32)
    other = face.copy()
    other[0, 3, 0] = 2.0
    assert landmark_distance(other, face, centred=False) == pytest.approx(0.1)


def test_the_points_are_the_schemes() -> None:
    """Order of the 68 landmarks: jaw from the right ear, brows, nose, eyes, mouth from its right corner."""
    assert len(FACE_68) == len(set(FACE_68)) == 68
    assert FACE_68[48:] == MOUTH_20
    points = canonical_face()[list(FACE_68), :2]
    assert (np.diff(points[:17, 0]) > 0).all()  # along the jaw to the picture's right
    assert points[8, 1] == points[:, 1].max()  # the chin is lowest
    assert (np.diff(points[17:27, 0]) > 0).all()
    assert points[48, 0] < points[54, 0] and points[62, 1] < points[57, 1]
    assert points[36:42, 0].max() < points[42:48, 0].min()
