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


def test_the_next_item_is_made_while_one_is_used() -> None:
    making = [threading.Event() for _ in range(3)]

    def items() -> Iterator[int]:
        for number, event in enumerate(making):
            event.set()
            yield number

    source = ahead(items(), depth=1)
    assert next(source) == 0
    assert making[1].wait(timeout=10), "nobody makes the second item before it is asked for"
    assert list(source) == [1, 2]


def test_it_never_runs_far_ahead() -> None:
    made: list[int] = []

    def items() -> Iterator[int]:
        for number in range(50):
            made.append(number)
            yield number

    source = ahead(items(), depth=4)
    next(source)
    time.sleep(0.3)  # all the time it wants
    assert len(made) <= 1 + 4 + 1  # taken, waiting, in its hand
    source.close()  # type: ignore[attr-defined]


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
