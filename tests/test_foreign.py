"""What strangers wrote steers no terminal, opens no program in a spreadsheet, and leads out of no folder."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from dreamtalk.batch.manifest import read_manifest
from dreamtalk.cli.main import main, run
from dreamtalk.data.adapters import layout
from dreamtalk.data.manifest import Manifest
from dreamtalk.data.source import check_id
from dreamtalk.data.talkset import read_talkset
from dreamtalk.errors import UnusableInput
from dreamtalk.evaluate.report import csv_text
from dreamtalk.foreign import cell, printable, printable_lines

TITLE = "\x1b]0;owned\x07"
"""Renames the window of a terminal."""


def test_control_characters_become_question_marks() -> None:
    assert printable(f"a{TITLE}b\u202etxt\x9b2J é 日本") == "a?]0;owned?b?txt?2J é 日本"
    assert printable_lines("one\ntwo\x1b[2J") == "one\ntwo?[2J"


def test_only_text_that_would_be_computed_is_changed() -> None:
    formulas = ("=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1")
    assert [cell(text) for text in formulas] == [f"'{text}" for text in formulas]
    plain = ("a=b", "", "-0.25", "+1e3", "-inf", "–", -3, 0.5, None)
    assert [cell(value) for value in plain] == list(plain)
    assert csv_text(["clip", "value"], [["=1+1", -0.5]]) == "clip,value\r\n'=1+1,-0.5\r\n"


def test_messages_do_not_steer_the_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / f"b{TITLE}.png").write_bytes(b"no picture at all")
    for given in (tmp_path / f"a{TITLE}.png", tmp_path):
        with pytest.raises(SystemExit) as ended:
            main(["verify", str(given)])
        assert ended.value.code == 2
    told = capsys.readouterr()
    assert told.err.count("?]0;owned?") == 2 and "\x1b" not in told.out + told.err


def test_a_hostile_table_deletes_nothing_and_computes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "mine" / "settings"
    other.parent.mkdir()
    for file in (other, other.with_name("settings.json")):
        file.write_text("precious")
    rows = [
        {"portrait": "a.jpg", "audio": "b.wav", "output": str(other)},
        {"portrait": "a.jpg", "audio": "b.wav", "output": "../../mine/settings", "size": "huge"},
        {"portrait": "=cmd|' /C calc'!A0.jpg", "audio": "b.wav", "output": "=2+3.mp4"},
        {"portrait": f"{TITLE}.jpg", "audio": "b.wav", "output": "d.mp4"},
    ]
    table = tmp_path / "table.jsonl"
    table.write_text("\n".join(json.dumps(row) for row in rows))
    assert [row.output for row in read_manifest(table)] == ["", "", "=2+3.mp4", "d.mp4"]
    assert run(["batch", str(table), "-o", str(tmp_path / "out"), "--workers", "0"]) == 2
    assert other.read_text() == other.with_name("settings.json").read_text() == "precious"
    with (tmp_path / "out" / "failures.csv").open(encoding="utf-8", newline="") as file:
        listed = list(csv.reader(file))
    assert len(listed) == 5 and listed[3][3] == "'=2+3.mp4"
    assert not any(text.startswith(("=", "+", "@")) for row in listed for text in row)
    assert "?]0;owned?" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["../../x", "/x", "a/b", "a\\b", "..", "", "C:x", "a\0b"])
def test_a_data_sets_ids_name_no_other_folders(name: str, tmp_path: Path) -> None:
    with pytest.raises(UnusableInput, match="cannot be an id"):
        check_id(name, tmp_path)
    head = "id,file,split,kind,dataset,speaker,emotion,frames,licence_class,transcript"
    with (tmp_path / "clips.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([head.split(","), [name, "a.mp4", "dev", "av", "d", "s", "", "9", "clean", ""]])
    with pytest.raises(UnusableInput, match=r"clips\.csv"):
        read_talkset(tmp_path)


def test_a_table_that_is_none_is_told_in_words(tmp_path: Path) -> None:
    for text in ("id,file\na,b.mp4\n", "id\n", "id,frames\nx,many\n", "\n\n", "id,file\n\xff\n"):
        (tmp_path / "clips.csv").write_bytes(text.encode("latin-1"))
        if text != "id\n" and text.strip():
            with pytest.raises(UnusableInput, match=r"not the table of a talkset|UTF-8"):
                read_talkset(tmp_path)


@pytest.mark.parametrize("file", ["../other.parquet", "/x.parquet", "s3://x/y.parquet", "a\0.parquet", {"a": 1}, None])
def test_a_prepared_folders_shards_lie_in_it(file: object, tmp_path: Path) -> None:
    shards = [{"file": file, "clips": 1, "frames": 9}]
    stored = {"format": "dreamtalk-prepared-1", "dataset": "x", "data_hash": "0", "settings": {}, "versions": {}}
    (tmp_path / "manifest.json").write_text(json.dumps({**stored, "shards": shards, "skipped": []}))
    with pytest.raises(UnusableInput, match="no shard of this folder"):
        Manifest.read(tmp_path)


def test_tables_of_data_sets_that_are_no_text_are_told_in_words(tmp_path: Path) -> None:
    for name, table in (("talkset", "clips.csv"), ("folder", "clips.csv"), ("hdtf", "RD_annotion_time.txt")):
        (tmp_path / table).write_bytes(b"id,file\n\xff\xfe,x\n")
        with pytest.raises(UnusableInput, match="UTF-8"):
            layout(name).clips(tmp_path)
    (tmp_path / "clips.csv").unlink()
    (tmp_path / "Radio1.mp4").write_bytes(b"video")
    for span in ("-1:00-0:01", "0:09-0:01", "nan-nan", "0:00-1e999"):
        (tmp_path / "RD_annotion_time.txt").write_text(f"Radio1.mp4 {span}\n")
        with pytest.raises(UnusableInput, match="cannot be read"):
            layout("hdtf").clips(tmp_path)
