"""The command line as people meet it: help, one clear message for what cannot be used, and nothing written then."""

from __future__ import annotations

import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from dreamtalk.cli.main import VERBS, run
from dreamtalk.talker import Talker


def huge_png(path: Path) -> None:
    """A PNG of 20,000 × 20,000 black pixels, 1.2 MB on disk."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    side = 20_000
    packer = zlib.compressobj(1)
    row = bytes(1 + 3 * side)
    pixels = b"".join([*(packer.compress(row) for _ in range(side)), packer.flush()])
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    parts = [chunk(b"IHDR", header), chunk(b"IDAT", pixels), chunk(b"IEND", b"")]
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(parts))


@pytest.fixture(scope="module")
def bad(tmp_path_factory: pytest.TempPathFactory, make_sound: Callable[..., Path]) -> Path:
    """A folder with one file of each unusable kind."""
    folder = tmp_path_factory.mktemp("bad")
    (folder / "text.jpg").write_text("I am no picture.")
    (folder / "text.wav").write_text("I am no sound.")
    (folder / "empty.jpg").touch()
    (folder / "empty.wav").touch()
    cv2.imwrite(str(folder / "noface.png"), np.random.default_rng(0).integers(0, 255, (256, 256, 3), np.uint8))
    cv2.imwrite(str(folder / "dot.png"), np.zeros((1, 1, 3), np.uint8))
    huge_png(folder / "huge.png")
    make_sound(folder / "short.wav", 0.01)
    (folder / "text.npz").write_text("no motion")
    return folder


GOOD = ("{examples}/portrait.jpg", "{examples}/speech.wav")

BAD_COMMANDS = {
    "text file as image": ("generate", "{bad}/text.jpg", GOOD[1], "not a picture"),
    "text file as audio": ("generate", GOOD[0], "{bad}/text.wav", "text.wav"),
    "image without a face": ("generate", "{bad}/noface.png", GOOD[1], "noface.png: No face"),
    "0-byte image": ("generate", "{bad}/empty.jpg", GOOD[1], "empty"),
    "0-byte audio": ("generate", GOOD[0], "{bad}/empty.wav", "empty"),
    "1 x 1 image": ("generate", "{bad}/dot.png", GOOD[1], "too small"),
    "20 k x 20 k image": ("generate", "{bad}/huge.png", GOOD[1], "too large"),
    "audio of 10 ms": ("generate", GOOD[0], "{bad}/short.wav", "10 ms"),
    "missing image": ("generate", "{bad}/none.jpg", GOOD[1], "none.jpg"),
    "missing audio": ("generate", GOOD[0], "{bad}/none.wav", "none.wav"),
    "image as audio": ("generate", GOOD[0], GOOD[0], "portrait.jpg"),
    "face 7 of 1": ("generate", *GOOD, "--face", "7", "Face 7"),
    "text file as timeline": ("generate", *GOOD, "--timeline", "{bad}/text.npz", "not a timeline"),
    "missing timeline": ("motion", GOOD[1], "--timeline", "none.yaml", "none.yaml"),
    "intensity of the mouth 4": ("motion", GOOD[1], "--lower-intensity", "4", "lower intensity"),
    "intensity -1": ("generate", *GOOD, "--intensity", "-1", "intensity"),
    "unknown style": ("generate", *GOOD, "--style", "grumpy", "grumpy"),
    "missing pose video": ("generate", *GOOD, "--pose", "none.mp4", "none.mp4"),
    "unknown flag": ("generate", *GOOD, "--wobble", "--wobble"),
    "unknown choice": ("generate", *GOOD, "--size", "300", "300"),
    "square and whole": ("generate", *GOOD, "--size", "512", "--full-frame", "--full-frame"),
    "whole and not": ("generate", *GOOD, "--no-full-frame", "--full-frame", "exclude"),
    "no such colour": ("generate", *GOOD, "--background", "mauve", "mauve"),
    "transparent MP4": ("generate", *GOOD, "--background", "transparent", ".webm"),
    "lips -1": ("generate", *GOOD, "--lip-scale", "-1", "lip scale"),
    "too few arguments": ("generate", GOOD[0], "AUDIO"),
    "unknown command": ("juggle", "juggle"),
    "no command": ("usage",),
    "name too long": ("generate", "x" * 300 + ".jpg", GOOD[1], "xxx"),
    "motion of text": ("motion", "{bad}/text.wav", "text.wav"),
    "render of text": ("render", GOOD[0], "{bad}/text.npz", "text.npz"),
    "track of text": ("track", "{bad}/text.jpg", "text.jpg"),
    "track without a face": ("track", "{bad}/noface.png", "noface.png"),
}
"""Name: words of the command line, and last a part of the message."""


@pytest.mark.parametrize("name", BAD_COMMANDS)
def test_bad_input_gets_one_message_exit_code_2_and_leaves_nothing(
    name: str,
    bad: Path,
    examples: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    *words, message = (word.format(bad=bad, examples=examples) for word in BAD_COMMANDS[name])
    code = run(words)
    shown = capfd.readouterr().err
    assert code == 2
    assert message in shown
    assert "Traceback" not in shown
    if name != "no command":
        assert 1 <= len(shown.strip().splitlines()) <= 3, shown
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "output", ["{bad}/text.wav/talk.mp4", "/proc/nowhere/talk.mp4", "{tmp}", "talk.avi", "x" * 300 + ".mp4"]
)
def test_an_unwritable_output_is_found_out_at_once(
    output: str,
    bad: Path,
    examples: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    words = [word.format(examples=examples) for word in GOOD]
    monkeypatch.setattr(Talker, "stream", lambda *_, **__: pytest.fail("the heavy work began"))
    code = run(["generate", *words, "-o", output.format(bad=bad, tmp=tmp_path)])
    assert code == 2
    assert len(capfd.readouterr().err.strip().splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_help_lists_every_command_and_every_command_has_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0
    overview = capsys.readouterr().out
    for name in VERBS:
        assert name in overview
        assert run([*name.split(), "--help"]) == 0
        assert f"dreamtalk {name}" in capsys.readouterr().out


def test_it_runs_as_a_program_and_starts_lightly() -> None:
    done = subprocess.run([sys.executable, "-m", "dreamtalk", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("dreamtalk ")
    imported = subprocess.run(
        [sys.executable, "-c", "import sys, dreamtalk.cli; print('torch' in sys.modules, 'cv2' in sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert imported.stdout.split() == ["False", "False"], "heavy libraries are imported when a command needs them"


def test_a_failure_of_ours_is_told_from_bad_input(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], examples: Path
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("dreamtalk.talker.load", broken)
    assert run(["track", str(examples / "portrait.jpg"), "-o", "unused.npz"]) == 1
    assert "failure of dreamtalk" in capfd.readouterr().err


@pytest.mark.parametrize("group", ["train", "evaluate", "convert"])
def test_help_of_a_group_lists_its_commands(group: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([group, "--help"]) == 0
    shown = capsys.readouterr().out
    own = [name for name in VERBS if name.startswith(group + " ")]
    assert own and all(f"  {name} " in shown for name in own) and "dreamtalk generate" not in shown
    assert run([group]) == 2
    assert own[0] in capsys.readouterr().err
