"""Live talks by the wall clock: 25 frames per second, whatever arrives when."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

from dreamtalk.live.talk import LiveFrame, LiveTalk, checked
from dreamtalk.style.timeline import DEFAULT_TRANSITION
from dreamtalk.types import VIDEO_FPS, Float, Style

PATIENCE = 0.08
"""Seconds that a frame within an utterance waits for late speech before the face pauses. Later frames keep the delay,
so that a wait that helped once is not needed again."""

_BEHIND = 0.3
"""Seconds by which frames may be late: beyond that they are not drawn but hold the picture before, which is quicker."""

_MOST_HELD = 3
"""Frames in a row that are not drawn (0.12 s): more would save little, as their motion costs as much as drawing, and
the face would stand still."""

_LOST = 2.0
"""Seconds by which frames may be late and still catch up: beyond that (a machine that slept, or one on which even the
motion is too slow) the clock starts anew."""


class Paced:
    """Frames of a live talk at 25 per second: speech where it has arrived, the face at rest in between.

    push, finish, interrupt, style and close may be called from any thread; one thread (`for`) or task (`async for`)
    reads the frames. Speech is shown as soon as it can be. Where its next piece is late, the face waits PATIENCE, then
    pauses as if nothing were said; speech goes on where it stopped when the piece is there. No speech is left out. So
    sound must follow the frames: play what goes with LiveFrame.speech.

    On a machine that is too slow, frames that would be more than 0.3 s late are not drawn: they come with the picture
    before (LiveFrame.held). Their number, time and sound are right, and the next picture is the one for its time.
    """

    def __init__(self, live: LiveTalk, patience: float = PATIENCE) -> None:
        self._live, self._patience = live, patience
        self.lost = 0.0
        """Seconds by which the clock was started anew so far: speech that comes in real time is shown later by so much,
        less what its pauses have made up for."""
        self._orders: deque[Callable[[], None]] = deque()
        self._news = threading.Condition()
        self._closed = False
        self._speech: Iterator[LiveFrame] = iter(())
        self._rest: Iterator[LiveFrame] = iter(())

    def push(self, samples: Float) -> None:
        """Add speech (n,) float32 at 16 kHz. Raises UnusableInput for anything else."""
        good = checked(samples)
        self._order(lambda: self._speak(self._live.push(good)))

    def finish(self) -> None:
        """The utterance is over; what is pushed afterwards is a new one."""
        self._order(lambda: self._speak(self._live.finish()))

    def interrupt(self) -> None:
        """Forget all speech not shown yet; the face comes to rest. One frame that was made ahead may still come."""

        def break_off() -> None:
            self._rest = self._live.interrupt()

        self._order(break_off)

    def style(self, style: str | Path | Style, intensity: float = 1.0, transition: float = DEFAULT_TRANSITION) -> None:
        """See LiveTalk.style; what is wrong with the style is raised where the frames are read."""
        self._order(lambda: self._live.style(style, intensity, transition))

    def close(self) -> None:
        """No more frames."""
        with self._news:
            self._closed = True
            self._news.notify_all()

    def __iter__(self) -> Iterator[LiveFrame]:
        """The frames, each when it is due, until `close`."""
        due, patient, held = time.monotonic(), True, 0
        while not self._closed:
            late = time.monotonic() - due
            if late > _LOST:
                due, self.lost = due + late, self.lost + late
            self._live.hold = _BEHIND < late <= _LOST and held < _MOST_HELD
            frame = self._spoken(due)
            if frame is None and patient and self._live.speaking:
                frame = self._spoken(due + self._patience)
                due = max(due, min(time.monotonic(), due + self._patience))
            patient = frame is not None  # once in a gap
            self._wait(due - time.monotonic())
            frame = next(self._live.idle(1)) if frame is None else frame
            held = held + 1 if frame.held else 0
            yield frame
            due += 1.0 / VIDEO_FPS

    async def __aiter__(self) -> AsyncIterator[LiveFrame]:
        """The same for asyncio; frames are made in another thread."""
        frames = iter(self)
        try:
            while (frame := await asyncio.to_thread(next, frames, None)) is not None:
                yield frame
        finally:
            self.close()

    def _speak(self, frames: Iterator[LiveFrame]) -> None:
        self._speech = frames

    def _order(self, order: Callable[[], None]) -> None:
        with self._news:
            self._orders.append(order)
            self._news.notify_all()

    def _spoken(self, until: float) -> LiveFrame | None:
        """The next frame that must be shown; waits for what makes one until a time of the clock."""
        while not self._closed:
            self._obey()
            for frames in (self._rest, self._speech):
                if (frame := next(frames, None)) is not None:
                    return frame
            with self._news:
                left = until - time.monotonic()
                if left <= 0.0:
                    return None
                if not self._orders:
                    self._news.wait(left)
        return None

    def _obey(self) -> None:
        while self._orders:
            self._orders.popleft()()

    def _wait(self, seconds: float) -> None:
        """Sleep, but not beyond `close`."""
        until = time.monotonic() + seconds
        with self._news:
            while not self._closed and (left := until - time.monotonic()) > 0.0:
                self._news.wait(left)
