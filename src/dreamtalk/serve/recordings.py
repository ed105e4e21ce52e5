"""Recordings of live sessions: kept, found again and deleted as talks are, but made by nobody's turn."""

from __future__ import annotations

import sqlite3
from collections import deque
from pathlib import Path
from typing import Any

from dreamtalk.serve.logs import log
from dreamtalk.serve.metrics import Metrics
from dreamtalk.serve.problems import Problem, failure, no_room
from dreamtalk.serve.store import Status, Store, StoredTalk
from dreamtalk.serve.vault import Vault
from dreamtalk.serve.worker import Task

LIVE = "live"
"""Entry of a stored request that was a live session."""

_ENDING = "mp4"


class Recordings:
    """Those of all sessions. Any thread may call it."""

    def __init__(self, store: Store, vault: Vault, metrics: Metrics) -> None:
        self._store, self._vault, self._metrics = store, vault, metrics
        self._owed: deque[tuple[Task, Status, dict[str, Any]]] = deque()

    def begin(self, task: Task, request: dict[str, Any], client: str) -> None:
        """A session is recorded from now on, into the output of its task."""
        self._store.add_recording(task.id, client, {**request, "format": _ENDING, LIVE: True})
        log("recording_began", talk=task.id)

    def ended(self, task: Task, outcome: dict[str, Any] | Problem) -> StoredTalk | None:
        """What came of a recording; None where nobody wants it any more. Never raises: it is called by a thread that
        all sessions need."""
        try:
            return self._ended(task, outcome)
        except Exception as error:
            log("recording_failed", level="error", talk=task.id, kind=type(error).__name__, text=str(error)[:500])
            self._vault.drop_result(task.id)
            lost = no_room(error) or failure("The recording was lost.", "That is dreamtalk's fault.")
            return self._note(task, "failed", lost.body)

    def settle(self) -> None:
        """Write down what a full disk has kept from it. Called now and then."""
        for _ in range(len(self._owed)):
            self._note(*self._owed.popleft())

    def lost(self) -> None:
        """After a start: recordings that were going on when the last server died are gone."""
        gone = failure("The server ended while it recorded.", "What had been recorded until then is lost.")
        for talk in self._store.unended():
            if talk.request.get(LIVE):
                self._store.end(talk.id, "failed", gone.body)

    def _ended(self, task: Task, outcome: dict[str, Any] | Problem) -> StoredTalk | None:
        status: Status = "failed"
        told = outcome.body if isinstance(outcome, Problem) else outcome
        if isinstance(outcome, dict):
            status, told = "done", {**outcome, "bytes": self._vault.publish(Path(task.output), task.id, _ENDING)}
        self._vault.drop_drafts(task.id)
        return self._note(task, status, told)

    def _note(self, task: Task, status: Status, told: dict[str, Any]) -> StoredTalk | None:
        """Write down how it ended; later, where the disk is full."""
        try:
            wanted = self._store.end(task.id, status, told)
        except sqlite3.Error as error:
            log("store_failed", level="error", text=str(error))
            self._owed.append((task, status, told))
            return None
        if not wanted:  # it was deleted meanwhile
            self._vault.drop_result(task.id)
            return None
        if status == "done":
            self._metrics.recorded(float(told["seconds"]))
        else:
            self._metrics.ended(status)
        log("recording_ended", talk=task.id, status=status, seconds=told.get("seconds"))
        return self._store.talk(task.id)
