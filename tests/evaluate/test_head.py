"""Statistics of heads: known motions give known numbers, and what is learned resembles what it was learned from."""

from __future__ import annotations

import numpy as np
import pytest

from dreamtalk.evaluate.head import Double, Talk, learned, measure, ours, table
from dreamtalk.types import Float

FRAMES = 250


def speech(seed: int) -> Float:
    """(T,) two seconds of syllables, two of silence, again and again."""
    rng = np.random.default_rng(seed)
    spoken = np.repeat(np.arange(FRAMES // 50 + 1) % 2 == 0, 50)[:FRAMES]
    return (spoken * rng.uniform(0.4, 1.0, FRAMES)).astype(np.float32)


def swinging(hertz: float, degrees: float, activity: Float | None = None) -> Double:
    """(T, 3) a head that nods to and fro, only in speech where an activity is given."""
    angles = np.zeros((FRAMES, 3))
    angles[:, 0] = degrees * np.sin(2 * np.pi * hertz * np.arange(FRAMES) / 25)
    return angles if activity is None else angles * (activity > 0)[:, None]


def talk(angles: Double, seed: int = 0, group: str = "GRID") -> Talk:
    return Talk(f"clip{seed}", group, angles, speech(seed))


def test_a_known_swing() -> None:
    angles = swinging(1.5, 4.0) + swinging(1.5, 1.0)[:, [1, 0, 2]] + swinging(1.5, 1.0)[:, [1, 2, 0]]
    row = measure([angles], [talk(angles)], [angles])
    assert 7.0 < row.spread[0] < 8.0
    np.testing.assert_allclose(row.speed[0], 4 * 4.0 * 1.5, rtol=0.05)
    assert row.bands.argmax() == 2 and row.bands[2] > 0.8
    assert row.speeds == 0.0 and row.spreads == 0.0


def test_twice_as_fast_is_log_two_away() -> None:
    slow, fast = (
        swinging(1.0, size) + size * np.array([[0, 1, 1]]) * swinging(1.0, 1.0)[:, :1] for size in (20.0, 40.0)
    )
    row = measure([fast], [talk(slow)], [slow])
    assert 0.6 < row.speeds < np.log(2) + 0.01
    np.testing.assert_allclose(row.spreads, np.log(2), atol=0.01)


def test_moving_with_the_speech_shows() -> None:
    activity = speech(0)
    with_it = measure([swinging(2.0, 2.0, activity)], [talk(swinging(2.0, 2.0))], [swinging(2.0, 2.0)])
    always = measure([swinging(2.0, 2.0)], [talk(swinging(2.0, 2.0))], [swinging(2.0, 2.0)])
    assert with_it.loudness > 0.6 > 0.3 > abs(always.loudness)
    assert with_it.quiet < 0.3 < 0.8 < always.quiet


@pytest.mark.parametrize("louder", [False, True])
def test_what_is_learned_moves_like_its_teachers(louder: bool) -> None:
    teachers = [talk(ours(seed, speech(seed)), seed) for seed in range(6)]
    mover = learned(teachers, louder)
    made = [mover(seed, teacher.activity) for seed, teacher in enumerate(teachers)]
    row = measure(made, teachers, [teacher.angles for teacher in teachers])
    assert all(len(angles) == FRAMES for angles in made)
    assert row.speeds < 0.6
    assert (row.quiet < 0.7) == louder
    np.testing.assert_array_equal(made[0], mover(0, teachers[0].activity))


def test_the_table_has_a_row_for_each() -> None:
    talks = [talk(ours(seed, speech(seed)), seed) for seed in range(3)]
    lines = table(talks, talks, seeds=1)
    assert lines[0].startswith("| GRID (3 clips) |")
    assert [line.split(" | ")[0] for line in lines[2:5]] == [
        "| real", "| real, every other clip beside the rest", "| real train talkers"
    ]  # fmt: skip
    assert all(line.count("|") == lines[0].count("|") for line in lines)
