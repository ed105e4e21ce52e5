"""Outputs are checked before the work and are complete or absent after it."""

from __future__ import annotations

import signal
import subprocess
import sys
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


_KILLED = """
import os, signal, sys
from pathlib import Path
from dreamtalk.media.files import replacing

with replacing(Path(sys.argv[1])) as part:
    if "frames" in sys.argv[1]:
        part.mkdir()
        (part / "0.png").write_text("half")
    else:
        part.write_text("half")
        part.with_name(part.stem + ".sealed" + part.suffix).write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there, a process cannot be asked whether it lives")
def test_what_a_killed_process_left_goes_with_the_next_that_writes_the_same(tmp_path: Path) -> None:
    for name in ("talk.mp4", "other.mp4", "frames"):
        code = subprocess.run([sys.executable, "-c", _KILLED, str(tmp_path / name)]).returncode
        assert code == -signal.SIGKILL
    assert len(listing(tmp_path)) == 6, "two videos, each with a second copy, and a folder with a picture"
    with replacing(tmp_path / "talk.mp4") as mine:
        mine.write_text("this process lives")
        foreign = tmp_path / f".talk-0123abcd-{2**22 + 1}.partial.mp4"
        foreign.write_text("of a process on another machine, which may live")
        check_output(tmp_path / "talk.mp4", ".mp4")
        check_output(tmp_path / "frames" / "%03d.png", ".png")
        left = listing(tmp_path)
        assert len(left) == 4 and {mine.name, foreign.name} < set(left)
        assert all("other" in name for name in set(left) - {mine.name, foreign.name})


def test_names_too_long_for_a_file_in_the_making_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UnusableOutput, match="longer than"):
        check_output(tmp_path / f"{'ü' * 120}.mp4", ".mp4")
