"""What is in a file from a stranger, and processes that look at such files."""

from __future__ import annotations

import os
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest

from dreamtalk.errors import UnusableAudio, UnusableInput
from dreamtalk.media import write_video
from dreamtalk.serve import checking
from dreamtalk.serve.checking import look_at
from dreamtalk.serve.child import Helper
from dreamtalk.serve.problems import Problem, told
from dreamtalk.serve.settings import Limits
from dreamtalk.store import save_motion
from dreamtalk.style.files import StyleClip, save_style
from dreamtalk.types import Motion

MakeSound = Callable[..., Path]
LIMITS = Limits(audio_seconds=2.0, video_seconds=3.0)


def bare(path: Path) -> Path:
    """The same file under a name that says nothing, as uploads have it."""
    return path.rename(path.with_name("0123"))


def test_sound_is_found_by_its_content(make_sound: MakeSound, tmp_path: Path) -> None:
    seen = look_at(bare(make_sound(tmp_path / "a.mp3", 1.5, 44_100, codec="libmp3lame")), LIMITS)
    assert seen.kind == "audio" and seen.facts["seconds"] == pytest.approx(1.5, abs=0.1)
    with pytest.raises(UnusableAudio, match="longer than 2 s"):
        look_at(bare(make_sound(tmp_path / "a.wav", 2.5)), LIMITS)


def test_videos_tell_their_size_and_whether_they_have_sound(make_sound: MakeSound, tmp_path: Path) -> None:
    sound = make_sound(tmp_path / "a.wav", 1.0)
    for name, audio in (("silent.mp4", None), ("loud.mp4", sound)):
        frames = (np.full((48, 64, 3), i * 9, np.uint8) for i in range(25))
        write_video(tmp_path / name, frames, audio)
        seen = look_at(bare(tmp_path / name), LIMITS)
        assert seen.kind == "video" and seen.facts["sound"] == (audio is not None)
        assert (seen.facts["width"], seen.facts["height"]) == (64, 48)
        assert seen.facts["seconds"] == pytest.approx(1.0, abs=0.1)
    write_video(tmp_path / "long.mp4", (np.zeros((48, 64, 3), np.uint8) for _ in range(100)), None)
    with pytest.raises(UnusableInput, match="at most 3 s"):
        look_at(bare(tmp_path / "long.mp4"), LIMITS)


def test_playlists_that_name_other_files_are_not_opened(make_sound: MakeSound, tmp_path: Path) -> None:
    secret = make_sound(tmp_path / "secret.ts", 1.0, 48_000, codec="mp2")
    playlist = tmp_path / "mine.m3u8"
    playlist.write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:1,\n{secret.name}\n#EXT-X-ENDLIST\n")
    with av.open(str(playlist)) as opened:
        assert opened.streams.audio, "FFmpeg itself reads what the list names"
    with pytest.raises(UnusableInput, match="neither a picture, nor sound"):
        look_at(playlist, LIMITS)
    playlist.write_text(f"ffconcat version 1.0\nfile {secret.name}\n")
    with pytest.raises(UnusableInput, match="neither a picture, nor sound"):
        look_at(playlist, LIMITS)


def test_files_of_ours_are_told_apart(tmp_path: Path) -> None:
    zeros = {"rotation": np.zeros((25, 3)), "translation": np.zeros((25, 3)), "gaze": np.zeros((25, 4))}
    save_motion(tmp_path / "m.npz", Motion(np.zeros((25, 64), np.float32), **zeros))
    seen = look_at(bare(tmp_path / "m.npz"), LIMITS)
    assert (seen.kind, seen.suffix, seen.facts) == ("motion", ".npz", {"seconds": 1.0})
    save_style(tmp_path / "s.npz", StyleClip(np.zeros((50, 64), np.float32), "mesh64", "x"))
    assert look_at(bare(tmp_path / "s.npz"), LIMITS).kind == "style"
    (tmp_path / "t").write_text('[{"start": 0, "style": "happy"}, {"start": 2, "style": "sad"}]')
    timeline = look_at(tmp_path / "t", LIMITS)
    assert (timeline.kind, timeline.suffix, timeline.facts["styles"]) == ("timeline", ".json", 2)


def test_packed_files_must_not_unpack_to_gigabytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checking, "_MOST_UNPACKED", 10_000_000)
    bomb = tmp_path / "bomb"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as packed, packed.open("expression.npy", "w") as part:
        part.write(bytes(10_000_001))
    assert bomb.stat().st_size < 100_000
    with pytest.raises(UnusableInput, match="more than 500 MB"):
        look_at(bomb, LIMITS)


def test_covers_of_sound_files_make_no_video(make_sound: MakeSound, tmp_path: Path) -> None:
    sound = make_sound(tmp_path / "a.mp3", 1.0, 44_100, codec="libmp3lame")
    with av.open(str(sound)) as source, av.open(str(tmp_path / "b.mp3"), "w") as target:
        audio = target.add_stream_from_template(source.streams.audio[0])
        cover = target.add_stream("mjpeg", rate=1)
        cover.width, cover.height, cover.pix_fmt = 64, 64, "yuvj420p"
        cover.disposition = av.stream.Disposition.attached_pic
        for packet in cover.encode(av.VideoFrame(64, 64, "yuvj420p")):
            target.mux(packet)
        for packet in source.demux(source.streams.audio[0]):
            if packet.dts is not None:
                packet.stream = audio
                target.mux(packet)
    assert look_at(bare(tmp_path / "b.mp3"), LIMITS).kind == "audio"


def answer(number: int) -> int:
    return 2 * number


def fail() -> None:
    raise UnusableInput("The file is a diary. Send a picture.")


def crash() -> None:
    os._exit(3)


def hang() -> None:
    time.sleep(60.0)


def break_down() -> None:
    raise ZeroDivisionError


def test_a_reader_that_breaks_is_replaced() -> None:
    helper = Helper()
    try:
        assert helper.call(60.0, answer, 21) == 42
        with pytest.raises(UnusableInput, match="a diary"):
            helper.call(60.0, fail)
        with pytest.raises(Problem, match="cannot be read") as broken:
            helper.call(60.0, break_down)
        with pytest.raises(Problem, match="broke the reader") as crashed:
            helper.call(60.0, crash)
        assert broken.value.status == crashed.value.status == 422
        with pytest.raises(Problem, match="longer than"):
            helper.call(0.2, hang)
        assert helper.call(60.0, answer, 4) == 8
    finally:
        helper.close()


def test_messages_name_neither_paths_nor_flags() -> None:
    message = "/srv/data/uploads/ab12 is too small (9 × 9 px); at least 32 px. --style-neutral goes with it. See ab12."
    title, detail = told(message, {"/srv/data/uploads/ab12": "The picture", "ab12": "the picture"})
    assert title == "The picture is too small (9 × 9 px); at least 32 px."
    assert detail == "The option style_neutral goes with it. See the picture."
