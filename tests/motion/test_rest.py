"""Speech activity and the resting mouth."""

from __future__ import annotations

import numpy as np
import pytest

from dreamtalk.motion.rest import (
    ANTICIPATION_FRAMES,
    AUDIBLE,
    HOLD_FRAMES,
    SPEAKING,
    ActivityMeter,
    at_rest,
    rest_weight,
    speech_activity,
)
from dreamtalk.types import SAMPLE_RATE, VIDEO_FPS, Float


def syllables(seconds: float, seed: int = 0) -> Float:
    """Something like speech: a buzz through a formant, swelling four times per second, with short closures."""
    time = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    rng = np.random.default_rng(seed)
    buzz = sum(np.sin(2 * np.pi * f * time + rng.uniform(0, 6)) / k for k, f in enumerate(range(140, 3400, 140), 1))
    swell = np.clip(np.sin(2 * np.pi * 4 * time), 0, None) ** 0.5
    return (0.08 * buzz * swell).astype(np.float32)


def quiet(seconds: float) -> Float:
    return np.zeros(round(seconds * SAMPLE_RATE), dtype=np.float32)


def frames(start: float, end: float) -> slice:
    return slice(round(start * VIDEO_FPS), round(end * VIDEO_FPS))


TALK = np.concatenate([quiet(1), syllables(2), quiet(1), syllables(1.5), quiet(1)])


def test_silence_is_no_speech_and_the_mouth_rests_throughout() -> None:
    activity = speech_activity(quiet(3))
    assert len(activity) == 75
    assert not activity.any()
    assert (rest_weight(activity) == 1).all()


def test_speech_is_heard_where_it_is() -> None:
    activity = speech_activity(TALK)
    assert not activity[frames(0, 0.9)].any()
    assert not activity[frames(3.15, 3.9)].any()
    assert (activity[frames(1.1, 2.9)] >= SPEAKING).mean() > 0.6
    assert activity.max() <= 1.0


@pytest.mark.parametrize("gain", [0.05, 0.2, 2.0])
def test_loudness_of_the_recording_does_not_matter(gain: float) -> None:
    loud, other = speech_activity(TALK) >= SPEAKING, speech_activity(TALK * np.float32(gain)) >= SPEAKING
    assert (loud == other).mean() > 0.93
    assert (rest_weight(other.astype(np.float32)) == 1)[frames(3.7, 3.8)].all()


def test_steady_noise_counts_as_silence_once_it_is_known() -> None:
    noise = np.random.default_rng(1).normal(0, 0.004, len(TALK)).astype(np.float32)  # about -48 dB
    activity = speech_activity(TALK + noise)
    assert not activity[frames(3.2, 3.9)].any()
    assert (activity[frames(1.1, 2.9)] >= SPEAKING).mean() > 0.5


@pytest.mark.parametrize("piece", [100, 333, 777])
def test_pieces_give_the_same_as_the_whole(piece: int) -> None:
    meter = ActivityMeter()
    pieces = [meter.push(TALK[at : at + piece]) for at in range(0, len(TALK), piece)]
    assert np.array_equal(np.concatenate([*pieces, meter.finish()]), speech_activity(TALK))


@pytest.mark.parametrize(("samples", "count"), [(1, 1), (640, 1), (641, 2), (16000, 25)])
def test_as_many_values_as_frames_cover_the_samples(samples: int, count: int) -> None:
    assert len(speech_activity(np.zeros(samples, dtype=np.float32))) == count


def test_the_mouth_is_free_before_speech_begins_and_rests_again_after_the_hold() -> None:
    activity = np.zeros(60, dtype=np.float32)
    activity[20:30] = 0.8
    weight = rest_weight(activity)
    assert weight[20 - ANTICIPATION_FRAMES - 1] == 1
    assert (weight[20 : 30 + HOLD_FRAMES - 1] == 0).all()
    assert weight[30 + HOLD_FRAMES + 5] == 1
    assert np.abs(np.diff(weight)).max() < 0.6, "eased, not switched"


def test_the_mouth_never_rests_inside_words() -> None:
    activity = np.full(60, 0.8, dtype=np.float32)
    activity[20 : 20 + HOLD_FRAMES - 1] = 0  # a long closure
    assert not rest_weight(activity).any()


def test_a_file_may_begin_inside_a_word() -> None:
    assert rest_weight(speech_activity(syllables(1)[1600:]))[:10].max() == 0


def test_breathing_in_before_speech_keeps_the_mouth_free() -> None:
    rng = np.random.default_rng(2)
    room = rng.normal(0, 0.001, 4 * SAMPLE_RATE).astype(np.float32)  # -60 dB
    breath = rng.normal(0, 0.0022, SAMPLE_RATE // 2).astype(np.float32)  # 7 dB more
    sound = np.concatenate([room, breath, syllables(1) + room[:SAMPLE_RATE], room])
    activity = speech_activity(sound)
    assert (activity[frames(4.05, 4.45)] == AUDIBLE).mean() > 0.8
    weight = rest_weight(activity)
    assert (weight[frames(2.0, 3.7)] == 1).all(), "a known room is silent"
    assert (weight[frames(4.0, 5.0)] == 0).all()


def test_what_rustles_on_is_no_breath() -> None:
    activity = np.tile([AUDIBLE, AUDIBLE, 0, 0, 0, AUDIBLE, 0, 0], 20)
    weight = rest_weight(activity)
    assert (weight[:24] == 0).all()
    assert (weight[60:-ANTICIPATION_FRAMES] == 1).all()
    again = rest_weight(np.concatenate([activity, np.full(10, 0.8)]))
    assert (again[160:] == 0).all()


def test_an_unknown_room_is_not_taken_for_silence() -> None:
    room = np.random.default_rng(3).normal(0, 0.001, 2 * SAMPLE_RATE).astype(np.float32)
    weight = rest_weight(speech_activity(room))
    assert (weight[:20] == 0).all(), "the motion model decides while the noise floor is being learnt"
    assert (weight[-8:] == 1).all()


def test_only_the_lower_face_rests() -> None:
    expression = np.ones((50, 64), dtype=np.float32)
    rested = at_rest(expression, np.zeros(50, dtype=np.float32), tuple(range(40)))
    assert not rested[:, :40].any()
    assert (rested[:, 40:] == 1).all()
    smile = np.full(64, 0.3, dtype=np.float32)
    assert np.allclose(at_rest(expression, np.zeros(50, dtype=np.float32), (0, 1), smile)[:, :2], 0.3)
