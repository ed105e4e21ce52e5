"""Tracks in arrays: gaps are filled from the nearest frame, files come back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dreamtalk.errors import FaceNotFound
from dreamtalk.face import TrackedFace
from dreamtalk.face.raw import RawTrack, stack_faces


def _face(value: float) -> TrackedFace:
    return TrackedFace(
        landmarks=np.full((478, 3), value, np.float32),
        blendshapes=np.full(52, value, np.float32),
        matrix=np.eye(4, dtype=np.float32),
        score=1.0,
    )


def test_gaps_take_the_nearest_frame_with_a_face() -> None:
    track = stack_faces([None, _face(1), None, None, None, _face(5), None])
    assert np.isnan(track.landmarks[0]).all()
    filled = track.filled("clip.mp4")
    assert filled.landmarks[:, 0, 0].tolist() == [1, 1, 1, 1, 5, 5, 5]
    assert filled.valid.tolist() == [False, True, False, False, False, True, False]


@pytest.mark.parametrize("faces", [[], [None, None]])
def test_no_face_at_all_is_said_with_the_name(faces: list[None]) -> None:
    with pytest.raises(FaceNotFound, match=r"clip\.mp4"):
        stack_faces(faces).filled("clip.mp4")


def test_a_written_track_comes_back_and_leaves_nothing_else(tmp_path: Path) -> None:
    track = stack_faces([_face(1), None])
    track.write(tmp_path / "new" / "clip.npz")
    read = RawTrack.read(tmp_path / "new" / "clip.npz")
    np.testing.assert_array_equal(read.landmarks, track.landmarks)
    assert [file.name for file in (tmp_path / "new").iterdir()] == ["clip.npz"]
