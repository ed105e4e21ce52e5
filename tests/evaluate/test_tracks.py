"""Tracks come from a folder, else from the cache, else from the video."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dreamtalk.errors import FaceNotFound, UnusableInput
from dreamtalk.evaluate import tracks
from dreamtalk.evaluate.clips import first_frame_neutral
from dreamtalk.evaluate.tracks import Track, load_track
from dreamtalk.face.align import align, canonical_face
from dreamtalk.face.measures import aperture
from dreamtalk.face.model import FaceModel
from dreamtalk.media import read_image, write_video
from dreamtalk.types import Image


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's cache, for the test alone."""
    folder = tmp_path / "cache"
    monkeypatch.setattr(tracks.platformdirs, "user_cache_dir", lambda name: str(folder / name))
    return folder


@pytest.fixture
def video(tmp_path: Path, examples: Path) -> Path:
    """Grey, then three frames of the example portrait, then grey."""
    face: Image = read_image(examples / "portrait.jpg")[::2, ::2]
    face = np.ascontiguousarray(face[: len(face) // 2 * 2, : face.shape[1] // 2 * 2])
    grey = np.full_like(face, 128)
    write_video(tmp_path / "clip.mp4", iter([grey, face, face, face, grey]), None)
    return tmp_path / "clip.mp4"


def test_a_video_is_tracked_once(video: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = load_track(video, None)
    assert first.valid.tolist() == [False, True, True, True, False]
    assert first.landmarks.shape == (5, 478, 3) and first.blendshapes.shape == (5, 52)
    assert np.array_equal(first.landmarks[0], first.landmarks[1]), "the nearest frame with a face stands in"
    assert [file.suffix for file in cache.rglob("*") if file.is_file()] == [".npz"]
    monkeypatch.setattr(tracks, "_track", lambda video: pytest.fail("tracked again"))
    assert np.array_equal(load_track(video, None).landmarks, first.landmarks)


def test_a_ready_track_goes_before(video: Path, tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    ready.mkdir()
    np.savez(
        ready / "clip.npz",
        landmarks=np.ones((2, 478, 3), dtype=np.float32),
        blendshapes=np.zeros((2, 52), dtype=np.float32),
        valid=np.ones(2, dtype=np.bool_),
    )
    assert len(load_track(video, ready).valid) == 2


def test_a_video_without_a_face_is_named(tmp_path: Path) -> None:
    write_video(tmp_path / "grey.mp4", iter([np.full((64, 64, 3), 128, dtype=np.uint8)] * 2), None)
    with pytest.raises(FaceNotFound, match=r"grey\.mp4"):
        load_track(tmp_path / "grey.mp4", None)


def test_a_missing_video_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnusableInput, match=r"gone\.mp4"):
        load_track(tmp_path / "gone.mp4", None)


def test_the_first_frame_gives_a_closed_mouth_in_the_speakers_frame() -> None:
    face = FaceModel.load()
    neutral = np.concatenate([canonical_face(), np.zeros((10, 3), dtype=np.float32)])
    tilted = 200 * neutral @ np.array([[0.995, -0.0998, 0], [0.0998, 0.995, 0], [0, 0, 1]], dtype=np.float32)
    track = Track(tilted[None], np.zeros((1, 52), dtype=np.float32), np.ones(1, dtype=np.bool_))
    guessed = first_frame_neutral(track, neutral, face)
    assert np.abs(align(guessed[None], neutral)[0][0] - guessed).max() < 1e-4, "already in that frame"
    assert aperture(neutral) > 5 and aperture(guessed) < 2, "the canonical face has parted lips"
