"""Coefficient files of official models, out and in."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dreamtalk.convert.coefficients import read_coefficients, write_coefficients
from dreamtalk.convert.matlab import read_matlab
from dreamtalk.errors import UnusableInput
from dreamtalk.face.bfm64 import STILL_POSE, numbers_of, posed, read_pose, read_style
from dreamtalk.types import Motion

RNG = np.random.default_rng(0)
MOTION = posed(RNG.normal(size=(12, 64)).astype(np.float32), RNG.normal(size=(12, 9)).astype(np.float32))


@pytest.mark.parametrize("name", ["x.mat", "x.npy"])
def test_what_is_written_is_read(name: str, tmp_path: Path) -> None:
    write_coefficients(tmp_path / name, MOTION)
    np.testing.assert_array_equal(numbers_of(read_coefficients(tmp_path / name)), numbers_of(MOTION))


@pytest.mark.parametrize("name", ["x.mat", "x.npy"])
def test_a_file_serves_as_style_and_pose(name: str, tmp_path: Path) -> None:
    write_coefficients(tmp_path / name, MOTION)
    np.testing.assert_array_equal(read_style(tmp_path / name), MOTION.expression)
    np.testing.assert_array_equal(read_pose(tmp_path / name), numbers_of(MOTION)[:, 64:])


def test_expressions_alone_are_no_pose(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", MOTION.expression)
    with pytest.raises(UnusableInput, match="no pose"):
        read_pose(tmp_path / "x.npy")


def test_scipy_reads_the_mat_file(tmp_path: Path) -> None:
    scipy_io = pytest.importorskip("scipy.io")
    write_coefficients(tmp_path / "x.mat", MOTION)
    found = scipy_io.loadmat(tmp_path / "x.mat")
    assert found["coeff"].shape == (12, 257) and found["transform_params"].shape == (12, 5)
    np.testing.assert_array_equal(found["coeff"][:, 80:144], MOTION.expression)
    np.testing.assert_array_equal(found["coeff"], read_matlab(tmp_path / "x.mat", ("coeff",))["coeff"])


def test_an_expression_alone_gets_a_still_head(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", MOTION.expression)
    found = numbers_of(read_coefficients(tmp_path / "x.npy"))
    np.testing.assert_array_equal(found[:, 64:], np.tile(STILL_POSE, (12, 1)))


def test_a_mat_file_without_a_pose_gets_a_still_head(tmp_path: Path) -> None:
    scipy_io = pytest.importorskip("scipy.io")
    scipy_io.savemat(tmp_path / "x.mat", {"coeff": np.tile(np.arange(144.0), (5, 1))})
    found = numbers_of(read_coefficients(tmp_path / "x.mat"))
    np.testing.assert_array_equal(found[0, :64], np.arange(80, 144))
    np.testing.assert_array_equal(found[:, 64:], np.tile(STILL_POSE, (5, 1)))


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((3, 70)), "rows of 70"),
        (np.zeros(64), "one row of numbers per frame"),
        (np.full((3, 73), np.nan), "no coefficients"),
        (np.zeros((0, 73)), "rows of 73 are needed"),
        (np.array(["a"]), "one row of numbers per frame"),
        (np.array([{}]), "not an .npy file of numbers"),
    ],
)
def test_other_arrays_are_refused(array: np.ndarray, message: str, tmp_path: Path) -> None:  # type: ignore[type-arg]
    np.save(tmp_path / "x.npy", array, allow_pickle=True)
    with pytest.raises(UnusableInput, match=message):
        read_coefficients(tmp_path / "x.npy")


def test_our_own_face_space_does_not_fit(tmp_path: Path) -> None:
    ours = Motion(*(np.zeros((2, n), np.float32) for n in (64, 3, 3, 4)))
    for name in ("x.mat", "x.npy"):
        with pytest.raises(UnusableInput, match="mesh64"):
            write_coefficients(tmp_path / name, ours)
    assert not list(tmp_path.iterdir())
