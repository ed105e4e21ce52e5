"""A process of its own for work on strangers' files: when it crashes or hangs, the server does not."""

from __future__ import annotations

import multiprocessing
import queue
import signal
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any, TypeVar

from dreamtalk.errors import DreamTalkError
from dreamtalk.serve.problems import Problem

Result = TypeVar("Result")

_ENDS_SOON = 2.0
"""Seconds that a process has to end by itself before it is killed."""


class ChildDied(DreamTalkError):
    """The process ended without an answer."""


class Child:
    """A running process and the line to it. Spawned, not forked: threads and locks of the server stay the server's."""

    def __init__(self, main: Callable[..., None], *arguments: object) -> None:
        """main: called in the new process with the line and the arguments."""
        context = multiprocessing.get_context("spawn")
        self._line, other = context.Pipe()
        self._process = context.Process(target=_main, args=(main, other, *arguments), daemon=True)
        self._process.start()
        other.close()  # so that the line ends when the process does

    @property
    def pid(self) -> int | None:
        """The process's id."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return self._process.is_alive()

    def send(self, message: object) -> None:
        """Raises ChildDied."""
        try:
            self._line.send(message)
        except (OSError, ValueError) as error:
            raise ChildDied("The process has ended.") from error

    def receive(self, seconds: float) -> Any:
        """The next message; None when there is none within that time. Raises ChildDied."""
        try:
            return self._line.recv() if self._line.poll(seconds) else None
        except (EOFError, OSError) as error:
            raise ChildDied("The process has ended.") from error

    def end(self, seconds: float = 0.0) -> None:
        """Let it end within that time, then kill it. Twice does no harm."""
        self._line.close()
        self._process.join(seconds)
        if self._process.is_alive():
            self._process.kill()
            self._process.join(_ENDS_SOON)


def _main(main: Callable[..., None], line: Connection, *arguments: object) -> None:
    """Ctrl-C and a stop of the service reach every process of the group; the server alone decides what they mean."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    main(line, *arguments)


class Helper:
    """Calls functions in a kept process, one at a time; it starts when first needed, and again after a crash."""

    def __init__(self) -> None:
        self._child: Child | None = None
        self._lock = threading.Lock()

    def call(self, seconds: float, function: Callable[..., Result], *arguments: object) -> Result:
        """What the function returns. It must be importable; arguments and results are pickled between the processes.

        Raises the DreamTalkError that it raises, or Problem when it takes longer than `seconds` or its process dies.
        """
        with self._lock:
            if self._child is None or not self._child.alive:
                self._child = Child(_answer)
            try:
                self._child.send((function, arguments))
                answer = self._child.receive(seconds)
            except ChildDied as error:
                self._drop()
                raise _CRASHED from error
            if answer is None:
                self._drop()
                raise Problem(
                    422, "too_slow", f"Reading the file took longer than {seconds:g} s.", "Send a smaller one."
                )
        if isinstance(answer, DreamTalkError):
            raise answer
        result: Result = answer[0]
        return result

    def close(self) -> None:
        """End the process."""
        with self._lock:
            self._drop()

    def _drop(self) -> None:
        if self._child is not None:
            self._child.end()
            self._child = None


class Helpers:
    """Several of them: a call goes to one that is free, and waits while none is. Each starts when it is first needed,
    so that one process does where one is enough."""

    def __init__(self, count: int) -> None:
        self._all = [Helper() for _ in range(count)]
        self._free: queue.LifoQueue[Helper] = queue.LifoQueue()  # the last one that worked is warm
        for helper in reversed(self._all):
            self._free.put(helper)

    def warm(self, seconds: float, function: Callable[..., object]) -> None:
        """As Helper.call, by the first of them; a call that comes meanwhile waits for it rather than begin another."""
        self._all[0].call(seconds, function)

    def call(self, seconds: float, function: Callable[..., Result], *arguments: object) -> Result:
        """As Helper.call."""
        helper = self._free.get()
        try:
            return helper.call(seconds, function, *arguments)
        finally:
            self._free.put(helper)

    def close(self) -> None:
        """End the processes."""
        for helper in self._all:
            helper.close()


_CRASHED = Problem(
    422, "unreadable", "The file cannot be read: it broke the reader.", "Save it anew and send it again."
)


def _answer(line: Connection) -> None:
    """The helper's process: calls until the server is gone."""
    while True:
        try:
            function, arguments = line.recv()
        except (EOFError, OSError):
            return
        try:
            answer: object = (function(*arguments),)
        except DreamTalkError as error:
            answer = error
        except Exception as error:
            answer = Problem(422, "unreadable", "The file cannot be read.", f"Save it anew ({type(error).__name__}).")
        try:
            line.send(answer)
        except OSError:
            return
