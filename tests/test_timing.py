"""The stopwatch counts every moment once, for the innermost step."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from dreamtalk.timing import Stopwatch


def test_steps_inside_each_other_are_counted_once() -> None:
    watch = Stopwatch()

    def slow_items() -> Iterator[int]:
        for item in range(3):
            with watch.step("inner"):
                time.sleep(0.02)
            time.sleep(0.01)
            yield item

    start = time.perf_counter()
    with watch.step("outer"):
        for _ in watch.each("items", slow_items()):
            time.sleep(0.005)
    whole = time.perf_counter() - start
    assert list(watch.seconds) == ["outer", "items", "inner"]
    assert sum(watch.seconds.values()) == pytest.approx(whole, abs=0.05)
    assert watch.seconds["inner"] > watch.seconds["items"] > watch.seconds["outer"] > 0.01


def test_a_step_that_fails_is_counted_too() -> None:
    watch = Stopwatch()
    with pytest.raises(ValueError), watch.step("outer"), watch.step("inner"):
        raise ValueError
    with watch.step("after"):
        pass
    assert set(watch.seconds) == {"outer", "inner", "after"}
