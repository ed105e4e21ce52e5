"""Blinks: how often, what shape, and that chance is fair."""

from __future__ import annotations

import numpy as np

from dreamtalk.motion.blink import BlinkMotion
from dreamtalk.types import VIDEO_FPS, Float

MINUTE = 60 * VIDEO_FPS


def blinks(seed: int, frames: int, activity: Float | None = None) -> Float:
    machine = BlinkMotion(seed)
    heard = np.full(frames, 0.7) if activity is None else activity
    return np.array([machine.next(float(a)) for a in heard])


def events(closure: Float) -> list[tuple[int, int]]:
    """First and last frame of every blink."""
    shut = (closure.mean(axis=1) > 0).astype(int)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], shut, [0]])))
    return [(int(a), int(b) - 1) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def test_people_blink_every_two_to_four_seconds() -> None:
    speaking = np.mean([len(events(blinks(seed, 4 * MINUTE))) / 240 for seed in range(5)])
    silent = np.mean([len(events(blinks(seed, 4 * MINUTE, np.zeros(4 * MINUTE)))) / 240 for seed in range(5)])
    assert 0.25 <= speaking <= 0.5
    assert 0.25 <= silent <= 0.5


def test_phrases_end_with_blinks() -> None:
    phrase = np.concatenate([np.full(50, 0.7), np.zeros(25)])
    starts = np.array([a % 75 for s in range(6) for a, _ in events(blinks(s, 75 * 60, np.tile(phrase, 60)))])
    in_pause = ((starts >= 50) & (starts < 62)).sum() / 12
    in_speech = (starts < 50).sum() / 50
    assert in_pause > 2 * in_speech


def test_a_blink_shuts_the_eye_quickly_and_opens_it_slowly() -> None:
    closure = blinks(1, 10 * MINUTE).mean(axis=1)
    peaks = []
    for start, end in events(np.stack([closure, closure], axis=1)):
        part = closure[start : end + 1]
        peak = int(part.argmax())
        if part.max() > 0.9 and end - start < 12:  # a full, single one
            peaks.append((peak + 1, len(part) - peak))
        assert 3 <= len(part) <= 22
    falling, rising = np.mean(peaks, axis=0) / VIDEO_FPS
    assert 0.06 < falling < 0.17
    assert falling < rising < 0.30


def test_most_blinks_shut_the_eye_and_some_do_not() -> None:
    closure = blinks(2, 20 * MINUTE).mean(axis=1)
    depth = np.array([closure[a : b + 1].max() for a, b in events(np.stack([closure, closure], axis=1))])
    assert closure.max() <= 1.0
    assert 0.75 < (depth > 0.93).mean() < 0.97


def test_the_portrait_is_first_seen_with_its_eyes_open() -> None:
    assert not any(blinks(seed, 12).any() for seed in range(50))


def test_both_eyes_blink_together_but_not_alike() -> None:
    closure = blinks(3, 5 * MINUTE)
    assert np.corrcoef(closure.T)[0, 1] > 0.97
    assert not np.array_equal(closure[:, 0], closure[:, 1])


def test_the_seed_decides() -> None:
    assert np.array_equal(blinks(4, MINUTE), blinks(4, MINUTE))
    assert not np.array_equal(blinks(4, MINUTE), blinks(5, MINUTE))


def test_a_portrait_does_not_stare_for_long_before_its_first_blink() -> None:
    first = [events(blinks(seed, 10 * VIDEO_FPS, np.zeros(10 * VIDEO_FPS)))[0][0] / VIDEO_FPS for seed in range(40)]
    assert min(first) >= 0.46 and np.quantile(first, 0.95) < 3.5
