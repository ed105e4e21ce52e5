"""`dreamtalk verify` finds what the line puts into its videos and says so by its exit code."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import c2pa
import cv2
import numpy as np
import pytest

from dreamtalk.cli.main import run
from dreamtalk.media import read_image, write_video
from dreamtalk.options import TalkOptions
from dreamtalk.provenance import comment_of, origin_comment
from dreamtalk.provenance.credentials import credentials
from dreamtalk.provenance.inspect import inspect
from dreamtalk.talk import marked
from dreamtalk.types import Image


def frames(count: int = 10) -> Iterator[Image]:
    """The example portrait, 512 px, standing still."""
    picture = read_image(Path(__file__).parents[2] / "examples" / "portrait.jpg")
    side = min(picture.shape[:2])
    small = cv2.resize(picture[:side, :side], (512, 512), interpolation=cv2.INTER_AREA)
    return (small.astype(np.uint8) for _ in range(count))


def verify(path: Path, *flags: str) -> int:
    try:
        return run(["verify", str(path), *flags])
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


KEYS = {"file", "conclusion", "dreamtalk", "watermark", "manifest", "comment", "error"}
"""Of every JSON line; docs/provenance.md tells of them."""


def test_what_others_made_and_what_anybody_can_write_is_not_taken_for_ours(
    examples: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dreamtalk.provenance.inspect.find_mark", lambda frames: None)  # takes seconds; there is none
    picture = cv2.resize(read_image(examples / "portrait.jpg"), (160, 160)).astype(np.uint8)
    write_video(tmp_path / "a" / "%d.png", iter([picture]), None, comment=origin_comment())  # a note, and no more
    real, others = tmp_path / "b.jpg", tmp_path / "c.jpg"
    cv2.imwrite(str(real), picture[..., ::-1])
    sign_as("Dream Painter", "trainedAlgorithmicMedia", real, others)
    sign_as("A Camera", "digitalCapture", real, tmp_path / "d.jpg")
    sign_as("A Collage", "compositeSynthetic", real, tmp_path / "j.jpg")
    (tmp_path / "e\n\x1b[2J.jpg").write_bytes(real.read_bytes())
    (tmp_path / "f.jpg").write_bytes(real.read_bytes()[:150])
    (tmp_path / "g.jpg").symlink_to("nowhere.jpg")
    (tmp_path / "h").symlink_to(tmp_path)
    (tmp_path / "i" / "empty").mkdir(parents=True)
    assert verify(tmp_path, "--json") == 2
    out, err = capsys.readouterr()
    told = {line["file"][len(f"{tmp_path}/")]: line for line in map(json.loads, out.splitlines())}
    assert all(line.keys() == KEYS for line in told.values())
    unlike = {"a": "claimed", "c": "synthetic", "j": "synthetic", "f": "unreadable", "g": "unreadable"}
    assert {name: line["conclusion"] for name, line in told.items()} == dict.fromkeys("abcdefgj", "none") | unlike
    assert {name for name, line in told.items() if line["dreamtalk"]} == {"a"}
    assert told["c"]["manifest"]["generator"] == "Dream Painter" and told["d"]["manifest"]["synthetic"] is False
    assert told["f"]["error"] and "f.jpg" in err and "g.jpg does not exist" in err and "\x1b" not in err
    for name, words in {"a/0.png": "only a note", "c.jpg": "made with Dream Painter", "d.jpg": "does not say"}.items():
        text = "\n".join(inspect(tmp_path / name).lines())
        assert words in text and (("SYNTHETIC" in text) == (name == "c.jpg"))
    assert verify(tmp_path / "i") == 2 and "no pictures or videos" in capsys.readouterr().err


def sign_as(program: str, source: str, picture: Path, signed: Path) -> None:
    """A picture with a C2PA manifest of another program."""
    own = credentials()
    created = {
        "action": "c2pa.created",
        "digitalSourceType": f"http://cv.iptc.org/newscodes/digitalsourcetype/{source}",
    }
    claim = {
        "claim_generator_info": [{"name": program}],
        "assertions": [{"label": "c2pa.actions", "data": {"actions": [created]}}],
    }
    info = c2pa.C2paSignerInfo(c2pa.C2paSigningAlg.ES256, own.chain, own.key, None)
    with c2pa.Builder(json.dumps(claim)) as builder, picture.open("rb") as plain, signed.open("w+b") as out:
        builder.sign(c2pa.Signer.from_info(info), "image/jpeg", plain, out)


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="everything can be read by this user")
def test_what_may_not_be_read_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "shut").mkdir(mode=0)
    (tmp_path / "shut.jpg").touch(mode=0)
    assert verify(tmp_path) == 2
    told = capsys.readouterr().err
    assert "shut cannot be looked into" in told and "shut.jpg" in told
