"""Motion and track files come back as they were, and anything else is refused with a message."""

from __future__ import annotations

import pickle
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest

from dreamtalk.errors import UnusableInput, UnusableOutput
from dreamtalk.store import kind_of, load_motion, load_track, save_motion, save_track
from dreamtalk.types import FaceTrack, Motion


def a_motion(frames: int = 3) -> Motion:
    rng = np.random.default_rng(0)
    sizes = {"expression": 64, "rotation": 3, "translation": 3, "gaze": 4}
    return Motion(**{name: rng.normal(size=(frames, size)).astype(np.float32) for name, size in sizes.items()})


def a_track(frames: int = 3) -> FaceTrack:
    rng = np.random.default_rng(0)
    shapes = {"landmarks": (478, 3), "expression": (64,), "pose": (6,), "gaze": (4,), "blendshapes": (52,)}
    arrays = {name: rng.normal(size=(frames, *shape)).astype(np.float32) for name, shape in shapes.items()}
    return FaceTrack(**arrays, valid=np.ones(frames, np.bool_), fps=25.0, face_space="mesh64")


def same(a: Motion | FaceTrack, b: Motion | FaceTrack) -> bool:
    return all(np.array_equal(getattr(a, field.name), getattr(b, field.name)) for field in fields(a))


def test_a_motion_comes_back(tmp_path: Path) -> None:
    save_motion(tmp_path / "a.npz", a_motion())
    assert same(load_motion(tmp_path / "a.npz"), a_motion())
    assert kind_of(tmp_path / "a.npz") == "motion"


def test_a_tongue_comes_back_and_is_checked(tmp_path: Path) -> None:
    raised = replace(a_motion(), tongue=np.array([0.0, 0.5, 1.0], np.float32))
    save_motion(tmp_path / "a.npz", raised)
    assert same(load_motion(tmp_path / "a.npz"), raised)
    save_motion(tmp_path / "b.npz", replace(raised, tongue=np.array([0.0, 0.5, 1.5], np.float32)))
    with pytest.raises(UnusableInput, match="tongue"):
        load_motion(tmp_path / "b.npz")


def test_a_track_comes_back(tmp_path: Path) -> None:
    save_track(tmp_path / "a.npz", a_track())
    assert same(load_track(tmp_path / "a.npz"), a_track())
    assert kind_of(tmp_path / "a.npz") == "track"


def test_names_in_the_file_are_those_of_the_design(tmp_path: Path) -> None:
    save_motion(tmp_path / "a.npz", a_motion())
    with np.load(tmp_path / "a.npz", allow_pickle=False) as stored:
        assert set(stored.files) == {"expression", "rotation", "translation", "gaze", "fps", "face_space"}


def test_other_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "text.npz").write_text("not a zip")
    (tmp_path / "empty.npz").touch()
    (tmp_path / "pickle.npz").write_bytes(pickle.dumps([1, 2]))
    np.savez(tmp_path / "other.npz", a=np.zeros(3))
    with (tmp_path / "array.npz").open("wb") as file:
        np.save(file, np.zeros(3))
    save_track(tmp_path / "track.npz", a_track())
    for name in ("text", "empty", "pickle", "other", "array", "track", "missing"):
        with pytest.raises(UnusableInput):
            load_motion(tmp_path / f"{name}.npz")


@pytest.mark.parametrize(
    "bad",
    [
        {"rotation": np.zeros((2, 3), np.float32)},
        {"gaze": np.zeros((3, 2), np.float32)},
        {"expression": np.full((3, 64), np.nan, np.float32)},
        {"translation": np.array([["a", "b", "c"]] * 3)},
        {"expression": np.zeros((0, 64), np.float32)},
    ],
)
def test_arrays_that_do_not_fit_are_refused(tmp_path: Path, bad: dict[str, np.ndarray]) -> None:
    save_motion(tmp_path / "a.npz", replace(a_motion(), **bad))
    with pytest.raises(UnusableInput):
        load_motion(tmp_path / "a.npz")


def test_unusable_places_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UnusableOutput):
        save_motion(tmp_path / "a.txt", a_motion())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"expression": np.zeros((3, 10), np.float32)},
        {"expression": np.full((3, 64), 1e6, np.float32)},
        {"fps": np.array([25.0, 25.0])},
        {"fps": "abc"},
        {"fps": 30.0},
        {"fps": float("nan")},
    ],
)
def test_motions_of_no_face_or_another_rate_are_refused(tmp_path: Path, wrong: dict[str, object]) -> None:
    motion = a_motion()
    arrays = {field.name: getattr(motion, field.name) for field in fields(motion)} | wrong
    np.savez(tmp_path / "m.npz", **{name: value for name, value in arrays.items() if value is not None})
    with pytest.raises(UnusableInput, match=r"m\.npz"):
        load_motion(tmp_path / "m.npz")


def test_a_track_that_never_saw_a_face_is_refused(tmp_path: Path) -> None:
    save_track(tmp_path / "t.npz", replace(a_track(), valid=np.zeros(3, np.bool_)))
    with pytest.raises(UnusableInput, match="no frame"):
        load_track(tmp_path / "t.npz")
