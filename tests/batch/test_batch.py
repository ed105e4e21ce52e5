"""Batches: one video per row whatever happens, rows that fail listed, nothing made twice."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import dreamtalk.batch.run as run_module
from dreamtalk.batch import Batch, Summary, run_batch, worker
from dreamtalk.batch.keeping import KeepingTalker, Kept
from dreamtalk.batch.manifest import read_manifest
from dreamtalk.batch.run import check_batch, read_shard
from dreamtalk.cli.main import run
from dreamtalk.errors import UnusableInput
from dreamtalk.motion import MotionModel

HEAD = "portrait,audio,output,size,seed\n"


class CountingTalker(KeepingTalker):
    """The whole line with a tiny motion model; counts what it prepares."""

    def __init__(self) -> None:
        super().__init__("cpu", 1)
        self.motion_model = MotionModel.debug()
        self.made: list[str] = []

    def forget(self) -> None:
        """As when it was new, but for the models."""
        self.made.clear()
        self._portraits, self._speeches, self._animators = Kept(), Kept(), Kept()

    def generate(self, portrait, audio, output, options=None, **more):  # type: ignore[no-untyped-def]
        self.made.append(Path(output).name)
        return super().generate(portrait, audio, output, options, **more)


@pytest.fixture(scope="module")
def one_talker() -> CountingTalker:
    return CountingTalker()


@pytest.fixture
def counting(one_talker: CountingTalker, monkeypatch: pytest.MonkeyPatch) -> CountingTalker:
    one_talker.forget()
    monkeypatch.setattr(worker, "talker", lambda device, threads: one_talker)
    return one_talker


@pytest.fixture
def table(tmp_path: Path, examples: Path, make_sound: Callable[..., Path]) -> Callable[..., Path]:
    """Writes a table beside two short sounds and a picture: table("p.jpg,a.wav,one.mp4,256,0", ...)."""
    (tmp_path / "p.jpg").write_bytes((examples / "portrait.jpg").read_bytes())
    (tmp_path / "text.jpg").write_text("no picture")
    for name in ("a.wav", "b.wav"):
        make_sound(tmp_path / name, 0.12)

    def write(*rows: str, head: str = HEAD, name: str = "talks.csv") -> Path:
        (tmp_path / name).write_text(head + "\n".join(rows) + "\n", encoding="utf-8")
        return tmp_path / name

    return write


def through(table: Path, **more: object) -> Summary:
    """The batch of a table in this process."""
    return run_batch(Batch(manifest=table, folder=table.parent / "out", workers=0, **more), lambda line: None)  # type: ignore[arg-type]


def videos(folder: Path) -> list[str]:
    """All files but the state, by their names below the folder."""
    files = (file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file())
    return sorted(name for name in files if not name.startswith(".batch/"))


def test_rows_become_videos_and_a_second_run_makes_nothing(
    counting: CountingTalker, table: Callable[..., Path]
) -> None:
    rows = table("p.jpg,a.wav,one.mp4,256,0", "p.jpg,b.wav,more/two.mp4,256,1", "p.jpg,a.wav,,256,2")
    summary = through(rows)
    assert (summary.done, summary.before, summary.failed) == (3, 0, {})
    assert videos(rows.parent / "out") == ["more/two.mp4", "one.mp4", "p-a-256-2.mp4"]
    again = through(rows)
    assert (again.done, again.before) == (0, 3)
    assert len(counting.made) == 3


def test_a_portrait_and_a_speech_are_prepared_once(
    counting: CountingTalker, table: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    read, heard = [], []
    picture, sound = sys.modules["dreamtalk.talker"].track_picture, sys.modules["dreamtalk.audio"].load_speech
    monkeypatch.setattr("dreamtalk.talker.track_picture", lambda *given: read.append(1) or picture(*given))
    monkeypatch.setattr("dreamtalk.audio.load_speech", lambda *given: heard.append(1) or sound(*given))
    through(table("p.jpg,a.wav,1.mp4,256,0", "p.jpg,a.wav,2.mp4,256,1", "p.jpg,b.wav,3.mp4,256,2"))
    assert (len(read), len(heard)) == (1, 2)


@pytest.mark.parametrize("what", ["option", "portrait", "audio", "video", "video is shorter"])
def test_a_row_whose_inputs_options_or_video_changed_is_made_again(
    what: str, counting: CountingTalker, table: Callable[..., Path], make_sound: Callable[..., Path]
) -> None:
    rows = table("p.jpg,a.wav,one.mp4,256,0", "p.jpg,b.wav,two.mp4,256,0")
    through(rows)
    one = rows.parent / "out" / "one.mp4"
    if what == "option":
        table("p.jpg,a.wav,one.mp4,256,9", "p.jpg,b.wav,two.mp4,256,0")
    elif what == "portrait":
        other = rows.parent / "q.jpg"
        other.write_bytes((rows.parent / "p.jpg").read_bytes() + b"\0")
        table("q.jpg,a.wav,one.mp4,256,0", "p.jpg,b.wav,two.mp4,256,0")
    elif what == "audio":
        make_sound(rows.parent / "a.wav", 0.2)
    elif what == "video":
        one.unlink()
    else:
        one.write_bytes(one.read_bytes()[:-1])
    counting.made.clear()
    summary = through(rows)
    assert (summary.done, summary.before, counting.made) == (1, 1, ["one.mp4"])


def test_a_default_that_is_written_out_makes_nothing_again(
    counting: CountingTalker, table: Callable[..., Path]
) -> None:
    rows = table("p.jpg,a.wav,one.mp4,256,")
    through(rows)
    table("p.jpg,a.wav,one.mp4,256,0,1.0,natural", head="portrait,audio,output,size,seed,intensity,blink\n")
    assert through(rows).before == 1


def test_a_touched_file_with_the_same_content_is_not_made_again(
    counting: CountingTalker, table: Callable[..., Path]
) -> None:
    rows = table("p.jpg,a.wav,one.mp4,256,0")
    through(rows)
    os.utime(rows.parent / "a.wav", (1, 1))
    assert through(rows).before == 1


def test_failures_are_listed_and_the_others_go_on(counting: CountingTalker, table: Callable[..., Path]) -> None:
    rows = table(
        "text.jpg,a.wav,1.mp4,256,0",
        "p.jpg,none.wav,2.mp4,256,0",
        "p.jpg,a.wav,3.mp4,300,0",
        "p.jpg,a.wav,4.avi,256,0",
        ",a.wav,5.mp4,256,0",
        "p.jpg,a.wav,../6.mp4,256,0",
        "p.jpg,a.wav,good.mp4,256,0",
    )
    summary = through(rows)
    out = rows.parent / "out"
    assert summary.done == 1 and sorted(summary.failed) == [2, 3, 4, 5, 6, 7]
    assert videos(out) == ["failures.csv", "good.mp4"]
    with (out / "failures.csv").open(encoding="utf-8", newline="") as file:
        listed = {int(line["row"]): line for line in csv.DictReader(file)}
    assert "not a picture" in listed[2]["what"] and "JPEG" in listed[2]["what to do"]
    assert "none.wav" in listed[3]["what"]
    assert "size" in listed[4]["what"] and all(line["what"] and line["what to do"] for line in listed.values())
    table("p.jpg,a.wav,good.mp4,256,0")
    assert through(rows).failed == {} and not (out / "failures.csv").exists()


def test_a_failure_of_ours_stops_no_other_row(
    counting: CountingTalker, table: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = counting.generate

    def breaks(portrait, audio, output, options=None, **more):  # type: ignore[no-untyped-def]
        if Path(output).name == "1.mp4":
            raise RuntimeError("a bug")
        return made(portrait, audio, output, options, **more)

    monkeypatch.setattr(counting, "generate", breaks)
    summary = through(table("p.jpg,a.wav,1.mp4,256,0", "p.jpg,a.wav,2.mp4,256,0"))
    assert summary.done == 1 and summary.failed[2].ours and "a bug" in summary.failed[2].what


def test_a_row_that_can_no_longer_be_made_leaves_no_old_video(
    counting: CountingTalker, table: Callable[..., Path]
) -> None:
    rows = table("p.jpg,a.wav,one.mp4,256,yes", head="portrait,audio,output,size,sidecar\n")
    through(rows)
    assert videos(rows.parent / "out") == ["one.mp4", "one.mp4.provenance.json"]
    (rows.parent / "p.jpg").write_text("no picture any more")
    assert through(rows).done == 0
    assert videos(rows.parent / "out") == ["failures.csv"]


@pytest.mark.parametrize(
    ("head", "rows", "message"),
    [
        (HEAD, ["p.jpg,a.wav,x.mp4,256,0", "p.jpg,b.wav,X.MP4,256,0"], "same output"),
        (HEAD, ["p.jpg,a.wav,,256,0", "p.jpg,a.wav,,256,0"], "same output"),
        ("portrait,speech\n", ["p.jpg,a.wav"], "'audio'"),
        ("portrait,audio,stlye\n", ["p.jpg,a.wav,happy"], "stlye"),
        (HEAD, [""], "no rows"),
        (HEAD, ['p.jpg,a.wav,"open.mp4,256,0'], "quotation mark"),
    ],
)
def test_a_table_that_makes_no_sense_is_refused_before_any_work(
    head: str, rows: list[str], message: str, counting: CountingTalker, table: Callable[..., Path]
) -> None:
    given = table(*rows, head=head)
    with pytest.raises(UnusableInput, match=message):
        through(given)
    assert counting.made == [] and not (given.parent / "out").exists()


def test_no_video_replaces_what_another_row_is_made_of(counting: CountingTalker, table: Callable[..., Path]) -> None:
    head = "portrait,audio,output\n"
    table("p.jpg,a.wav,talk.mp4", head=head)
    rows = table("p.jpg,a.wav,b.mp4", "p.jpg,talk.mp4,c.mp4", "p.jpg,a.wav,talk.mp4", head=head)
    with pytest.raises(UnusableInput, match=r"line 4.*replace an input"):
        run_batch(Batch(manifest=rows, folder=rows.parent, workers=0), lambda line: None)
    assert counting.made == []


def test_lines_that_no_file_can_be_called_by_are_failures(counting: CountingTalker, table: Callable[..., Path]) -> None:
    rows = table("p\0.jpg,a.wav,1.mp4,256,0", f"{'x' * 300}.jpg,a.wav,2.mp4,256,0", "p.jpg,a.wav,a,b,c,d,e")
    assert sorted(through(rows).failed) == [2, 3, 4]
    half = table(json.dumps({"portrait": "p.jpg", "audio": "a.wav", "output": "\ud800.mp4"}), head="", name="a.jsonl")
    assert "no text" in through(half).failed[1].what


def test_tables_may_have_semicolons_or_be_json_lines(counting: CountingTalker, table: Callable[..., Path]) -> None:
    given = table("p.jpg;a.wav;256;0,5", head="portrait;audio;size;intensity\n")
    options = read_manifest(given)[0].options
    assert options is not None and options.intensity == 0.5
    lines = given.parent / "talks.jsonl"
    row = {"portrait": "p.jpg", "audio": "b.wav", "output": "json.mp4", "options": {"size": 256, "badge": False}}
    lines.write_text(json.dumps(row) + "\n\nno json\n")
    assert through(given).done == 1
    summary = through(lines)
    assert summary.done == 1 and list(summary.failed) == [3]
    assert videos(given.parent / "out") == ["failures.csv", "json.mp4", "p-a-256-0.5.mp4"]


def test_the_dry_run_finds_what_is_wrong_and_writes_nothing(
    counting: CountingTalker, table: Callable[..., Path]
) -> None:
    head = "portrait,audio,output,style,pose\n"
    rows = table(
        "p.jpg,a.wav,1.mp4,happy:2,natural",
        "text.jpg,a.wav,2.mp4,,",
        "p.jpg,p.jpg,3.mp4,,",
        "p.jpg,a.wav,4.mp4,grumpy,",
        "p.jpg,a.wav,5.mp4,happy:9,",
        "p.jpg,a.wav,6.mp4,,none.mp4",
        head=head,
    )
    checked = check_batch(Batch(manifest=rows, folder=rows.parent / "out", workers=0), lambda line: None)
    assert checked.done == 1 and sorted(checked.failed) == [3, 4, 5, 6, 7]
    assert counting.made == [] and not (rows.parent / "out").exists()


def test_few_rows_start_no_workers_unless_asked(
    counting: CountingTalker, table: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    def noting(work, jobs, workers, marks, address):  # type: ignore[no-untyped-def]
        asked.append(workers)
        return ((number, work(job)) for number, job in enumerate(jobs))

    monkeypatch.setattr(run_module, "run_all", noting)
    monkeypatch.setattr(run_module, "chosen_workers", lambda workers, address, say: 2 if workers is None else workers)
    few = table("p.jpg,a.wav,one.mp4,256,0")
    many = table(*(f"p.jpg,a.wav,{n}.mp4,256,0" for n in range(12)), name="many.csv")
    for manifest, workers in ((few, None), (few, 2), (many, None), (many, 0)):
        check_batch(Batch(manifest=manifest, folder=few.parent / "out", workers=workers), lambda line: None)
    assert asked == [0, 2, 2, 0]


def test_shards_share_the_rows_without_a_gap_or_an_overlap(
    counting: CountingTalker, table: Callable[..., Path]
) -> None:
    rows = table(*(f"p.jpg,a.wav,{n}.mp4,256,{n}" for n in range(3)))
    assert [through(rows, shard=read_shard(part)).done for part in ("1/2", "2/2")] == [2, 1]
    assert videos(rows.parent / "out") == ["0.mp4", "1.mp4", "2.mp4"]
    for wrong in ("0/2", "3/2", "one", "1/0"):
        with pytest.raises(UnusableInput, match="2/8"):
            read_shard(wrong)


def test_the_command_begins_with_an_example(
    counting: CountingTalker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["batch", "mine.csv", "--init"]) == 0
    assert run(["batch", "mine.csv", "--init"]) == 2
    assert run(["batch", "mine.csv", "--dry-run", "--workers", "0"]) == 0
    assert "3 rows can be made" in capsys.readouterr().out
    assert run(["batch", "mine.csv", "--workers", "1", "--device", "cuda"]) == 2


DYING = """
import os, signal, sys
from pathlib import Path
from types import SimpleNamespace
from dreamtalk.batch import Batch, run_batch, worker
from dreamtalk.media.files import replacing

class Dying:
    made = 0
    def generate(self, portrait, audio, output, options=None, **more):
        with replacing(Path(output)) as temporary:
            temporary.write_bytes(b"half")
            if Dying.made == int(sys.argv[2]):
                os.kill(os.getpid(), signal.SIGKILL)
            temporary.write_bytes(b"whole " + str(options.seed).encode())
        Dying.made += 1
        return SimpleNamespace(path=Path(output), seconds=1.0, notes=())

worker.talker = lambda device, threads: Dying()
folder = Path(sys.argv[1])
run_batch(Batch(manifest=folder / "talks.csv", folder=folder / "out", workers=0), print)
"""


def test_after_a_kill_there_is_one_whole_video_per_row(table: Callable[..., Path]) -> None:
    rows = table(*(f"p.jpg,a.wav,{n}.mp4,256,{n}" for n in range(4)))
    out = rows.parent / "out"
    codes = []
    for dies_after in (2, 9):
        words = [sys.executable, "-c", DYING, str(rows.parent), str(dies_after)]
        codes.append(subprocess.run(words, capture_output=True).returncode)
        halves = [name for name in videos(out) if ".partial" in name]
        assert len(halves) == (1 if dies_after == 2 else 0)
    assert codes == [-signal.SIGKILL, 0]
    assert videos(out) == [f"{n}.mp4" for n in range(4)]
    assert [(out / f"{n}.mp4").read_bytes() for n in range(4)] == [b"whole %d" % n for n in range(4)]


def test_a_row_that_kills_its_workers_is_listed_and_the_others_are_made(
    counting: CountingTalker, table: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def as_ray(work, items, workers, marks, address):  # type: ignore[no-untyped-def]
        for number in reversed(range(len(items))):
            yield number, None if number == 1 else work(items[number])  # workers.run_all says so of the second

    monkeypatch.setattr(run_module, "run_all", as_ray)
    rows = table(*(f"p.jpg,a.wav,{n}.mp4,256,{n}" for n in range(3)))
    summary = through(rows)
    assert summary.done == 2 and list(summary.failed) == [3] and "died, twice" in summary.failed[3].what
    assert videos(rows.parent / "out") == ["0.mp4", "2.mp4", "failures.csv"]


def test_kept_animators_give_the_same_frames(counting: CountingTalker, table: Callable[..., Path]) -> None:
    folder = table("p.jpg,a.wav,1.mp4,256,0").parent
    first, second = (list(counting.stream(folder / "p.jpg", folder / "a.wav")) for _ in range(2))
    assert np.array_equal(first, second)
