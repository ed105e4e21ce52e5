"""Head motion: smooth, small, alive in speech and calm in silence."""

from __future__ import annotations

import numpy as np

from dreamtalk.motion.head import LIMIT, HeadMotion, place_of
from dreamtalk.types import VIDEO_FPS, Float

PHRASES = np.tile(np.concatenate([np.tile([0.3, 0.5, 0.95, 0.8, 0.4], 15), np.zeros(25)]), 12)
"""Syllables five times per second in phrases of 3 s, with pauses of 1 s."""


def angles(seed: int, activity: Float) -> Float:
    """(T, 3) degrees."""
    machine = HeadMotion(seed)
    return np.degrees([machine.next(float(a))[0] for a in activity])


def test_it_starts_in_the_portraits_own_pose_without_a_jerk() -> None:
    for seed in range(10):
        path = angles(seed, PHRASES[:10])
        assert np.abs(path[0]).max() < 0.2
        assert np.abs(path[1] - path[0]).max() < 0.3


def test_it_moves_as_much_as_calm_talkers_do() -> None:
    paths = [angles(seed, PHRASES) for seed in range(6)]
    spread = np.mean([path.std(axis=0) for path in paths], axis=0)
    speed = np.mean([np.abs(np.diff(path, axis=0)).mean(axis=0) for path in paths], axis=0) * VIDEO_FPS
    assert (spread > [0.7, 0.7, 0.5]).all() and (spread < [2.6, 3.2, 3.0]).all()
    assert (speed > 0.8).all() and (speed < 6).all()


def test_it_stays_small_and_smooth() -> None:
    for seed in range(10):
        path = angles(seed, PHRASES)
        assert np.abs(path).max() < LIMIT
        assert np.abs(np.diff(path, axis=0)).max() * VIDEO_FPS < 40, "degrees per second"
        assert np.abs(np.diff(path, n=2, axis=0)).max() * VIDEO_FPS**2 < 500, "degrees per second squared"


def test_it_is_slower_in_silence() -> None:
    def speed(activity: Float) -> float:
        return float(np.mean([np.abs(np.diff(angles(s, activity), axis=0)).mean() for s in range(4)]))

    assert speed(np.zeros(1000)) < 0.5 * speed(PHRASES[:1000])


def test_accents_are_followed_by_nods() -> None:
    one = np.concatenate([np.full(100, 0.4), [0.6, 0.95, 0.9], np.full(30, 0.4)])
    none = np.full(len(one), 0.4)
    bends = np.array([np.abs(angles(s, one) - angles(s, none))[:, 0].max() for s in range(40)])
    assert 0.2 < (bends > 0.5).mean() < 0.9, "some accents are nodded, not all"
    assert all(np.array_equal(angles(s, one)[:100], angles(s, none)[:100]) for s in range(5)), "never before the accent"


def test_the_head_turns_about_the_neck() -> None:
    assert not place_of(np.zeros(3)).any()
    nod_down, tilt = place_of(np.array([0.1, 0, 0])), place_of(np.array([0, 0, 0.1]))
    assert nod_down[2] < 0 < nod_down[1], "a nod brings the face forward and down"
    assert abs(tilt[0]) > 0.05, "a tilt carries the face sideways"


def test_the_seed_decides() -> None:
    assert np.array_equal(angles(1, PHRASES[:300]), angles(1, PHRASES[:300]))
    assert not np.array_equal(angles(1, PHRASES[:300]), angles(2, PHRASES[:300]))
