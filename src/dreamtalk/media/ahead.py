"""Making frames while earlier ones are being encoded: two cores instead of one, and a few frames more in memory."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from queue import Empty, Full, Queue
from typing import TypeVar

T = TypeVar("T")

_DEPTH = 8
"""Items that may wait."""

_PATIENCE = 0.1
"""Seconds after which a thread that waits looks whether it is still wanted."""


def ahead(items: Iterator[T], depth: int = _DEPTH) -> Iterator[T]:
    """The same items in the same order, made by a thread of their own, at most `depth` ahead.

    What making them raises is raised here. When the caller stops early, the thread stops and `items` is closed by it.
    """
    queue: Queue[tuple[T] | BaseException | None] = Queue(depth)
    unwanted = threading.Event()

    def offer(entry: tuple[T] | BaseException | None) -> None:
        while not unwanted.is_set():
            try:
                return queue.put(entry, timeout=_PATIENCE)
            except Full:
                continue

    def work() -> None:
        try:
            for item in items:
                offer((item,))
                if unwanted.is_set():
                    return
            offer(None)
        except BaseException as problem:
            offer(problem)
        finally:
            if hasattr(items, "close"):
                items.close()

    worker = threading.Thread(target=work, name="frames ahead", daemon=True)
    worker.start()
    try:
        while True:
            try:
                entry = queue.get(timeout=_PATIENCE)
            except Empty:  # a wait without end would not hear Ctrl-C on every system
                continue
            if entry is None:
                return
            if isinstance(entry, BaseException):
                raise entry
            yield entry[0]
    finally:
        unwanted.set()
        worker.join()
