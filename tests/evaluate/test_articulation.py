"""The area under the curve, and the time between what is heard and what lips do."""

from __future__ import annotations

import numpy as np
import pytest

from dreamtalk.evaluate.articulation import GESTURES, _Heard, _score, area
from dreamtalk.motion.reader import GROUPS


def test_area_is_the_chance_to_rank_right() -> None:
    said = np.array([True, True, False, False])
    assert area(said, np.array([0.9, 0.8, 0.2, 0.1], np.float32)) == 1.0
    assert area(said, np.array([0.9, 0.1, 0.2, 0.1], np.float32)) == pytest.approx(0.625)
    assert area(said, np.full(4, 0.5, np.float32)) == 0.5
    assert np.isnan(area(np.zeros(4, np.bool_), np.zeros(4, np.float32)))


def clip(at: int, late: int) -> _Heard:
    """A b heard around feature `at`, lips that meet so many frames before it is heard."""
    groups = np.full(100, GROUPS.index("open vowel"))
    groups[at - 2 : at + 3] = GROUPS.index("p b")
    probabilities = np.eye(len(GROUPS), dtype=np.float32)[groups]
    lips = np.full(50, 9.0, np.float32)
    lips[at // 2 - late] = 0.5
    return _Heard(probabilities, groups, lips)


def test_a_perfect_reader_scores_full_and_its_lag_is_measured() -> None:
    score = _score([clip(40, 2), clip(70, 2)])
    assert score.auc["p b m"] == 1.0 and score.shuffled["p b m"] < 0.6
    assert score.found == 1.0 and set(score.auc) == set(GESTURES)
    np.testing.assert_array_equal(score.lag, [2.0, 2.0])
