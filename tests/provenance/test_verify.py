"""`dreamtalk verify` finds what the line puts into its videos and says so by its exit code."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from dreamtalk.cli.main import run
from dreamtalk.media import read_image, write_video
from dreamtalk.options import TalkOptions
from dreamtalk.provenance import comment_of, origin_comment
from dreamtalk.talk import marked
from dreamtalk.types import Image


def frames(count: int = 10) -> Iterator[Image]:
    """The example portrait, 512 px, standing still."""
    picture = read_image(Path(__file__).parents[2] / "examples" / "portrait.jpg")
    side = min(picture.shape[:2])
    small = cv2.resize(picture[:side, :side], (512, 512), interpolation=cv2.INTER_AREA)
    return (small.astype(np.uint8) for _ in range(count))


def verify(path: Path) -> int:
    try:
        return run(["verify", str(path)])
    except SystemExit as end:
        assert isinstance(end.code, int)
        return end.code


def test_a_talk_is_recognised_by_its_note_and_without_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    talk = list(marked(frames(), TalkOptions()))
    write_video(tmp_path / "talk.mp4", iter(talk), None, comment=origin_comment())
    assert comment_of(tmp_path / "talk.mp4") == origin_comment()
    write_video(tmp_path / "bare.mp4", iter(talk), None)
    assert comment_of(tmp_path / "bare.mp4") is None
    assert verify(tmp_path / "bare.mp4") == 0
    told = capsys.readouterr().out
    assert "watermark: found" in told and "metadata: not found" in told and "SYNTHETIC" in told


def test_a_numbered_picture_keeps_note_and_mark(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_video(tmp_path / "talk" / "%03d.png", marked(frames(1), TalkOptions()), None, comment=origin_comment())
    assert verify(tmp_path / "talk" / "000.png") == 0
    told = capsys.readouterr().out
    assert "watermark: found" in told and f'metadata: found: "{origin_comment()}"' in told


def test_declined_marks_are_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plain = marked(frames(), TalkOptions(badge=False, provenance=False))
    assert all((given == kept).all() for given, kept in zip(frames(), plain, strict=True))
    write_video(tmp_path / "plain.mp4", frames(), None, comment="somebody's holiday")
    assert verify(tmp_path / "plain.mp4") == 1
    told = capsys.readouterr().out
    assert "watermark: not found" in told and "metadata: not found" in told and "does not show" in told


@pytest.mark.parametrize("name", ["absent.mp4", "text.mp4", "empty.png", "pipe.mp4"])
def test_a_file_that_cannot_be_read_ends_with_2(tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "text.mp4").write_text("I am no video.")
    (tmp_path / "empty.png").touch()
    os.mkfifo(tmp_path / "pipe.mp4")
    assert verify(tmp_path / name) == 2
    assert name in capsys.readouterr().err
