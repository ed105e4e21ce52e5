"""How a batch goes on: a bar with rate and time left on a terminal, a line now and then elsewhere; both on stderr."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from dreamtalk.foreign import printable

_LINES = 10
"""Lines of progress where there is no terminal."""

_MINUTE, _HOUR = 60.0, 3600.0


class Board(Protocol):
    """Where news of a batch go."""

    def done(self, failed: bool = False) -> None:
        """One more row has come to its end."""

    def say(self, line: str) -> None:
        """A line that stays."""


@contextmanager
def board(title: str, total: int) -> Iterator[Board]:
    """The board of a batch of so many rows."""
    console = Console(stderr=True, soft_wrap=True, highlight=False)
    if not console.is_terminal:
        yield _Lines(title, total, console)
        return
    columns = (
        TextColumn(title),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True, speed_estimate_period=600.0) as bar:
        yield _Bar(bar, total)


class _Bar:
    def __init__(self, bar: Progress, total: int) -> None:
        self._bar, self._started = bar, time.monotonic()
        self._task = bar.add_task("", total=total, rate="")
        self._count = self._failed = 0

    def done(self, failed: bool = False) -> None:
        self._count, self._failed = self._count + 1, self._failed + failed
        rate = per_time(self._count, time.monotonic() - self._started)
        self._bar.update(self._task, advance=1, rate=rate + (f", {self._failed} failed" if self._failed else ""))

    def say(self, line: str) -> None:
        self._bar.console.print(printable(line), markup=False)


class _Lines:
    def __init__(self, title: str, total: int, console: Console) -> None:
        self._title, self._total, self._console, self._started = title, total, console, time.monotonic()
        self._count = self._failed = self._shown = 0

    def done(self, failed: bool = False) -> None:
        self._count, self._failed = self._count + 1, self._failed + failed
        part = self._count * _LINES // self._total
        if part > self._shown:
            self._shown = part
            spent = time.monotonic() - self._started
            left = spent / self._count * (self._total - self._count)
            more = f", {self._failed} failed" if self._failed else ""
            pace = f"{per_time(self._count, spent)}, {_words(left)} left"
            self.say(f"{self._title}: {self._count} of {self._total}{more}, {pace}")

    def say(self, line: str) -> None:
        self._console.print(printable(line), markup=False)


def per_time(count: int, seconds: float) -> str:
    """A rate in words."""
    return f"{count / max(seconds, 1e-3) * _HOUR:.0f} an hour"


def _words(seconds: float) -> str:
    if seconds >= _HOUR:
        return f"{seconds / _HOUR:.1f} h"
    return f"{seconds / _MINUTE:.0f} min" if seconds >= _MINUTE else f"{seconds:.0f} s"
