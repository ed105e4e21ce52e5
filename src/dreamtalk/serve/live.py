"""The server's side of live sessions: the process with the faces, and a line to each of them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from itertools import count
from multiprocessing.connection import Connection

from dreamtalk.serve.child import Child, ChildDied
from dreamtalk.serve.live_messages import LiveFormat, Opened, Order, OrderKind, Said
from dreamtalk.serve.problems import Problem, failure
from dreamtalk.serve.settings import Settings
from dreamtalk.serve.worker import Task

_LOOK_SECONDS = 0.5


class LiveSession:
    """A line to one face. `said` is read by one task; orders may be given meanwhile."""

    def __init__(self, number: int, order: Callable[[Order], None], loop: asyncio.AbstractEventLoop) -> None:
        self.number, self._order, self._loop = number, order, loop
        # Never long: the process leaves frames out while a dozen are not acknowledged.
        self.said: asyncio.Queue[Said] = asyncio.Queue()

    def order(self, kind: OrderKind, data: object = None) -> None:
        """Raises ChildDied."""
        self._order(Order(self.number, kind, data))

    def hear(self, said: Said) -> None:
        """Called in the thread that reads the process."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self.said.put_nowait, said)


class LiveHost:
    """The process with the faces; it starts with the first session, and again after a crash."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._child: Child | None = None
        self._sessions: dict[int, LiveSession] = {}
        self._numbers = count(1)

    @property
    def sessions(self) -> int:
        """How many there are."""
        return len(self._sessions)

    def open(self, task: Task, kind: LiveFormat, latency: str, loop: asyncio.AbstractEventLoop) -> LiveSession:
        """A new session; it says "ready" when its face is. Raises Problem (429) when there are as many as may be."""
        with self._lock:
            if len(self._sessions) >= self._settings.limits.live_sessions:
                most = self._settings.limits.live_sessions
                title = f"There are {most} live sessions, which is all that this server takes."
                raise Problem(429, "too_many", title, "Try again when one of them has ended.", 30)
            if self._child is None:
                self._child = Child(_host, self._settings.device, self._settings.threads)
                threading.Thread(target=self._read, args=(self._child,), daemon=True, name="dreamtalk live").start()
            session = LiveSession(next(self._numbers), self._send, loop)
            self._sessions[session.number] = session
        self._send(Opened(session.number, task, kind, "quality" if latency == "quality" else "live"))
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
        if child is not None:
            child.end()

    def _send(self, message: object) -> None:
        with self._lock:
            if self._child is None:
                raise ChildDied("The process with the live faces is gone.")
            self._child.send(message)

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
            lost, self._sessions = list(self._sessions.values()), {}
        problem = failure("The live session ended unexpectedly.", "Open it again.")
        for session in lost:
            session.hear(Said(session.number, "error", problem))
            session.hear(Said(session.number, "closed"))


def _host(line: Connection, device: str, threads: int | None) -> None:
    """The process; what it needs is imported there alone, for the server itself needs no networks."""
    from dreamtalk.serve.live_host import host_sessions

    host_sessions(line, device, threads)
