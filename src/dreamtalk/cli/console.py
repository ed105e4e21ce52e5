"""What the verbs print: a progress bar while they work, a table of times at the end."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

if TYPE_CHECKING:
    from dreamtalk.talk import Progress, Talk

_PLAIN_STEPS = 4
"""Lines of progress where there is no terminal."""


@contextmanager
def progress(what: str) -> Iterator[Progress]:
    """A progress bar on a terminal, a line per quarter elsewhere; both on stderr."""
    if not sys.stderr.isatty():
        yield _plain(what)
        return
    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TextColumn("frames"), TimeRemainingColumn())
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _plain(what: str) -> Progress:
    shown = 0

    def report(done: int, total: int) -> None:
        nonlocal shown
        quarter = done * _PLAIN_STEPS // max(total, 1)
        if quarter > shown:
            shown = quarter
            print(f"{what}: {100 * quarter // _PLAIN_STEPS} %", file=sys.stderr, flush=True)

    return report


def summary(talk: Talk) -> None:
    """Where the video is, what it took and on what."""
    print(f"{talk.path}: {talk.seconds:.2f} s, {talk.frames} frames, {talk.size[0]} × {talk.size[1]} px")
    if talk.marks.beside is not None:
        print(f"  its signed manifest: {talk.marks.beside} (keep it beside the video)")
    for note in talk.notes:
        print(f"  {note}")
    times(talk.times, talk.seconds, talk.device, talk.wall)


def times(seconds: dict[str, float], video_seconds: float, device: str, wall: float | None = None) -> None:
    """Seconds of work per step and in all; video_seconds: what that work made. wall: where steps overlap, the seconds
    that passed."""
    for step, spent in seconds.items():
        print(f"  {step:<16} {spent:7.2f} s")
    total = sum(seconds.values()) if wall is None else wall
    print(f"  {'in all':<16} {total:7.2f} s   {total / video_seconds:.2f} s per second of video, on {device}")
