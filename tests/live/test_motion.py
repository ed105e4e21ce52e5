"""Live motion is the offline motion bit for bit, pauses and interruptions are smooth, and nothing piles up."""

from __future__ import annotations

import threading
import tracemalloc
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dreamtalk.audio import WINDOWS
from dreamtalk.live.motion import LiveMotion, LiveRow
from dreamtalk.live.seam import TO_REST, TO_SPEECH
from dreamtalk.motion.spoken import MotionChoices, MotionParts
from dreamtalk.motion.stream import MotionStream, joined, motion_of
from dreamtalk.options import TalkOptions
from dreamtalk.style.timeline import StyleKey, Timeline
from dreamtalk.talker import Talker
from dreamtalk.types import SAMPLE_RATE, Float, Latency, Motion

NAMES = ("expression", "rotation", "translation", "gaze")
LATENCIES: tuple[Latency, ...] = ("quality", "live")
SIZES = st.lists(st.one_of(st.just(0), st.just(1), st.integers(0, 9_000)), min_size=1, max_size=16)
"""Samples per push; what is left of the speech comes last."""


def same(one: Motion, other: Motion) -> bool:
    return all(getattr(one, name).tobytes() == getattr(other, name).tobytes() for name in NAMES)


def cut(samples: Float, sizes: Sequence[int]) -> Iterable[Float]:
    ends = np.minimum(np.cumsum(sizes), len(samples))
    return np.split(samples, ends)


def said(live: LiveMotion, samples: Float, sizes: Sequence[int] = ()) -> list[LiveRow]:
    """One utterance, pushed in pieces, from beginning to end."""
    rows: list[LiveRow] = []
    for piece in cut(samples, sizes):
        live.push(piece)
        rows += live.ready()
    live.finish()
    return [*rows, *live.ready()]


def motion(rows: Iterable[LiveRow]) -> Motion:
    return joined(row.motion for row in rows)


def options_of(style: str) -> TalkOptions:
    return TalkOptions(style=style, latency="live")


@pytest.fixture(scope="module")
def shipped() -> Talker:
    return Talker("cpu", threads=1)


@pytest.fixture(scope="module")
def offline(quick: MotionParts, quick_choices: MotionChoices, speech: Float) -> dict[Latency, Motion]:
    return {name: joined(motion_of(speech, quick, replace(quick_choices, latency=name))) for name in LATENCIES}


@pytest.mark.parametrize("latency", LATENCIES)
@given(sizes=SIZES)
@settings(max_examples=6, deadline=None)
def test_any_pieces_give_what_the_whole_file_gives(
    latency: Latency,
    sizes: list[int],
    quick: MotionParts,
    quick_choices: MotionChoices,
    speech: Float,
    offline: dict[Latency, Motion],
) -> None:
    choices = replace(quick_choices, latency=latency)
    assert same(motion(said(LiveMotion(quick, choices), speech, sizes)), offline[latency])
    stream = MotionStream(quick, choices)
    made = [chunk for piece in cut(speech, sizes) for chunk in stream.push(piece)]
    assert same(joined(iter([*made, *stream.finish()])), offline[latency])


def test_the_modes_differ(offline: dict[Latency, Motion]) -> None:
    assert not np.array_equal(offline["quality"].expression, offline["live"].expression)
    assert len(offline["quality"]) == len(offline["live"]) == 68


@pytest.mark.parametrize("latency", LATENCIES)
def test_one_sample_at_a_time(
    latency: Latency, quick: MotionParts, quick_choices: MotionChoices, speech: Float
) -> None:
    choices, short = replace(quick_choices, latency=latency), speech[:9_000]
    one_by_one = motion(said(LiveMotion(quick, choices), short, [1] * len(short)))
    assert same(one_by_one, joined(motion_of(short, quick, choices)))


def test_nothing_at_all_is_one_frame_as_offline(quick: MotionParts, quick_choices: MotionChoices) -> None:
    nothing = np.zeros(0, np.float32)
    assert same(
        motion(said(LiveMotion(quick, quick_choices), nothing)), joined(motion_of(nothing, quick, quick_choices))
    )


def test_the_shipped_models_too(shipped: Talker, speech: Float) -> None:
    parts, choices = shipped._moving(options_of("happy"), shipped.motion_model, None)
    rows = said(LiveMotion(parts, choices), speech, [1, 700, 0, 12_345, 320])
    whole, live = joined(motion_of(speech, parts, choices)), motion(rows)
    assert same(live, whole)
    assert whole.tongue is not None and live.tongue is not None and np.array_equal(whole.tongue, live.tongue)


def test_a_frame_waits_for_no_more_than_a_third_of_a_second_of_sound(
    quick: MotionParts, quick_choices: MotionChoices, speech: Float
) -> None:
    live, heard, waited = LiveMotion(quick, quick_choices), 0, []
    for piece in cut(speech[:24_000], [20] * 1_200):
        live.push(piece)
        heard += len(piece)
        waited += [heard / SAMPLE_RATE - (row.speech or 0.0) for row in live.ready()]
    assert len(waited) > 20
    assert max(waited) <= 0.325
    window = WINDOWS["live"]
    assert min(waited) >= 0.02 * (window.after + 2)


class TestPauses:
    @pytest.fixture
    def live(self, quick: MotionParts, quick_choices: MotionChoices) -> LiveMotion:
        return LiveMotion(quick, quick_choices)

    def test_idle_frames_live_with_the_mouth_at_rest(self, quick: MotionParts, live: LiveMotion) -> None:
        rows = list(live.idle(25 * 25))
        resting = motion(rows)
        assert not resting.expression[:, list(quick.face.lower)].any()
        shut = np.array([quick.face.lid_closure(row).max() for row in resting.expression])
        assert 2 <= (np.diff((shut > 0.8).astype(int)) > 0).sum() <= 20, "blinks in 25 s"
        turned = np.degrees(resting.rotation)
        assert 0.3 < turned.std(axis=0).max() < 3.0 and np.abs(np.diff(turned, axis=0)).max() < 0.5
        assert np.abs(resting.gaze).max() > 0.01
        assert [row.number for row in rows] == list(range(625)) and all(row.speech is None for row in rows)

    def test_idle_does_not_depend_on_how_it_is_asked_for(
        self, quick: MotionParts, quick_choices: MotionChoices, live: LiveMotion
    ) -> None:
        other = LiveMotion(quick, quick_choices)
        pieces = [row for n in (1, 3, 0, 7, 1, 33) for row in other.idle(n)]
        assert same(motion(live.idle(45)), motion(pieces))

    def test_speech_after_a_pause_has_all_its_frames(
        self, quick: MotionParts, live: LiveMotion, speech: Float, offline: dict[Latency, Motion]
    ) -> None:
        list(live.idle(10))
        rows = said(live, speech)
        assert [row.speech for row in rows] == [pytest.approx(i / 25) for i in range(68)]
        assert len(motion(rows)) == len(offline["live"])
        assert not np.array_equal(motion(rows).rotation, offline["live"].rotation), "the head goes on"
        assert motion(rows).expression[40, list(quick.face.lower)].any()

    def test_late_speech_goes_on_where_it_stopped(self, live: LiveMotion, speech: Float) -> None:
        live.push(speech[:20_000])
        before = list(live.ready())
        assert live.speaking
        pause = list(live.idle(5))
        live.push(speech[20_000:])
        live.finish()
        after = list(live.ready())
        assert after[0].speech == pytest.approx((before[-1].speech or 0.0) + 0.04)
        assert [row.number for row in (*before, *pause, *after)] == list(range(68 + 5))
        assert not live.speaking

    def test_utterances_follow_each_other_unread(self, live: LiveMotion, speech: Float) -> None:
        for _ in range(2):
            live.push(speech[:8_000])
            live.finish()
        times = [row.speech for row in live.ready()]
        assert times == [pytest.approx(i / 25) for i in (*range(13), *range(13))]

    def test_splitting_a_push_changes_nothing_in_a_session(
        self, quick: MotionParts, quick_choices: MotionChoices, live: LiveMotion, speech: Float
    ) -> None:
        def session(live: LiveMotion, sizes: Sequence[int]) -> list[LiveRow]:
            rows = [*live.idle(7), *said(live, speech[:17_000], sizes), *live.idle(13)]
            live.push(speech)
            rows += [row for row, _ in zip(live.ready(), range(20), strict=False)]
            return [*rows, *live.interrupt(), *said(live, speech[30_000:], sizes)]

        other = LiveMotion(quick, quick_choices)
        assert same(motion(session(live, ())), motion(session(other, [5, 0, 4_000, 1, 9_000])))


class TestInterruption:
    def test_what_was_not_shown_is_forgotten(
        self, quick: MotionParts, quick_choices: MotionChoices, speech: Float
    ) -> None:
        live = LiveMotion(quick, quick_choices)
        live.push(speech)
        talking = live.ready()
        for _ in range(30):
            next(talking)
        rest = live.interrupt()
        assert next(talking, None) is None, "an iterator from before gives nothing any more"
        rows = list(rest)
        assert len(rows) == TO_REST <= 8 and all(row.speech is None for row in rows)
        assert not rows[-1].motion.expression[:, list(quick.face.lower)].any()
        assert not list(live.ready()) and not live.speaking
        again = said(live, speech[:16_000])
        assert again[0].speech == 0.0 and len(again) == 25
        assert [row.number for row in (*rows, *again)] == list(range(30, 30 + TO_REST + 25))


def test_seams_are_no_larger_than_steps_within_speech(shipped: Talker, speech: Float) -> None:
    parts, choices = shipped._moving(options_of("happy"), shipped.motion_model, None)
    live = LiveMotion(parts, replace(choices, blink="off"))
    rows = [*live.idle(12), *said(live, speech[:30_000]), *live.idle(12)]
    live.push(speech[4_000:])
    rows += [row for row, _ in zip(live.ready(), range(41), strict=False)]
    rows += [*live.interrupt(), *live.idle(6), *said(live, speech[9_000:20_000]), *live.idle(10)]
    points = parts.face.displacement(motion(rows).expression)
    steps = np.linalg.norm(np.diff(points, axis=0), axis=2).max(axis=1)  # iod per frame, of the quickest point
    spoken = np.array([row.speech is not None for row in rows])
    seam = spoken[1:] != spoken[:-1]
    near = np.convolve(seam, np.ones(2 * TO_SPEECH + 1), "same") > 0
    inside = spoken[1:] & spoken[:-1] & ~near
    assert seam.sum() == 6
    assert steps[near].max() <= steps[inside].max()


class TestStyles:
    def test_a_change_takes_its_time_and_arrives(self, quick: MotionParts, quick_choices: MotionChoices) -> None:
        plain = quick_choices.style
        smile = np.linspace(0.0, 1.0, 64, dtype=np.float32)
        happy = replace(plain, code=plain.code[::-1].copy(), rest=smile, source="happy")  # type: ignore[type-var, union-attr]
        live = LiveMotion(quick, quick_choices)
        list(live.idle(8))
        live.style(happy, 0.5)  # type: ignore[arg-type]
        shown = motion(live.idle(40)).expression[:, list(quick.face.lower)]
        wanted = 0.5 * smile[list(quick.face.lower)]
        share = shown @ wanted / (wanted @ wanted)
        assert share[0] < 0.02 and np.diff(share).max() < 0.15 and share[8] < 0.95
        assert np.allclose(shown[20:], wanted, atol=1e-5)

    def test_a_timeline_may_be_left(self, quick: MotionParts, quick_choices: MotionChoices) -> None:
        plain = quick_choices.style
        other = replace(plain, code=-plain.code)  # type: ignore[type-var, union-attr]
        line = Timeline((StyleKey(0.0, plain), StyleKey(0.2, other)))  # type: ignore[arg-type]
        live = LiveMotion(quick, replace(quick_choices, style=line))
        list(live.idle(10))
        for _ in range(50):
            live.style(plain)  # type: ignore[arg-type]
        list(live.idle(20))
        assert np.allclose(live._styles.frames(30, 1).code, plain.code)  # type: ignore[union-attr]


def test_sessions_in_threads_give_what_each_gives_alone(
    quick: MotionParts, quick_choices: MotionChoices, speech: Float
) -> None:
    def session(seed: int) -> Motion:
        live = LiveMotion(quick, replace(quick_choices, seed=seed))
        return motion([*live.idle(5), *said(live, speech[:24_000], [1_000] * 20), *live.idle(5)])

    alone = [session(seed) for seed in range(4)]
    together: dict[int, Motion] = {}

    def run(seed: int) -> None:
        together[seed] = session(seed)

    threads = [threading.Thread(target=run, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(same(alone[seed], together[seed]) for seed in range(4))
    assert not same(alone[0], alone[1])


def test_nothing_piles_up(quick: MotionParts, quick_choices: MotionChoices, speech: Float) -> None:
    live = LiveMotion(quick, quick_choices)
    held = []
    tracemalloc.start()
    try:
        for turn in range(8):
            live.push(speech[:12_800])
            for _ in zip(live.ready(), range(9), strict=False):
                pass
            for _ in live.interrupt() if turn % 2 else said(live, speech[:1_000]):
                pass
            for _ in live.idle(3):
                pass
            held.append(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
    assert max(held[5:]) < max(held[2:5]) + 100_000, "bytes"
