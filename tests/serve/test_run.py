"""Starting the server: keys, addresses, and what is said."""

from __future__ import annotations

import io
import json
import logging
import socket
from pathlib import Path

import pytest

from dreamtalk.cli.main import run
from dreamtalk.cli.serve import Serve
from dreamtalk.errors import UnusableInput
from dreamtalk.serve import logs
from dreamtalk.serve.run import KEY_VARIABLE, read_keys
from dreamtalk.serve.settings import Settings


def test_keys_come_from_a_file_and_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(KEY_VARIABLE, raising=False)
    assert read_keys(None) == ()
    file = tmp_path / "keys"
    file.write_text("# ours\nfirst-key-of-sixteen\n\n second-key-of-more \n")
    assert read_keys(file) == ("first-key-of-sixteen", "second-key-of-more")
    monkeypatch.setenv(KEY_VARIABLE, "third-key-of-sixteen")
    assert read_keys(file)[-1] == "third-key-of-sixteen" and read_keys(None) == ("third-key-of-sixteen",)


@pytest.mark.parametrize("content", ["", "# nothing\n", "short\n", "schlüssel-mit-umlaut\n"])
def test_keys_that_are_none_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str) -> None:
    monkeypatch.delenv(KEY_VARIABLE, raising=False)
    (tmp_path / "keys").write_text(content, encoding="utf-8")
    with pytest.raises(UnusableInput, match="key"):
        read_keys(tmp_path / "keys")
    with pytest.raises(UnusableInput, match="does not exist"):
        read_keys(tmp_path / "no keys")


@pytest.mark.parametrize(
    ("flags", "word"),
    [
        (["--workers", "0"], "At least one worker"),
        (["--keep-hours", "0"], "kept for some time"),
        (["--grace", "-1"], "grace"),
        (["--threads", "0"], "At least one thread"),
        (["--queue", "0"], "Limits are above 0"),
        (["--max-seconds", "nan"], "Limits are above 0"),
        (["--host", "no.such.host.invalid"], "cannot be used"),
        (["--port", "99999"], "cannot be used"),
    ],
)
def test_what_cannot_be_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], flags: list[str], word: str
) -> None:
    assert run(["serve", "--data", str(tmp_path / "data"), *flags]) == 2
    assert word in capsys.readouterr().err and not (tmp_path / "data").exists()


def test_folders_of_others_are_not_emptied(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mine = tmp_path / "data" / "work" / "thesis.txt"
    mine.parent.mkdir(parents=True)
    mine.write_text("years of it")
    assert run(["serve", "--data", str(tmp_path / "data"), "--port", "0"]) == 2
    assert "would be emptied" in capsys.readouterr().err and mine.read_text() == "years of it"
    assert run(["serve", "--data", str(mine), "--port", "0"]) == 2
    assert "cannot be used" in capsys.readouterr().err


def test_a_port_that_is_taken_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = str(other.getsockname()[1])
        assert run(["serve", "--data", str(tmp_path / "data"), "--port", taken]) == 2
    assert "--port" in capsys.readouterr().err


def test_flags_become_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(KEY_VARIABLE, raising=False)
    settings = Serve(data=tmp_path, max_megabytes=7, queue=3, no_page=True, name=("a.example",)).settings()
    assert settings.limits.upload_bytes == 7_000_000 and settings.limits.queue == 3
    assert not settings.page and settings.names == ("a.example",) and settings.local
    assert Serve(data=tmp_path).settings() == Settings(data=tmp_path)
    assert not Settings(host="0.0.0.0").local


def test_log_lines_are_json(monkeypatch: pytest.MonkeyPatch) -> None:
    written = io.StringIO()
    monkeypatch.setattr("sys.stderr", written)
    logger = logging.getLogger("dreamtalk.serve")
    before = logger.handlers, logger.propagate, logger.level
    try:
        logs.log_to_stderr()
        logs.log("talk_done", talk="ab", seconds=1.5, code=None)
    finally:
        logger.handlers, logger.propagate = before[0], before[1]
        logger.setLevel(before[2])
    line = json.loads(written.getvalue())
    assert line["event"] == "talk_done" and line["talk"] == "ab" and line["seconds"] == 1.5
    assert "code" not in line and line["level"] == "info" and line["time"].endswith("+00:00")
