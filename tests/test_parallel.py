"""Work by several threads: the same results in the same order, errors in their place, nothing left running."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from dreamtalk.parallel import mapped, rendering_threads


def running() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("dreamtalk frames")]


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_results_come_in_order(threads: int) -> None:
    assert list(mapped(lambda number: number * number, range(50), threads)) == [number * number for number in range(50)]
    assert not running()


def test_threads_work_at_the_same_time() -> None:
    together = threading.Barrier(3, timeout=10)  # breaks unless three are there at once
    assert len(list(mapped(lambda _: together.wait(), range(6), 3))) == 6


def test_it_does_not_read_far_ahead() -> None:
    read: list[int] = []

    def items() -> Iterator[int]:
        for number in range(100):
            read.append(number)
            yield number

    results = mapped(lambda number: number, items(), 2)
    assert next(results) == 0
    assert len(read) <= 4
    results.close()  # type: ignore[attr-defined]
    assert not running()


@pytest.mark.parametrize("threads", [1, 3])
def test_errors_come_in_their_place(threads: int) -> None:
    results = mapped(lambda number: 6 // (3 - number), range(5), threads)
    assert [next(results), next(results), next(results)] == [2, 3, 6]
    with pytest.raises(ZeroDivisionError):
        next(results)
    assert not running()


def test_at_least_one_thread_draws() -> None:
    assert rendering_threads() >= 1
