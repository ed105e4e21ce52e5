"""Clips become numbers with intervals."""

from __future__ import annotations

import numpy as np
import pytest

from dreamtalk.evaluate.scoring import Score, combine
from dreamtalk.evaluate.sources import derangement, saying_else


def test_rates_weigh_by_their_events() -> None:
    found = combine([Score(1.0, 1), Score(0.0, 3)], "mean", 100, 0)
    assert found is not None
    assert found.value == 0.25
    assert (found.clips, found.weight) == (2, 4)


def test_clips_without_a_value_do_not_count() -> None:
    assert combine([Score(float("nan")), Score(0.5, 0)], "mean", 100, 0) is None
    found = combine([Score(float("nan")), Score(2.0)], "mean", 100, 0)
    assert found is not None and found.value == 2.0 and found.low == found.high == 2.0


def test_the_interval_covers_the_truth_about_95_times_in_100() -> None:
    rng = np.random.default_rng(0)
    hits = 0
    for trial in range(200):
        found = combine([Score(v) for v in rng.normal(3, 1, 30)], "mean", 300, trial)
        assert found is not None
        hits += found.low <= 3 <= found.high
    assert 0.88 < hits / 200 < 0.99


def test_the_median_ignores_one_wild_clip() -> None:
    found = combine([Score(v) for v in (0, 0, 0, 0, 8)], "median", 200, 0)
    assert found is not None and found.value == 0


def test_the_same_seed_gives_the_same_interval() -> None:
    scores = [Score(float(v)) for v in range(10)]
    assert combine(scores, "mean", 200, 1) == combine(scores, "mean", 200, 1)
    assert combine(scores, "mean", 200, 1) != combine(scores, "mean", 200, 2)


@pytest.mark.parametrize("count", [2, 3, 7, 48])
def test_a_derangement_moves_everything(count: int) -> None:
    order = derangement(count, np.random.default_rng(count))
    assert sorted(order) == list(range(count))
    assert all(place != value for place, value in enumerate(order))


def test_another_clip_says_something_else_as_far_as_words_are_known() -> None:
    words = ["kids", "kids", "dogs", "dogs", "dogs", "", ""]
    for seed in range(20):
        found = saying_else(words, np.random.default_rng(seed))
        for clip, other in enumerate(found):
            assert other is not None and other != clip
            assert not words[clip] or words[clip] != words[other]
    unknown = saying_else([""] * 7, np.random.default_rng(3))
    assert unknown == derangement(7, np.random.default_rng(3)), "in a cycle: nobody is everybody's other"
    assert saying_else(["a", "a"], np.random.default_rng(0)) == [1, 0]
    assert saying_else(["a"], np.random.default_rng(0)) == [None]
