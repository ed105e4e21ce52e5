"""Gives waiting talks to workers and takes back what they made. One thread per worker; none ever dies of a talk."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol, TypeVar

from dreamtalk.errors import DreamTalkError
from dreamtalk.serve.board import Board
from dreamtalk.serve.child import Child, ChildDied
from dreamtalk.serve.logs import log
from dreamtalk.serve.metrics import Metrics
from dreamtalk.serve.problems import Problem, failure, no_room, refused
from dreamtalk.serve.settings import Settings
from dreamtalk.serve.store import ENDED, MOST_CRASHES, Status, Store, StoredTalk
from dreamtalk.serve.vault import Vault
from dreamtalk.serve.worker import Made, Message, Progressed, Stopped, Task, serve_tasks

Kept = TypeVar("Kept")

_LOOK_SECONDS = 0.1
"""Between two looks at what a worker says, and whether somebody cancelled."""
_IDLE_SECONDS = 1.0
_CANCEL_SECONDS = 5.0
"""A worker that does not heed a cancel for so long is killed."""
_PAUSE_SECONDS = 5.0
"""Before the next try to get a worker, or to write to a disk that is full."""
_MOST_MEMORY = 3_000_000_000
"""Bytes from which on a worker is replaced by a fresh one after its talk."""


class Worker(Protocol):
    """What makes talks, one at a time. All methods raise ChildDied when it is gone."""

    def begin(self, task: Task) -> None:
        """Start on a task."""

    def receive(self, seconds: float) -> Message | None:
        """What it says within that time."""

    def cancel(self) -> None:
        """Ask it to stop at the next frame; it answers Stopped."""

    def end(self) -> None:
        """End it at once."""


class LocalWorker:
    """A worker process on this machine."""

    def __init__(self, device: str, threads: int | None) -> None:
        self._child = Child(serve_tasks, device, threads)

    def begin(self, task: Task) -> None:
        self._child.send(task)

    def receive(self, seconds: float) -> Message | None:
        message: Message | None = self._child.receive(seconds)
        return message

    def cancel(self) -> None:
        self._child.send(None)

    def end(self) -> None:
        self._child.end()


class Pool:
    """The workers and their threads."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        vault: Vault,
        board: Board,
        metrics: Metrics,
        task_of: Callable[[StoredTalk, Path], Task],
        make_worker: Callable[[], Worker],
    ) -> None:
        """task_of: what is to be done for a talk, and where its video is to be made; raises DreamTalkError."""
        self._settings, self._store, self._vault, self._board = settings, store, vault, board
        self._metrics, self._task_of, self._make_worker = metrics, task_of, make_worker
        self._bell, self._calls = threading.Condition(), 0
        self._draining, self._stopping = threading.Event(), threading.Event()
        self._cancelled: set[str] = set()
        self._threads = [
            threading.Thread(target=self._serve, name=f"dreamtalk worker {n}", daemon=True)
            for n in range(settings.workers)
        ]

    def start(self) -> None:
        """Begin with what waits."""
        for thread in self._threads:
            thread.start()

    def wake(self) -> None:
        """A talk has come."""
        with self._bell:
            self._calls += 1
            self._bell.notify_all()

    def cancel(self, talk: str) -> None:
        """Stop making this talk."""
        self._cancelled.add(talk)
        found = self._store.talk(talk)
        if found is None or found.status in ENDED:  # nobody will look for it
            self._cancelled.discard(talk)

    def drain(self) -> None:
        """Begin no more talks."""
        self._draining.set()
        with self._bell:
            self._bell.notify_all()

    def stop(self, grace: float) -> None:
        """Let running talks end within `grace` seconds; those that do not will wait for the next server."""
        self.drain()
        until = time.monotonic() + grace
        for thread in self._threads:
            if thread.is_alive():
                thread.join(max(0.0, until - time.monotonic()))
        self._stopping.set()
        for thread in self._threads:
            if thread.is_alive():
                thread.join(_CANCEL_SECONDS)

    def _serve(self) -> None:
        worker = self._new_worker()
        try:
            while not self._draining.is_set():
                heard = self._calls
                talk = self._surely(self._store.take)
                if talk is None:
                    self._wait_for_more_than(heard)
                    continue
                try:
                    worker = self._run(talk, worker)
                except Exception as error:  # a failure of ours must not end the queue
                    log("talk_failed", level="error", talk=talk.id, kind=type(error).__name__, text=str(error))
                    _end_worker(worker)
                    worker = None
                    ours = failure("Making the talk failed.", "That is dreamtalk's fault; report it.")
                    self._end(talk, no_room(error) or ours)
        finally:
            _end_worker(worker)

    def _surely(self, change: Callable[[], Kept]) -> Kept:
        """Have the store do it, as often as it takes: a disk that is full for a while must not end the queue."""
        while True:
            try:
                return change()
            except sqlite3.Error as error:
                log("store_failed", level="error", text=str(error))
                if self._stopping.wait(_PAUSE_SECONDS):
                    raise

    def _wait_for_more_than(self, heard: int) -> None:
        """Until a talk has come since `heard` was read, for a while."""
        with self._bell:
            self._bell.wait_for(lambda: self._calls > heard or self._draining.is_set(), _IDLE_SECONDS)

    def _new_worker(self) -> Worker | None:
        """A new worker, which loads its models while nobody waits for it yet; None where there is none to be had."""
        try:
            return self._make_worker()
        except DreamTalkError as error:
            log("no_worker", level="error", text=str(error))
            return None

    def _run(self, talk: StoredTalk, worker: Worker | None) -> Worker | None:
        """Have a talk made; returns the worker for the next one, None where it is gone."""
        if worker is None and (worker := self._new_worker()) is None:
            self._put_back(talk)  # it is not the talk's fault: it waits until there is a worker
            self._draining.wait(_PAUSE_SECONDS)
            return None
        self._board.begin(talk.id)
        log("talk_began", talk=talk.id)
        ending = str(talk.request.get("format", "mp4"))
        draft = self._vault.draft(talk.id, ending)
        try:
            worker.begin(self._task_of(talk, draft))
            message = self._follow(talk, worker)
        except ChildDied:
            self._crashed(talk)
            _end_worker(worker)
            return None
        except DreamTalkError as error:  # the files are gone
            self._end(talk, refused(error))
            return worker
        finally:
            self._board.end(talk.id)
        if isinstance(message, Made):
            self._made(talk, message, draft, ending)
        elif isinstance(message, Stopped):
            self._end(talk, message.problem)
        if message is None or message.memory > _MOST_MEMORY:
            _end_worker(worker)
            return None
        return worker

    def _follow(self, talk: StoredTalk, worker: Worker) -> Made | Stopped | None:
        """Wait until the talk ends; None: it was stopped by force, and what is to be said of it is said."""
        started, asked = time.monotonic(), float("inf")
        while True:
            message = worker.receive(_LOOK_SECONDS)
            if isinstance(message, Progressed):
                self._board.set(talk.id, message.frames, message.total, message.preview)
            elif message is not None:
                return message
            now = time.monotonic()
            if self._stopping.is_set():
                self._put_back(talk)
                return None
            if now - started > self._settings.limits.job_seconds:
                seconds = self._settings.limits.job_seconds
                title = f"Making the talk took longer than {seconds:g} s."
                self._end(talk, Problem(422, "too_slow", title, "Send a shorter speech or a smaller picture."))
                return None
            if talk.id in self._cancelled and asked == float("inf"):
                asked = now
                worker.cancel()
            if now - asked > _CANCEL_SECONDS:
                self._end(talk, None)
                return None

    def _made(self, talk: StoredTalk, made: Made, draft: Path, ending: str) -> None:
        size = self._vault.publish(draft, talk.id, ending)
        outcome = {**made.outcome, "bytes": size, "work": round(made.work, 3)}
        if not self._over(talk, "done", outcome):
            self._vault.drop_result(talk.id)
            return
        self._metrics.made(float(made.outcome["seconds"]), made.work, made.memory)
        log("talk_done", talk=talk.id, seconds=made.outcome["seconds"], work=round(made.work, 2))

    def _end(self, talk: StoredTalk, problem: Problem | None) -> None:
        """Say that a talk is not made: for a reason, or because somebody cancelled it."""
        outcome = {} if problem is None else problem.body
        if self._over(talk, "cancelled" if problem is None else "failed", outcome):
            self._metrics.ended("cancelled" if problem is None else "failed")
            log("talk_failed" if problem else "talk_cancelled", talk=talk.id, code=problem.code if problem else None)

    def _over(self, talk: StoredTalk, status: Status, outcome: dict[str, Any]) -> bool:
        """The talk has ended; nothing but its result stays. False: it had ended or was forgotten before."""
        self._vault.drop_drafts(talk.id)
        ended = self._surely(lambda: self._store.end(talk.id, status, outcome))
        self._cancelled.discard(talk.id)
        return ended

    def _put_back(self, talk: StoredTalk) -> None:
        """It waits again, unless nobody wants it any more."""
        if talk.id in self._cancelled:
            self._end(talk, None)
            return
        self._vault.drop_drafts(talk.id)
        self._surely(lambda: self._store.again(talk.id))
        log("talk_put_back", talk=talk.id)

    def _crashed(self, talk: StoredTalk) -> None:
        """The worker died in the middle of this talk: once more, then never again."""
        self._vault.drop_drafts(talk.id)
        self._metrics.crashed()
        if talk.id in self._cancelled:
            self._end(talk, None)
            return
        crashes = self._surely(lambda: self._store.crashed(talk.id))
        log("worker_died", level="error", talk=talk.id, crashes=crashes)
        if crashes >= MOST_CRASHES:
            title = f"This talk ended its worker {crashes} times."
            detail = "Try another picture or sound; the operator finds more in the log."
            self._end(talk, Problem(500, "crashed", title, detail))


def _end_worker(worker: Worker | None) -> None:
    if worker is not None:
        worker.end()
