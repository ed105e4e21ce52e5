"""The models that ship are the registered ones or nothing, however they are named."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from dreamtalk import assets
from dreamtalk.cli.main import run
from dreamtalk.errors import AssetMissing
from dreamtalk.motion import MotionModel
from dreamtalk.motion.reader import DEFAULT_READER, ArticulationReader

FILE = "articulation-reader.safetensors"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Another copy of one asset and the registry, in the place of the package's."""
    place = tmp_path / "assets"
    place.mkdir()
    for name in (FILE, "registry.toml"):
        shutil.copyfile(Path(assets.__file__).parent / name, place / name)
    monkeypatch.setattr(assets, "_FOLDER", place)
    assets.path.cache_clear()
    yield place
    assets.path.cache_clear()


def flip(file: Path) -> None:
    """One bit of the last weight."""
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)


def test_the_shipped_file_is_read_by_name_and_by_path(folder: Path) -> None:
    assert ArticulationReader.load(DEFAULT_READER) and ArticulationReader.load(folder / FILE)


def test_one_changed_bit_is_refused_by_name_and_by_path(folder: Path) -> None:
    flip(folder / FILE)
    for name in (DEFAULT_READER, folder / FILE):
        with pytest.raises(AssetMissing, match="sha256 differs"):
            ArticulationReader.load(name)
    elsewhere = shutil.copyfile(folder / FILE, folder.parent / FILE)
    assert ArticulationReader.load(elsewhere), "a file of the user's own is the user's own business"


def test_a_link_to_it_is_followed(folder: Path, tmp_path: Path) -> None:
    flip(folder / FILE)
    link = tmp_path / "mine.safetensors"
    link.symlink_to(folder / FILE)
    with pytest.raises(AssetMissing, match="sha256 differs"):
        ArticulationReader.load(link)


def test_a_missing_one_is_told_in_words(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / FILE).unlink()
    for name in (DEFAULT_READER, folder / FILE):
        with pytest.raises(AssetMissing, match=r"is missing\. Reinstall dreamtalk"):
            ArticulationReader.load(name)
    assert run(["doctor"]) == 1
    told = capsys.readouterr().err
    assert "is missing. Reinstall dreamtalk" in told and "Traceback" not in told


def test_a_strangers_file_among_them_is_not_read(folder: Path) -> None:
    MotionModel.debug().save(folder / "denoiser.safetensors")
    with pytest.raises(AssetMissing, match="is none of them"):
        MotionModel.load(folder / "denoiser.safetensors")
