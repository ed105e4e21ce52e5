"""The visible mark is there, in the corner, small, and readable on any background."""

from __future__ import annotations

import numpy as np
import pytest

from dreamtalk.provenance import Badge, origin_comment


@pytest.mark.parametrize("side", [128, 256, 512, 1024])
@pytest.mark.parametrize("level", [0, 128, 255])
def test_badge_is_a_small_patch_in_the_corner_with_contrast(side: int, level: int) -> None:
    plain = np.full((side, side, 3), level, np.uint8)
    marked = Badge(side, side).draw(plain.copy())
    rows, columns = np.nonzero((marked != plain).any(axis=2))
    assert rows.min() > 0.8 * side and columns.min() > 0.7 * side
    assert rows.max() < side - 1 and columns.max() < side - 1
    assert len(rows) < 0.02 * side * side
    patch = marked[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1, 0].astype(int)
    # Letters are nearly white; on white the plate behind them is what differs.
    assert np.percentile(patch, 98) - np.percentile(patch, 20) > 60


def test_a_frame_too_small_for_the_badge_stays_as_it_is() -> None:
    assert (Badge(20, 20).draw(np.zeros((20, 20, 3), np.uint8)) == 0).all()


def test_the_comment_says_that_the_video_is_synthetic() -> None:
    assert "synthetic" in origin_comment().lower() and "dreamtalk" in origin_comment()
