"""Brows rise on stressed syllables, seldom otherwise, and smoothly."""

from __future__ import annotations

import numpy as np

from dreamtalk.audio.encoder import FEATURES_PER_FRAME
from dreamtalk.audio.windows import WINDOWS
from dreamtalk.motion.brows import AHEAD_FRAMES, BrowAccents
from dreamtalk.motion.spoken import STRESS_AHEAD
from dreamtalk.motion.stress import UNSTRESSED
from dreamtalk.types import Float


def raises(stress: Float, seed: int, size: float = 1.0) -> Float:
    machine = BrowAccents(seed)
    padded = np.concatenate([stress, np.full(AHEAD_FRAMES, UNSTRESSED)]).tolist()
    for value in padded[:AHEAD_FRAMES]:
        machine.ahead(value)
    return np.array([machine.next(value, size) for value in padded[AHEAD_FRAMES:]])


def one_peak(at: int, height: float = 2.0, frames: int = 100) -> Float:
    time = np.arange(frames)
    return np.asarray(np.maximum(height - np.abs(time - at), -0.5))


def test_looking_ahead_makes_no_stream_wait() -> None:
    for latency, window in WINDOWS.items():
        # The encoder hears so far ahead anyway; live brows know less, and are up later.
        assert window.after // FEATURES_PER_FRAME + 1 >= STRESS_AHEAD[latency] > 0
    assert STRESS_AHEAD["quality"] == AHEAD_FRAMES


def test_brows_are_up_with_the_stress_and_come_down_again() -> None:
    paths = [raises(one_peak(50), seed) for seed in range(40)]
    raised = [path for path in paths if path.any()]
    assert 0.35 < len(raised) / len(paths) < 0.85, "some accents are followed, not all"
    for path in raised:
        assert 49 <= int(path.argmax()) <= 51 and 0.5 < path.max() < 2.5, "% iod"
        assert not path[:45].any() and not path[72:].any()
        assert np.abs(np.diff(path)).max() < 0.35 * path.max()


def test_even_speech_raises_no_brow() -> None:
    assert not any(raises(np.full(200, 0.3), seed).any() for seed in range(5))
    assert not any(raises(np.full(200, UNSTRESSED), seed).any() for seed in range(5))


def test_they_are_not_raised_all_the_time() -> None:
    busy = np.tile(one_peak(5, 2.0, 10), 100)
    starts = [((p[1:] > 0) & (p[:-1] == 0)).sum() / 40.0 for p in (raises(busy, seed) for seed in range(6))]
    assert 0.3 < float(np.mean(starts)) < 1.3, "per second"


def test_the_style_makes_them_larger_and_the_seed_other_ones() -> None:
    busy = np.tile(one_peak(20, 2.0, 40), 10)
    assert np.allclose(raises(busy, 1, 1.5), 1.5 * raises(busy, 1))
    assert not np.array_equal(raises(busy, 1), raises(busy, 2))
