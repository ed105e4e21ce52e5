"""The server's side of live sessions: the process with the faces, and a line to each of them."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
import time
from collections.abc import Callable
from itertools import count
from multiprocessing.connection import Connection

from dreamtalk.serve.child import Child, ChildDied
from dreamtalk.serve.live_messages import LiveFormat, Opened, Order, OrderKind, Said
from dreamtalk.serve.problems import Problem, failure
from dreamtalk.serve.settings import Settings
from dreamtalk.serve.worker import Task
from dreamtalk.types import Latency

_LOOK_SECONDS = 0.5
_MOST_ORDERS = 500
"""Orders on the way to the process above which no more are read from sockets."""


class LiveSession:
    """A line to one face. `said` is read by one task; orders may be given meanwhile."""

    def __init__(self, number: int, order: Callable[[Order], None], loop: asyncio.AbstractEventLoop) -> None:
        self.number, self._order, self._loop = number, order, loop
        self.latest = time.monotonic()
        # Never long: the process leaves frames out while a dozen are not acknowledged.
        self.said: asyncio.Queue[Said] = asyncio.Queue()

    def order(self, kind: OrderKind, data: object = None) -> None:
        """Never waits. Raises ChildDied."""
        self._order(Order(self.number, kind, data))

    def hear(self, said: Said) -> None:
        """Called in the thread that reads the process."""
        self.latest = time.monotonic()
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self.said.put_nowait, said)


class LiveHost:
    """The process with the faces; it starts with the first session, and again after a crash."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._child: Child | None = None
        self._orders: queue.SimpleQueue[object] = queue.SimpleQueue()
        self._sessions: dict[int, LiveSession] = {}
        self._numbers = count(1)

    @property
    def sessions(self) -> int:
        """How many there are."""
        return len(self._sessions)

    @property
    def busy(self) -> bool:
        """Whether so many orders are on their way to the process that others had better wait."""
        return self._orders.qsize() > _MOST_ORDERS

    def open(self, task: Task, kind: LiveFormat, latency: Latency, loop: asyncio.AbstractEventLoop) -> LiveSession:
        """A new session; it says "ready" when its face is. Raises Problem (429) when there are as many as may be."""
        with self._lock:
            if len(self._sessions) >= self._settings.limits.live_sessions:
                most = self._settings.limits.live_sessions
                title = f"There are {most} live sessions, which is all that this server takes."
                raise Problem(429, "too_many", title, "Try again when one of them has ended.", 30)
            if self._child is None:
                self._child = Child(_host, self._settings.device, self._settings.threads)
                self._orders = queue.SimpleQueue()
                for work, facts in ((self._read, (self._child,)), (_write, (self._child, self._orders))):
                    threading.Thread(target=work, args=facts, daemon=True, name="dreamtalk live").start()
            session = LiveSession(next(self._numbers), self._send, loop)
            self._sessions[session.number] = session
        self._send(Opened(session.number, task, kind, latency))
        return session

    def close(self, session: LiveSession) -> None:
        """End a session."""
        with self._lock:
            self._sessions.pop(session.number, None)
        try:
            session.order("close")
        except ChildDied:
            return

    def stop(self) -> None:
        """End the process."""
        with self._lock:
            child, self._child = self._child, None
            self._orders.put(None)
        if child is not None:
            child.end()

    def _send(self, message: object) -> None:
        """Hand it to the thread that writes: a process that is slow to read must not hold the server."""
        if self._child is None:
            raise ChildDied("The process with the live faces is gone.")
        self._orders.put(message)

    def _read(self, child: Child) -> None:
        """The thread that reads the process."""
        while True:
            try:
                said = child.receive(_LOOK_SECONDS)
            except ChildDied:
                break
            if isinstance(said, Said) and (session := self._sessions.get(said.session)) is not None:
                session.hear(said)
        with self._lock:
            if self._child is child:
                self._child = None
                self._orders.put(None)
            lost, self._sessions = list(self._sessions.values()), {}
        problem = failure("The live session ended unexpectedly.", "Open it again.")
        for session in lost:
            session.hear(Said(session.number, "error", problem))
            session.hear(Said(session.number, "closed"))


def _write(child: Child, orders: queue.SimpleQueue[object]) -> None:
    """The thread that writes to the process; None ends it."""
    with contextlib.suppress(ChildDied):
        while (order := orders.get()) is not None:
            child.send(order)


def _host(line: Connection, device: str, threads: int | None) -> None:
    """The process; what it needs is imported there alone, for the server itself needs no networks."""
    from dreamtalk.serve.live_host import host_sessions

    host_sessions(line, device, threads)
