"""How long each step took, collected while the line runs."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar("T")


class Stopwatch:
    """Adds up seconds per named step, in the order in which the steps first ran.

    Steps run inside each other (the writer asks the renderer, which asks the motion model): time counts for the
    innermost only, so the sum is the whole. Threads have such stacks of their own: their steps overlap in time.
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._started = time.perf_counter()
        self._threads = threading.local()

    @property
    def wall(self) -> float:
        """Seconds since the stopwatch was made."""
        return time.perf_counter() - self._started

    @property
    def _inside(self) -> list[float]:
        """Seconds spent in inner steps, per step that this thread is in."""
        if not hasattr(self._threads, "inside"):
            self._threads.inside = []
        inside: list[float] = self._threads.inside
        return inside

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Count the time of a block for ``name``."""
        self.seconds.setdefault(name, 0.0)
        self._inside.append(0.0)
        start = time.perf_counter()
        try:
            yield
        finally:
            spent = time.perf_counter() - start
            self.seconds[name] += spent - self._inside.pop()
            if self._inside:
                self._inside[-1] += spent

    def each(self, name: str, items: Iterator[T]) -> Iterator[T]:
        """Pass items on, counting only the time it takes to make them."""
        while True:
            with self.step(name):
                try:
                    item = next(items)
                except StopIteration:
                    return
            yield item
