"""NumPy files of unknown origin: one kind of error, no pickles, no files that unpack without end."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest

from dreamtalk import arrays
from dreamtalk.arrays import read_array, read_arrays
from dreamtalk.errors import UnusableInput


def test_arrays_come_back_by_name(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", one=np.arange(3), two=np.zeros((2, 2)))
    assert read_arrays(tmp_path / "a.npz")["one"].tolist() == [0, 1, 2]
    assert list(read_arrays(tmp_path / "a.npz", names=("two", "three"))) == ["two"]
    np.save(tmp_path / "a.npy", np.eye(2))
    assert np.array_equal(read_array(tmp_path / "a.npy"), np.eye(2))


def test_what_unpacks_to_too_much_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    np.savez_compressed(tmp_path / "bomb.npz", zeros=np.zeros(1_000_000, np.uint8))
    assert (tmp_path / "bomb.npz").stat().st_size < 10_000
    monkeypatch.setattr(arrays, "MAX_BYTES", 500_000)
    with pytest.raises(UnusableInput, match=r"bomb\.npz"):
        read_arrays(tmp_path / "bomb.npz")


@pytest.mark.parametrize("kind", ["pickle", "text", "truncated", "encrypted", "header"])
def test_others_are_refused_in_words(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "odd.npz"
    np.savez_compressed(path, a=np.arange(500) if kind != "pickle" else np.array([{}], dtype=object))
    data = bytearray(path.read_bytes())
    if kind == "text":
        data = bytearray(b"hello")
    elif kind == "truncated":
        data = data[:100]
    elif kind == "encrypted":
        data[data.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(data)
    if kind == "header":
        with zipfile.ZipFile(path, "w") as members:
            members.writestr("a.npy", b"\x93NUMPY\x01\x00\x20\x00{'descr': (((((((((((((((((((((((")
    with pytest.raises(UnusableInput, match=r"odd\.npz is not a motion that can be read"):
        read_arrays(path, "a motion")


def test_one_array_is_not_several(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", one=np.arange(3))
    with pytest.raises(UnusableInput):
        read_array(tmp_path / "a.npz")
    np.save(tmp_path / "a.npy", np.eye(2))
    with pytest.raises(UnusableInput):
        read_arrays(tmp_path / "a.npy")
