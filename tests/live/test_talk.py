"""Live frames are the offline frames, marked; and by the clock nothing is lost or out of order."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pytest

from dreamtalk.errors import UnusableInput
from dreamtalk.live import LiveFrame, LiveTalk, Paced
from dreamtalk.options import TalkOptions
from dreamtalk.talker import Talker
from dreamtalk.types import Float, Portrait, Speech


@pytest.fixture(scope="module")
def face(debug_talker: Talker, examples: Path) -> Portrait:
    return debug_talker.portrait(examples / "portrait.jpg")


@pytest.fixture
def live(debug_talker: Talker, face: Portrait) -> LiveTalk:
    return debug_talker.live(face, TalkOptions(size=256))


def test_frames_are_those_of_the_file(debug_talker: Talker, face: Portrait, live: LiveTalk, speech: Float) -> None:
    short = speech[:8_100]
    frames = [frame for at in range(0, 8_100, 700) for frame in live.push(short[at : at + 700])]
    frames += live.finish()
    options = TalkOptions(size=256, latency="live")
    whole = list(debug_talker.stream(face, Speech(short), options))
    pieces = list(debug_talker.stream(face, iter([short[:50], short[50:]]), TalkOptions(size=256), latency="live"))
    assert len(frames) == len(whole) == len(pieces) == 13
    assert all(
        np.array_equal(a.image, b) and np.array_equal(b, c) for a, b, c in zip(frames, whole, pieces, strict=True)
    )
    assert [frame.number for frame in frames] == list(range(13))
    assert [frame.seconds for frame in frames] == [frame.speech for frame in frames]


def test_every_frame_is_marked(debug_talker: Talker, face: Portrait, live: LiveTalk) -> None:
    plain = debug_talker.live(face, TalkOptions(size=256, badge=False, provenance=False))
    for marked, bare in zip(live.idle(3), plain.idle(3), strict=True):
        difference = np.abs(marked.image.astype(int) - bare.image.astype(int))
        assert difference[-40:, -60:].max() > 40, "the badge"
        assert 0.1 < difference[:200, :200].mean() < 4.0, "the watermark"
    assert live.size == (256, 256)


def test_speech_must_be_a_row_of_numbers(live: LiveTalk) -> None:
    for wrong in (np.zeros((2, 320), np.float32), np.zeros(320, np.int16)):
        with pytest.raises(UnusableInput, match="row of float samples"):
            live.push(wrong)  # type: ignore[arg-type]
    broken = np.full(9_000, np.nan, np.float32)
    assert all(np.isfinite(frame.seconds) for frame in live.push(broken))


def test_what_must_hear_the_whole_speech_is_refused(debug_talker: Talker, face: Portrait, speech: Float) -> None:
    with pytest.raises(UnusableInput, match="auto"):
        debug_talker.live(face, TalkOptions(style="auto"))
    with pytest.raises(UnusableInput, match="renderer mesh"):
        debug_talker.live(face, TalkOptions(renderer="pirenderer", renderer_weights="none.safetensors"))
    with pytest.raises(UnusableInput, match="whole speech"):
        debug_talker.stream(face, iter([speech]), TalkOptions(style="auto"))


def test_a_style_that_is_none_is_refused_and_nothing_changes(live: LiveTalk) -> None:
    with pytest.raises(UnusableInput):
        live.style("no such style")
    with pytest.raises(UnusableInput):
        live.style("neutral", 99.0)
    assert len(list(live.idle(2))) == 2


def in_order(frames: list[LiveFrame]) -> list[float]:
    """The times of speech, of frames that are one row without a gap."""
    assert [frame.number for frame in frames] == list(range(len(frames)))
    return [round(25 * frame.speech) for frame in frames if frame.speech is not None]


def test_by_the_clock_all_speech_is_shown_once_and_in_order(live: LiveTalk, speech: Float) -> None:
    paced, frames = Paced(live), []
    for frame in paced:
        frames.append(frame)
        if frame.number == 2:
            paced.push(speech[:3_000])
        if frame.number == 6:  # late: the face waits or pauses, and goes on
            paced.push(speech[3_000:7_000])
            paced.finish()
        if len([1 for frame in frames if frame.speech is not None]) == 11:
            paced.close()
    assert in_order(frames) == list(range(11))
    assert all(frame.speech is None for frame in frames[:3])


class MadeUpTime:
    """A clock that goes on only where somebody waits; also the condition that is waited for."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def wait(self, seconds: float) -> None:
        self.now += seconds

    def notify_all(self) -> None:
        pass

    def __enter__(self) -> None:
        pass

    def __exit__(self, *error: object) -> None:
        pass


def test_a_gap_is_waited_for_once(live: LiveTalk, speech: Float, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = MadeUpTime()
    monkeypatch.setattr("dreamtalk.live.paced.time", clock)
    paced, shown = Paced(live, patience=0.08), []
    paced._news = clock  # type: ignore[assignment]
    for frame in paced:
        shown.append((clock.now, frame.speech))
        if frame.number == 1:
            paced.push(speech[:9_000])  # and no end: frames up to 0.24 s can be made
        if frame.number == 16:
            paced.close()
    steps = np.diff([time for time, _ in shown])
    spoken = [number for number, (_, second) in enumerate(shown) if second is not None]
    assert spoken == list(range(2, 2 + len(spoken))) and 5 <= len(spoken) <= 9
    gap = spoken[-1]
    assert steps[gap] == pytest.approx(0.12), "40 ms as always, and 80 ms of patience"
    assert np.delete(steps, gap) == pytest.approx(np.full(len(steps) - 1, 0.04))


@pytest.mark.parametrize(("cost", "held"), [(0.06, 25), (0.3, 66), (1.5, 55)])
def test_a_slow_machine_leaves_out_pictures_and_nothing_else(
    debug_talker: Talker,
    face: Portrait,
    speech: Float,
    monkeypatch: pytest.MonkeyPatch,
    cost: float,
    held: int,
) -> None:
    """Drawing takes `cost` seconds; about `held` of a hundred frames are not drawn."""
    clock, options = MadeUpTime(), TalkOptions(size=256, provenance=False)
    live, calm = (debug_talker.live(face, options) for _ in range(2))
    draw = live._animator.frame
    monkeypatch.setattr("dreamtalk.live.paced.time", clock)
    monkeypatch.setattr(live._animator, "frame", lambda *motion: (clock.wait(cost), draw(*motion))[1])
    paced, shown, late = Paced(live), list[LiveFrame](), list[float]()
    paced._news = clock  # type: ignore[assignment]
    for frame in paced:
        shown.append(frame)
        late.append(clock.now - frame.seconds)
        if frame.number == 9:
            paced.push(speech[:15_000])
            paced.finish()
        if frame.number == 44:
            paced.close()
    assert abs(sum(frame.held for frame in shown) - 0.45 * held) <= 4
    if cost < 4 * 0.04:
        assert max(late) < 0.3 + 0.04 + cost + 1e-6, "the delay has a bound"
    assert (paced.lost > 0.0) == (max(late) > 2.0 + cost), "the clock was started anew, and says so"
    in_order(shown)
    begin = next(frame.number for frame in shown if frame.speech is not None)
    want = [*calm.idle(begin), *calm.push(speech[:15_000]), *calm.finish()]
    for frame, right in zip(shown, want, strict=False):
        assert frame.speech == right.speech and np.array_equal(frame.sound, right.sound), "no sound is lost"
        if not frame.held:
            assert np.array_equal(frame.image, right.image), "the picture for its time"
    spoken = np.concatenate([frame.sound for frame in shown if frame.speech is not None])
    assert np.array_equal(spoken[:15_000], speech[:15_000])
    assert not any(frame.held for frame in shown if frame.ended), "by the last one clients know that it is over"
    runs = "".join("h" if frame.held else "." for frame in shown)
    assert "h" * 4 not in runs, "the face never stands still for long"


def test_by_the_clock_it_can_be_interrupted(live: LiveTalk, speech: Float) -> None:
    async def listen() -> list[LiveFrame]:
        paced, frames = Paced(live), []
        paced.push(speech)
        async for frame in paced:
            frames.append(frame)
            if frame.number == 4:
                paced.interrupt()
            if frame.number == 12:
                paced.close()
        return frames

    frames = asyncio.run(listen())
    assert len(in_order(frames)) <= 6, "one more may have been made already"
    assert all(frame.speech is None for frame in frames[6:])
    with pytest.raises(UnusableInput):
        Paced(live).push(np.zeros((1, 2), np.float32))
