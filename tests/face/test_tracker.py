"""The tracker against MediaPipe's own numbers (tests/face/oracle.py), and what users show it."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from tests.face.oracle import STORED, pictures

from dreamtalk.errors import FaceNotFound
from dreamtalk.face import FaceTracker
from dreamtalk.face.pose import euler_of, rotation_from_euler, rotation_of


@pytest.fixture(scope="module")
def tracker() -> FaceTracker:
    return FaceTracker.load()


@pytest.fixture(scope="module")
def portrait(examples: Path) -> np.ndarray:
    return np.asarray(cv2.cvtColor(cv2.imread(str(examples / "portrait.jpg")), cv2.COLOR_BGR2RGB), dtype=np.uint8)


def _angle(one: np.ndarray, other: np.ndarray) -> float:
    cosine = (np.trace(rotation_of(one) @ rotation_of(other).T) - 1) / 2
    return float(np.degrees(np.arccos(np.clip(cosine, -1, 1))))


@pytest.mark.parametrize("name", list(pictures()))
def test_agrees_with_mediapipe(tracker: FaceTracker, name: str) -> None:
    face = tracker.track_image(pictures()[name])
    with np.load(STORED) as stored:
        landmarks, scores, matrix = (stored[f"{name}/{part}"] for part in ("landmarks", "blendshapes", "matrix"))
    off = np.linalg.norm(face.landmarks[:, :2] - landmarks[:, :2], axis=1)
    assert off.mean() < 0.1 and off.max() < 0.5  # px
    assert np.abs(face.landmarks[:, 2] - landmarks[:, 2]).mean() < 0.1
    assert np.abs(face.blendshapes - scores).max() < 0.02
    assert _angle(face.matrix, matrix) < 0.1  # degrees


def test_a_video_is_tracked_picture_by_picture(tracker: FaceTracker) -> None:
    frames = [picture for name, picture in pictures().items() if name.startswith("clip")]
    tracked = list(tracker.track_frames(frames))
    for frame, face in zip(frames, tracked, strict=True):
        assert face is not None
        np.testing.assert_array_equal(face.landmarks, tracker.track_image(frame).landmarks)


def test_a_lost_face_is_none_and_is_found_again(tracker: FaceTracker, portrait: np.ndarray) -> None:
    blank = np.full_like(portrait, 127)
    seen = [face is not None for face in tracker.track_frames([portrait, blank, portrait])]
    assert seen == [True, False, True]


def test_very_small_faces_are_found_by_looking_closer(tracker: FaceTracker, portrait: np.ndarray) -> None:
    canvas = np.full((1600, 1600, 3), 90, np.uint8)
    canvas[900:1156, 200:456] = cv2.resize(portrait, (256, 256), interpolation=cv2.INTER_AREA)
    x0, y0, x1, y1 = tracker.track_image(canvas).box
    assert 200 < x0 < x1 < 456 and 900 < y0 < y1 < 1156 and x1 - x0 < 60


def test_several_faces_come_largest_first(tracker: FaceTracker, portrait: np.ndarray) -> None:
    small = cv2.resize(portrait, (300, 300), interpolation=cv2.INTER_AREA)
    both = np.full((512, 820, 3), 90, np.uint8)
    both[100:400, :300], both[:, 300:812] = small, portrait
    first, second = (tracker.track_image(both, face=number) for number in (0, 1))
    assert first.box[0] > 300 > second.box[2]
    with pytest.raises(FaceNotFound, match="2 face"):
        tracker.track_image(both, face=2)


def test_no_face_is_said_plainly(tracker: FaceTracker) -> None:
    with pytest.raises(FaceNotFound, match="No face"):
        tracker.track_image(np.full((300, 400, 3), 127, np.uint8))


def test_angles_make_the_rotation_they_came_from() -> None:
    angles = np.array([0.2, -0.4, 0.6], np.float32)
    np.testing.assert_allclose(euler_of(rotation_from_euler(angles)), angles, atol=1e-5)
