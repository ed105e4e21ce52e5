"""The sound of a frame is what was pushed for it."""

from __future__ import annotations

import numpy as np

from dreamtalk.live.sound import FRAME_SAMPLES, PushedSound


def test_the_sound_of_a_frame_is_what_was_pushed_for_it() -> None:
    said, sound = np.random.default_rng(1).normal(size=9_000).astype(np.float32), PushedSound()
    for piece in np.split(said, [0, 1, 2, 700, 701, 5_000]):
        sound.push(piece)
    sound.finish()
    heard = [sound.of(speech) for speech in (0.0, 0.04, None, *(0.04 * number for number in range(3, 15)))]
    assert np.array_equal(heard[0].samples, said[:640]) and np.array_equal(heard[1].samples, said[640:1280])
    assert not heard[2].samples.any(), "a pause"
    assert np.array_equal(np.concatenate([one.samples for one in heard[3:]])[:7_080], said[1920:])
    assert [one.ended for one in heard] == [()] * 14 + [(0,)]
    sound.push(said)
    assert sound.of(0.0).utterance == 1


def test_an_utterance_without_a_sample_takes_nothing_from_the_next() -> None:
    sound = PushedSound()
    sound.finish()
    sound.push(np.full(640, 0.5, np.float32))
    first = sound.of(0.0)
    assert first.samples.shape == (FRAME_SAMPLES,) and first.samples.all()
    assert first.ended == (0,) and first.utterance == 1


def test_what_was_interrupted_is_not_heard() -> None:
    sound = PushedSound()
    sound.push(np.ones(6_400, np.float32))
    assert sound.of(0.0).samples.all()
    sound.interrupt()
    assert not sound.of(None).samples.any()
    sound.push(np.full(640, 0.5, np.float32))
    assert sound.of(0.0).samples[0] == 0.5 and sound.of(None).utterance == 1
