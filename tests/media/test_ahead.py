"""Items made ahead: the same ones, at the same time as others are used, and nothing left running."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from dreamtalk.media.ahead import ahead


def _running() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name == "frames ahead"]


def test_same_items_in_the_same_order() -> None:
    assert list(ahead(iter(range(100)), depth=3)) == list(range(100))
    assert not _running()


def test_making_and_using_overlap() -> None:
    def slow() -> Iterator[int]:
        for item in range(10):
            time.sleep(0.02)
            yield item

    start = time.perf_counter()
    for _ in ahead(slow()):
        time.sleep(0.02)
    assert time.perf_counter() - start < 0.36  # one after the other: 0.40 and more


def test_it_never_runs_far_ahead() -> None:
    made: list[int] = []
    items = ahead((made.append(item) or item for item in range(50)), depth=4)  # type: ignore[func-returns-value]
    next(items)
    time.sleep(0.2)
    assert len(made) <= 6
    items.close()  # type: ignore[attr-defined]


def test_errors_come_through() -> None:
    def failing() -> Iterator[int]:
        yield 1
        raise ValueError("broken frame")

    items = ahead(failing())
    assert next(items) == 1
    with pytest.raises(ValueError, match="broken frame"):
        next(items)
    assert not _running()


def test_stopping_early_stops_the_thread_and_closes_the_source() -> None:
    closed = threading.Event()

    def endless() -> Iterator[int]:
        try:
            while True:
                yield 0
        finally:
            closed.set()

    items = ahead(endless(), depth=2)
    next(items)
    items.close()  # type: ignore[attr-defined]
    assert closed.is_set() and not _running()
