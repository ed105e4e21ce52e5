"""The stopwatch counts every moment once, for the innermost step."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dreamtalk.timing import Stopwatch


class Clock:
    """Shows what it is told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    def pass_by(self, seconds: float) -> None:
        self.now += seconds


def test_steps_inside_each_other_are_counted_once(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr("dreamtalk.timing.time.perf_counter", clock)
    watch = Stopwatch()

    def slow_items() -> Iterator[int]:
        for item in range(3):
            with watch.step("inner"):
                clock.pass_by(20)
            clock.pass_by(10)
            yield item

    with watch.step("outer"):
        for _ in watch.each("items", slow_items()):
            clock.pass_by(5)
    assert watch.seconds == {"outer": 15, "items": 30, "inner": 60}
    assert list(watch.seconds) == ["outer", "items", "inner"]
    assert sum(watch.seconds.values()) == watch.wall == 105


def test_a_step_that_fails_is_counted_too() -> None:
    watch = Stopwatch()
    with pytest.raises(ValueError), watch.step("outer"), watch.step("inner"):
        raise ValueError
    with watch.step("after"):
        pass
    assert set(watch.seconds) == {"outer", "inner", "after"}
