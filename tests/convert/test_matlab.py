"""MATLAB files as scipy writes them, and files that are none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dreamtalk.convert.matlab import read_matlab
from dreamtalk.errors import UnusableInput

scipy_io = pytest.importorskip("scipy.io")
VALUES = np.random.default_rng(0).standard_normal((7, 257)) * 100


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("kind", ["f4", "f8", "i2", "u1"])
def test_matrices_come_out_as_scipy_wrote_them(kind: str, compressed: bool, tmp_path: Path) -> None:
    stored = {"coeff": np.abs(VALUES).clip(0, 255).astype(kind), "one": np.array([[3]], kind), "name": "not a number"}
    scipy_io.savemat(tmp_path / "x.mat", stored | {"more": {"coeff": 1}}, do_compression=compressed)
    found = read_matlab(tmp_path / "x.mat", ("coeff", "one", "absent"))
    assert set(found) == {"coeff", "one"}
    np.testing.assert_array_equal(found["coeff"], stored["coeff"])
    assert found["one"].tolist() == [[3]]


def whole() -> dict[str, Any]:
    return {"coeff": VALUES}


@pytest.mark.parametrize("cut", [100, 140, 2000, -9])
def test_a_cut_off_file_is_refused(cut: int, tmp_path: Path) -> None:
    scipy_io.savemat(tmp_path / "x.mat", whole(), do_compression=True)
    (tmp_path / "cut.mat").write_bytes((tmp_path / "x.mat").read_bytes()[:cut])
    with pytest.raises(UnusableInput, match=r"cut\.mat"):
        read_matlab(tmp_path / "cut.mat", ("coeff",))


@pytest.mark.parametrize("seed", range(20))
def test_a_damaged_file_gives_a_message_or_numbers(seed: int, tmp_path: Path) -> None:
    scipy_io.savemat(tmp_path / "x.mat", whole(), do_compression=seed % 2 == 0)
    content = bytearray((tmp_path / "x.mat").read_bytes())
    rng = np.random.default_rng(seed)
    for place in rng.integers(124, 250, 12):
        content[place] = rng.integers(256)
    (tmp_path / "x.mat").write_bytes(content)
    try:
        read_matlab(tmp_path / "x.mat", ("coeff",))
    except UnusableInput as error:
        assert "x.mat" in str(error)


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"MATLAB 7.3 MAT-file" + bytes(200), "-v7"), (b"hello" * 50, "not a MATLAB file"), (b"", "empty")],
)
def test_other_files_are_refused(content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "x.mat").write_bytes(content)
    with pytest.raises(UnusableInput, match=message):
        read_matlab(tmp_path / "x.mat", ("coeff",))
