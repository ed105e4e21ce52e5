"""Work shared among threads, with results in order."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

_WAITING_PER_THREAD = 2
"""Items given out per thread: one it works on, one that waits, so that no thread waits for the reader."""
_MOST_RENDERING = 8
"""Threads that draw frames by default, at most: beyond that the video encoder is the slower one."""


def rendering_threads() -> int:
    """How many threads draw frames by default: one core is left for the video encoder, one for the networks."""
    return min(_MOST_RENDERING, max(1, (os.cpu_count() or 1) - 2))


def mapped(function: Callable[[Item], Result], items: Iterable[Item], threads: int) -> Iterator[Result]:
    """function(item) of each item, in order, by so many threads; as many items are read ahead as keep them busy.

    What the function raises is raised here, in its place. One thread: no threads at all, nothing is read ahead.
    """
    if threads <= 1:
        yield from map(function, items)
        return
    waiting: deque[Future[Result]] = deque()
    pool = ThreadPoolExecutor(threads, thread_name_prefix="dreamtalk frames")
    try:
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) >= threads * _WAITING_PER_THREAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
