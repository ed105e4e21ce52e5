"""Coefficient files of the official release, and the 73 numbers per frame."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dreamtalk.errors import UnusableInput
from dreamtalk.face.bfm64 import STILL_POSE, numbers_of, posed, read_pose, read_style
from dreamtalk.store import load_motion, save_motion
from dreamtalk.types import Float, Motion

ROW = np.arange(257, dtype=np.float32)
COEFF = ROW + 0.5 * np.arange(30, dtype=np.float32)[:, None]  # column number, plus half the frame number
TRANSFORM = np.tile(np.array([256, 256, 1.1, 120, 130], np.float32), (30, 1))


def write(path: Path, **matrices: Any) -> Path:
    pytest.importorskip("scipy.io").savemat(path, matrices)
    return path


def expression(frames: int) -> Float:
    return np.random.default_rng(0).standard_normal((frames, 64)).astype(np.float32)


def test_style_and_pose_come_from_their_columns(tmp_path: Path) -> None:
    file = write(tmp_path / "m.mat", coeff=COEFF, transform_params=TRANSFORM)
    style, pose = read_style(file), read_pose(file)
    assert style.shape == (30, 64) and style[0, 0] == 80 and style[2, 63] == 144
    assert pose.shape == (30, 9)
    np.testing.assert_allclose(pose[4], [226, 227, 228, 256, 257, 258, 1.1, 120, 130], rtol=1e-6)


def test_a_style_may_be_a_table_of_text(tmp_path: Path) -> None:
    np.savetxt(tmp_path / "s.txt", expression(5))
    np.testing.assert_allclose(read_style(tmp_path / "s.txt"), expression(5), rtol=1e-5)


def test_motion_is_73_numbers_and_survives_a_file(tmp_path: Path) -> None:
    pose = np.random.default_rng(1).standard_normal((40, 9)).astype(np.float32)
    motion = posed(expression(40), pose)
    numbers = numbers_of(motion)
    assert numbers.shape == (40, 73)
    np.testing.assert_array_equal(numbers[:, :64], expression(40))
    np.testing.assert_array_equal(numbers[:, 64:], pose)
    save_motion(tmp_path / "m.npz", motion)
    np.testing.assert_array_equal(numbers_of(load_motion(tmp_path / "m.npz")), numbers)
    np.testing.assert_array_equal(read_pose(tmp_path / "m.npz"), pose)
    np.testing.assert_array_equal(read_style(tmp_path / "m.npz"), motion.expression)


@pytest.mark.parametrize("frames", [1, 2, 3, 200])
def test_a_pose_of_any_length_fits_without_jumps(frames: int) -> None:
    pose = np.cumsum(np.full((frames, 9), 0.1, np.float32), axis=0)
    numbers = numbers_of(posed(expression(90), pose))[:, 64:]
    assert np.abs(np.diff(numbers, axis=0)).max() <= 0.1 + 1e-5
    np.testing.assert_array_equal(numbers[: min(frames, 90)], pose[:90])


def test_chunks_of_a_pose_equal_the_whole() -> None:
    pose = np.random.default_rng(1).standard_normal((7, 9)).astype(np.float32)
    whole = numbers_of(posed(expression(50), pose))
    np.testing.assert_array_equal(numbers_of(posed(expression(50)[20:], pose, start=20)), whole[20:])


def test_without_a_pose_the_head_is_still() -> None:
    np.testing.assert_array_equal(numbers_of(posed(expression(3)))[:, 64:], np.tile(STILL_POSE, (3, 1)))


def test_motions_of_another_face_space_are_refused(tmp_path: Path) -> None:
    zeros = np.zeros((4, 3), np.float32)
    motion = Motion(expression(4), zeros, zeros, np.zeros((4, 4), np.float32))
    with pytest.raises(UnusableInput, match="mesh64"):
        numbers_of(motion)
    save_motion(tmp_path / "m.npz", motion)
    with pytest.raises(UnusableInput, match="mesh64"):
        read_style(tmp_path / "m.npz")


@pytest.mark.parametrize(
    ("matrices", "message"),
    [
        ({"other": COEFF}, "no 'coeff'"),
        ({"coeff": COEFF[:, :100]}, "100 columns"),
        ({"coeff": COEFF[:0]}, "shape|numbers"),
        ({"coeff": COEFF * np.nan, "transform_params": TRANSFORM}, "no coefficients"),
        ({"coeff": COEFF, "transform_params": TRANSFORM[:9]}, "does not go with"),
        ({"coeff": COEFF}, "no 'transform_params'"),
    ],
)
def test_unusable_coefficient_files_say_why(matrices: dict[str, Any], message: str, tmp_path: Path) -> None:
    file = write(tmp_path / "x.mat", **matrices)
    with pytest.raises(UnusableInput, match=message):
        read_style(file)
        read_pose(file)


def test_text_that_is_no_table_is_refused(tmp_path: Path) -> None:
    (tmp_path / "s.txt").write_text("surprised")
    with pytest.raises(UnusableInput, match=r"s\.txt"):
        read_style(tmp_path / "s.txt")
