"""A recording holds what was shown, in step with what was heard, whole or not at all, and marked."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import av
import numpy as np
import pytest

from dreamtalk.errors import UnusableOutput
from dreamtalk.live import LiveFrame, LiveTalk, Record
from dreamtalk.options import TalkOptions
from dreamtalk.provenance.inspect import inspect
from dreamtalk.talker import Talker
from dreamtalk.types import Float, Portrait

LEVELS = 20
"""Brightnesses of frames that tell their numbers, 10 grey levels apart."""


@pytest.fixture(scope="module")
def face(debug_talker: Talker, examples: Path) -> Portrait:
    return debug_talker.portrait(examples / "portrait.jpg")


@pytest.fixture
def live(debug_talker: Talker, face: Portrait, monkeypatch: pytest.MonkeyPatch) -> LiveTalk:
    """A talk whose frames are flat, each as bright as its number says."""
    talk = debug_talker.live(face, TalkOptions(size=256, badge=False, provenance=False))

    def flat(*motion: Any) -> Any:
        return np.full((256, 256, 3), 30 + 10 * ((talk.frames - 1) % LEVELS), np.uint8)

    monkeypatch.setattr(talk._animator, "frame", flat)
    return talk


class Film(NamedTuple):
    """numbers: of frames, modulo LEVELS. sound: (n,) at 16 kHz, from the first frame on."""

    numbers: list[int]
    sound: Float


def film_of(path: Path) -> Film:
    with av.open(str(path)) as file:
        levels = [frame.to_ndarray(format="rgb24").mean() for frame in file.decode(video=0)]
    with av.open(str(path)) as file:
        parts = [(frame.time or 0.0, frame.to_ndarray()[0]) for frame in file.decode(audio=0)]
    sound = np.concatenate([part for _, part in parts])
    return Film([round((level - 30) / 10) for level in levels], sound[max(0, round(-16_000 * parts[0][0])) :])


def click(seconds: float, at: float) -> Float:
    """Speech that is silent but for 2 ms."""
    samples = np.zeros(round(16_000 * seconds), np.float32)
    samples[round(16_000 * at) :][:32] = 0.9
    return samples


def heard_at(frames: list[LiveFrame]) -> list[float]:
    """When the clicks are heard, by the frames as they were shown, s."""
    sound = np.concatenate([frame.sound for frame in frames])
    loud = np.flatnonzero(np.abs(sound) > 0.5)
    return [loud[n] / 16_000 for n in range(len(loud)) if n == 0 or loud[n] - loud[n - 1] > 1000]


def test_sound_and_picture_are_in_step_through_pauses_and_interruptions(live: LiveTalk, tmp_path: Path) -> None:
    live.record(tmp_path / "call.mp4")
    frames = list(live.idle(7))
    frames += [*live.push(click(1.0, 0.31)), *live.finish(), *live.idle(13)]
    frames += [*live.push(click(2.0, 0.5)), *live.interrupt(), *live.idle(3)]
    frames += [*live.push(click(0.8, 0.61)), *live.finish()]
    told = live.close()
    assert told is not None and told.frames == len(frames) and told.size == (256, 256) and not told.cut
    film = film_of(told.path)
    assert film.numbers == [frame.number % LEVELS for frame in frames], "every frame at its time"
    expected = heard_at(frames)
    assert len(expected) == 3 and expected[0] == pytest.approx(7 / 25 + 0.31)
    loud = np.flatnonzero(np.abs(film.sound) > 0.3)
    for one in expected:
        assert min(abs(loud / 16_000 - one)) < 0.005
    assert all(min(abs(n / 16_000 - one) for one in expected) < 0.02 for n in loud), "silence everywhere else"
    assert abs(len(film.sound) / 16_000 - told.seconds) < 0.1


def test_a_recording_is_marked_as_every_output_is(debug_talker: Talker, examples: Path, tmp_path: Path) -> None:
    options = TalkOptions(size=512, consent="It is me.")
    with debug_talker.live(examples / "portrait.jpg", options) as live:
        live.record(tmp_path / "call.mp4")
        for _ in live.idle(12):
            pass
        live.style("happy:2")
        for _ in live.idle(1):
            pass
        told = live.close()
    assert told is not None and told.marks.badge and told.marks.manifest and told.marks.watermark is not None
    found = inspect(told.path)
    assert found.manifest is not None and found.manifest.intact and found.comment is not None
    assert found.watermark is not None, "in the frames"
    talk = found.manifest.talk
    assert talk["consent"] == "It is me." and talk["settings"]["later styles"] == "happy:2"
    assert set(talk["inputs"]) == {"portrait"} and talk["watermark"] == f"{told.marks.watermark:08x}"


def test_without_a_frame_or_a_close_there_is_no_file(live: LiveTalk, tmp_path: Path) -> None:
    old = tmp_path / "old.mp4"
    old.write_bytes(b"an old call")
    live.record(old)
    assert live.close() is None and old.read_bytes() == b"an old call"
    live.record(old)
    assert len(list(live.idle(3))) == 3
    assert old.read_bytes() == b"an old call", "until it is complete"
    live.record(tmp_path / "new.mp4")  # finishes the one before
    assert film_of(old).numbers == [0, 1, 2]
    list(live.idle(2))
    assert live.close() is not None and live.close() is None
    assert film_of(tmp_path / "new.mp4").numbers == [3, 4]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["new.mp4", "old.mp4"]
    for wrong in ("call.png", "call.txt", tmp_path):
        with pytest.raises(UnusableOutput):
            live.record(wrong)


@pytest.mark.parametrize(("limit", "word"), [({"seconds": 1.0}, "1 s"), ({"bytes": 1}, "MB")])
def test_a_recording_ends_at_its_limits_and_the_talk_goes_on(
    live: LiveTalk, tmp_path: Path, limit: dict[str, Any], word: str
) -> None:
    live.record(Record(tmp_path / "call.mp4", **limit))
    assert len(list(live.idle(40))) == 40
    told = live.close()
    assert told is not None and told.frames == 25 and word in told.cut
    assert len(film_of(told.path).numbers) == 25


def test_a_disk_that_is_nearly_full_takes_no_recording_and_ends_one(
    live: LiveTalk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UnusableOutput, match="MB left"):
        live.record(Record(tmp_path / "call.mp4", spare=10**18))
    live.record(tmp_path / "call.mp4")
    assert len(list(live.idle(2))) == 2 and not live.recording_ended
    monkeypatch.setattr("dreamtalk.live.recording.shutil.disk_usage", lambda folder: SimpleNamespace(free=0))
    assert len(list(live.idle(40))) == 40 and "nearly full" in live.recording_ended
    told = live.close()
    assert told is not None and told.frames == 25 and told.cut and not live.recording_ended


def test_a_file_that_cannot_be_written_ends_no_talk(
    live: LiveTalk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(path: Path, frames: Any, *more: Any, **other: Any) -> None:
        next(frames)
        raise UnusableOutput("The disk is full.")

    monkeypatch.setattr("dreamtalk.live.recording.write_video", broken)
    live.record(tmp_path / "call.mp4")
    assert len(list(live.idle(60))) == 60, "more than may wait for the encoder"
    assert "cannot be written" in live.recording_ended
    with pytest.raises(UnusableOutput, match="full"):
        live.close()
    assert not list(tmp_path.iterdir())
