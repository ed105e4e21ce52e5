"""The server's side of live sessions: the process with the faces, and a line to each of them."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from itertools import count
from multiprocessing.connection import Connection
from typing import Any, TypeAlias

from dreamtalk.serve.child import Child, ChildDied
from dreamtalk.serve.live_messages import LiveFormat, Opened, Order, OrderKind, Said
from dreamtalk.serve.logs import log
from dreamtalk.serve.problems import Problem, failure
from dreamtalk.serve.settings import Settings
from dreamtalk.serve.worker import Task
from dreamtalk.types import Latency

Outcome: TypeAlias = dict[str, Any] | Problem
"""Of a recording: what clients are told of it, or why there is none."""

_LOOK_SECONDS = 0.5
_PAUSE = 0.05
_MOST_ORDERS = 500
"""Orders on the way to the process above which no more are read from sockets."""


class LiveSession:
    """A line to one face. `said` is read by one task; orders may be given meanwhile."""

    def __init__(
        self, number: int, client: str, order: Callable[[Order], None], loop: asyncio.AbstractEventLoop
    ) -> None:
        self.number, self.client, self._order, self._loop = number, client, order, loop
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
    """The process with the faces; it starts with the first session or when warmed, and again after a crash."""

    def __init__(self, settings: Settings, recorded: Callable[[Task, Outcome], object]) -> None:
        """recorded: called with what came of each recording, also when its client is long gone; gives what the client
        is told of it, if it is still there."""
        self._settings, self._recorded = settings, recorded
        self._lock = threading.Lock()
        self._child: Child | None = None
        self._orders: queue.SimpleQueue[object] = queue.SimpleQueue()
        self._sessions: dict[int, LiveSession] = {}
        self._recordings: dict[int, Task] = {}
        self._numbers = count(1)

    @property
    def sessions(self) -> int:
        """How many there are."""
        return len(self._sessions)

    @property
    def busy(self) -> bool:
        """Whether so many orders are on their way to the process that others had better wait."""
        return self._orders.qsize() > _MOST_ORDERS

    def warm(self) -> None:
        """Start the process if it does not run: it loads the models at once."""
        with self._lock:
            self._started()

    def open(
        self,
        task: Task,
        kind: LiveFormat,
        latency: Latency,
        client: str,
        loop: asyncio.AbstractEventLoop,
        record: bool = False,
    ) -> LiveSession:
        """A new session; it says "ready" when its face is. record: keep a recording as the task's output.

        Raises Problem (429) when there are as many as may be, of all clients or of this one.
        """
        limits, share = self._settings.limits, self._settings.live_share
        with self._lock:
            if len(self._sessions) >= limits.live_sessions:
                title = f"There are {limits.live_sessions} live sessions, which is all that this server takes."
                raise Problem(429, "too_many", title, "Try again when one of them has ended.", 30)
            if sum(session.client == client for session in self._sessions.values()) >= share:
                title = f"You have {share} live session{'s' * (share > 1)}, which is all that one client may have."
                raise Problem(429, "too_many", title, "Close one of them first.", 30)
            self._started()
            session = LiveSession(next(self._numbers), client, self._send, loop)
            self._sessions[session.number] = session
            if record:
                self._recordings[session.number] = task
        limit = (limits.record_seconds, limits.record_bytes) if record else None
        self._send(Opened(session.number, task, kind, latency, limit))
        return session

    def _started(self) -> None:
        """See to it that the process runs; called with the lock held."""
        if self._child is not None:
            return
        self._child = Child(_host, self._settings.device, self._settings.threads)
        self._orders = queue.SimpleQueue()
        for work, facts in ((self._read, (self._child,)), (_write, (self._child, self._orders))):
            threading.Thread(target=work, args=facts, daemon=True, name="dreamtalk live").start()

    def close(self, session: LiveSession) -> None:
        """End a session."""
        with self._lock:
            self._sessions.pop(session.number, None)
        try:
            session.order("close")
        except ChildDied:
            return

    def stop(self, grace: float = 0.0) -> None:
        """End the process. grace: seconds that recordings of sessions which were closed have to be finished."""
        until = time.monotonic() + grace
        while self._recordings and time.monotonic() < until:
            time.sleep(_PAUSE)
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
            if not isinstance(said, Said):
                continue
            if said.kind == "recorded" and (task := self._recordings.get(said.session)) is not None:
                said = replace(said, data=self._recorded(task, said.data))
                self._recordings.pop(said.session, None)
            if (session := self._sessions.get(said.session)) is not None:
                session.hear(said)
        with self._lock:
            died = self._child is child  # and was not ended
            if died:
                self._child = None
                self._orders.put(None)
            lost, self._sessions = list(self._sessions.values()), {}
            unfinished, self._recordings = list(self._recordings.values()), {}
        if died:
            log("live_died", level="error", sessions=len(lost), recordings=len(unfinished))
        problem = failure("The live session ended unexpectedly.", "Open it again.")
        for task in unfinished:
            self._recorded(task, failure("The recording ended unexpectedly.", "It is lost."))
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
