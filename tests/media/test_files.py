"""Outputs are checked before the work and are complete or absent after it."""

from __future__ import annotations

from pathlib import Path

import pytest

from dreamtalk.errors import UnusableOutput
from dreamtalk.media.files import check_output, replacing, unfinished


def listing(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_good_places_pass_and_stay_untouched(tmp_path: Path) -> None:
    check_output(tmp_path / "a.mp4", ".mp4")
    check_output(tmp_path / "new" / "deeper" / "a.MP4", ".mp4")
    assert listing(tmp_path) == []


def test_bad_places_are_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "folder.mp4").mkdir()
    (tmp_path / "in.mp4").touch()
    before = listing(tmp_path)
    for path, message in {
        tmp_path / "file" / "a.mp4": "cannot be written",
        Path("/proc/nowhere/a.mp4"): "cannot be written",
        tmp_path / "folder.mp4": "is a folder",
        tmp_path / "a.avi": "must end in",
        tmp_path / "in.mp4": "overwrite",
    }.items():
        with pytest.raises(UnusableOutput, match=message):
            check_output(path, ".mp4", (tmp_path / "in.mp4",))
    assert listing(tmp_path) == before


def test_a_finished_file_replaces_the_old_one(tmp_path: Path) -> None:
    target = tmp_path / "new" / "a.mp4"
    with replacing(target) as temporary:
        assert temporary.parent == target.parent, "a rename must not cross file systems"
        temporary.write_text("done")
    assert listing(tmp_path) == ["new", "new/a.mp4"]


@pytest.mark.parametrize("stop", [ValueError, KeyboardInterrupt, SystemExit])
def test_an_unfinished_file_leaves_nothing_and_keeps_the_old_one(tmp_path: Path, stop: type[BaseException]) -> None:
    (tmp_path / "old.mp4").write_text("old")
    for target in (tmp_path / "old.mp4", tmp_path / "new" / "a.mp4"):
        with pytest.raises(stop), replacing(target) as temporary:
            temporary.write_text("half")
            raise stop
    assert listing(tmp_path) == ["old.mp4"]
    assert (tmp_path / "old.mp4").read_text() == "old"


def test_a_file_being_written_says_what_it_will_be(tmp_path: Path) -> None:
    for name in ("talk.mp4", "a-7.partial.mp4", "no-dots.in.it.webm"):
        with replacing(tmp_path / name) as part:
            part.write_text("half")
            assert unfinished(part) == tmp_path / name
        assert unfinished(tmp_path / name) is None
