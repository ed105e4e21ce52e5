"""Talks and files in one SQLite file, so that every accepted talk is still there after the server was killed.

The connection holds the file alone (locking_mode EXCLUSIVE): two servers on one folder would do every talk twice, so
the second one is refused. The lock ends with the process, however that ends.
"""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

from dreamtalk.errors import UnusableInput
from dreamtalk.serve.problems import Problem
from dreamtalk.serve.queue import Waiting, fair_order

Status: TypeAlias = Literal["queued", "running", "done", "failed", "cancelled"]
ENDED: tuple[Status, ...] = ("done", "failed", "cancelled")

MOST_CRASHES = 2
"""Workers that one talk may kill before it is given up."""
MOST_RESTARTS = 5
"""Server deaths that a talk may have been running in: what kills the whole machine must not do so for ever."""

_VERSION = 1
_SCHEMA = """
CREATE TABLE talks (
    number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT UNIQUE NOT NULL, client TEXT NOT NULL, status TEXT NOT NULL,
    created REAL NOT NULL, began REAL, ended REAL, crashes INTEGER NOT NULL DEFAULT 0,
    restarts INTEGER NOT NULL DEFAULT 0, request TEXT NOT NULL, outcome TEXT NOT NULL DEFAULT '{}');
CREATE INDEX talks_by_status ON talks (status);
CREATE TABLE files (
    id TEXT PRIMARY KEY, client TEXT NOT NULL, kind TEXT NOT NULL, suffix TEXT NOT NULL, bytes INTEGER NOT NULL,
    created REAL NOT NULL, facts TEXT NOT NULL);
"""


@dataclass(frozen=True, slots=True)
class StoredTalk:
    """A talk as it is kept. request: what was asked for, checked. outcome: what came of it. Times: s since 1970."""

    id: str
    client: str
    status: Status
    created: float
    began: float | None
    ended: float | None
    crashes: int
    request: dict[str, Any]
    outcome: dict[str, Any]


@dataclass(frozen=True, slots=True)
class StoredFile:
    """An upload, or a style made of one. suffix: of its name on disk. facts: what was seen in it, for clients."""

    id: str
    client: str
    kind: str
    suffix: str
    bytes: int
    created: float
    facts: dict[str, Any]


class Store:
    """The database. Every method is one transaction; any thread may call it."""

    def __init__(self, path: Path) -> None:
        """Raises UnusableInput when another server holds the file, or a newer version made it."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        try:
            self._base = sqlite3.connect(path, timeout=0.5, isolation_level=None, check_same_thread=False)
            self._base.row_factory = sqlite3.Row
            self._base.execute("PRAGMA locking_mode = EXCLUSIVE")
            self._base.execute("PRAGMA journal_mode = WAL")
            self._base.execute("PRAGMA synchronous = FULL")
            self._base.execute("BEGIN EXCLUSIVE")
            version = int(self._base.execute("PRAGMA user_version").fetchone()[0])
            if version == 0:
                for statement in _SCHEMA.split(";"):
                    self._base.execute(statement)
                self._base.execute(f"PRAGMA user_version = {_VERSION}")
            self._base.execute("COMMIT")
        except sqlite3.OperationalError as error:
            if "locked" in str(error):
                why = f"{path.parent} is in use by another server ({error}). Stop that one, or give"
            else:
                why = f"{path.parent} cannot be written to ({error}). Make room and see to its permissions, or give"
            raise UnusableInput(f"{why} another folder (--data).") from error
        except sqlite3.DatabaseError as error:
            raise UnusableInput(f"{path} is not a database of dreamtalk ({error}). Give another folder.") from error
        if version > _VERSION:
            raise UnusableInput(f"{path} was made by a newer dreamtalk. Give another folder (--data), or update.")

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._base.close()

    @contextmanager
    def _change(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            self._base.execute("BEGIN IMMEDIATE")
            try:
                yield self._base
                self._base.execute("COMMIT")
            except BaseException:
                if self._base.in_transaction:  # a full disk may have rolled it back by itself
                    self._base.execute("ROLLBACK")
                raise

    def _rows(self, query: str, *values: object) -> list[sqlite3.Row]:
        with self._lock:
            return self._base.execute(query, values).fetchall()

    def add_talk(self, talk: str, client: str, request: dict[str, Any], queue: int, per_client: int, wait: int) -> None:
        """Accept a talk. Raises Problem (429, with `wait` seconds) where the queue or the client's share is full."""
        with self._change() as base:
            count = "SELECT COUNT(*) FROM talks WHERE status "
            if base.execute(count + "= 'queued'").fetchone()[0] >= queue:
                raise Problem(
                    429, "queue_full", "Too many talks are waiting.", "Send this one again a little later.", wait
                )
            if base.execute(count + "IN ('queued', 'running') AND client = ?", (client,)).fetchone()[0] >= per_client:
                title = f"You have {per_client} talks waiting or running, which is all that one client may have."
                raise Problem(429, "too_many", title, "Wait until one of them is done, or cancel one.", wait)
            base.execute(
                "INSERT INTO talks (id, client, status, created, request) VALUES (?, ?, 'queued', ?, ?)",
                (talk, client, time.time(), json.dumps(request)),
            )

    def add_recording(self, talk: str, client: str, request: dict[str, Any]) -> None:
        """Note a live session that is being recorded: a running talk that no worker makes."""
        with self._change() as base:
            base.execute(
                "INSERT INTO talks (id, client, status, created, request) VALUES (?, ?, 'running', ?, ?)",
                (talk, client, time.time(), json.dumps(request)),
            )

    def talk(self, talk: str) -> StoredTalk | None:
        """The talk of that id."""
        rows = self._rows("SELECT * FROM talks WHERE id = ?", talk)
        return _talk(rows[0]) if rows else None

    def order(self) -> list[Waiting]:
        """The waiting talks, in the order in which they will begin."""
        with self._lock:
            return _order(self._base)

    def take(self) -> StoredTalk | None:
        """The talk whose turn it is, running from now on; None when none waits."""
        with self._change() as base:
            order = _order(base)
            if not order:
                return None
            began = "UPDATE talks SET status = 'running', began = ? WHERE id = ?"
            latest = base.execute("SELECT MAX(began) FROM talks").fetchone()[0] or 0.0
            # Turns go by this time: where the clock was put back, it goes on from the latest one.
            base.execute(began, (max(time.time(), latest + 1e-3), order[0].id))
            return _talk(base.execute("SELECT * FROM talks WHERE id = ?", (order[0].id,)).fetchone())

    def end(self, talk: str, status: Status, outcome: dict[str, Any]) -> bool:
        """Say what came of a talk that waits or runs. False: it had ended or was forgotten."""
        with self._change() as base:
            ended = (
                "UPDATE talks SET status = ?, ended = ?, outcome = ? WHERE id = ? AND status IN ('queued', 'running')"
            )
            return base.execute(ended, (status, time.time(), json.dumps(outcome), talk)).rowcount == 1

    def again(self, talk: str) -> None:
        """Put a running talk back into the queue, in its old place."""
        with self._change() as base:
            base.execute("UPDATE talks SET status = 'queued' WHERE id = ? AND status = 'running'", (talk,))

    def crashed(self, talk: str) -> int:
        """Note that a running talk has killed its worker. It waits again, unless it has done so too often: then it is
        to be ended. Returns how often."""
        with self._change() as base:
            base.execute("UPDATE talks SET crashes = crashes + 1 WHERE id = ? AND status = 'running'", (talk,))
            back = "UPDATE talks SET status = 'queued' WHERE id = ? AND status = 'running' AND crashes < ?"
            base.execute(back, (talk, MOST_CRASHES))
            row = base.execute("SELECT crashes FROM talks WHERE id = ?", (talk,)).fetchone()
            return int(row[0]) if row else 0

    def recover(self) -> int:
        """After a start: talks that were running when the last server died wait again. Returns how many."""
        with self._change() as base:
            base.execute("UPDATE talks SET restarts = restarts + 1 WHERE status = 'running'")
            lost = json.dumps({"error": _LOST.body["error"]})
            base.execute(
                "UPDATE talks SET status = 'failed', ended = ?, outcome = ? WHERE status = 'running' AND restarts > ?",
                (time.time(), lost, MOST_RESTARTS),
            )
            return base.execute("UPDATE talks SET status = 'queued' WHERE status = 'running'").rowcount

    def forget(self, talk: str) -> None:
        """Remove a talk that has ended."""
        with self._change() as base:
            base.execute("DELETE FROM talks WHERE id = ? AND status NOT IN ('queued', 'running')", (talk,))

    def counts(self) -> dict[str, int]:
        """How many talks there are of each status."""
        return {str(row[0]): int(row[1]) for row in self._rows("SELECT status, COUNT(*) FROM talks GROUP BY status")}

    def ended_before(self, moment: float) -> list[str]:
        """Talks that ended before that time, s since 1970."""
        return [str(row[0]) for row in self._rows("SELECT id FROM talks WHERE ended < ?", moment)]

    def unended(self) -> list[StoredTalk]:
        """Talks that wait or run."""
        return [_talk(row) for row in self._rows("SELECT * FROM talks WHERE status IN ('queued', 'running')")]

    def no_later_than(self, moment: float) -> None:
        """What came or ended after that time (s since 1970) did so then: so a clock that was wrong keeps nothing."""
        with self._change() as base:
            base.execute("UPDATE talks SET ended = ? WHERE ended > ?", (moment, moment))
            base.execute("UPDATE files SET created = ? WHERE created > ?", (moment, moment))

    def add_file(self, file: StoredFile) -> None:
        """Keep what is known of a file."""
        with self._change() as base:
            base.execute(
                "INSERT INTO files VALUES (?, ?, ?, ?, ?, ?, ?)",
                (file.id, file.client, file.kind, file.suffix, file.bytes, file.created, json.dumps(file.facts)),
            )

    def file(self, file: str) -> StoredFile | None:
        """The file of that id."""
        rows = self._rows("SELECT * FROM files WHERE id = ?", file)
        return _file(rows[0]) if rows else None

    def files(self, before: float = float("inf")) -> list[StoredFile]:
        """The files that came before that time, s since 1970."""
        return [_file(row) for row in self._rows("SELECT * FROM files WHERE created < ?", before)]

    def forget_file(self, file: str) -> None:
        """Forget a file."""
        with self._change() as base:
            base.execute("DELETE FROM files WHERE id = ?", (file,))


_LOST = Problem(
    500,
    "lost",
    "The server died several times while it made this talk.",
    "Try a smaller picture or a shorter speech; the operator finds more in the log.",
)


def _order(base: sqlite3.Connection) -> list[Waiting]:
    rows = base.execute("SELECT number, id, client FROM talks WHERE status = 'queued'")
    waiting = [Waiting(int(row[0]), str(row[1]), str(row[2])) for row in rows]
    turns = base.execute("SELECT client, MAX(began) FROM talks WHERE began IS NOT NULL GROUP BY client")
    return fair_order(waiting, {str(row[0]): float(row[1]) for row in turns})


def _talk(row: sqlite3.Row) -> StoredTalk:
    return StoredTalk(
        id=row["id"],
        client=row["client"],
        status=row["status"],
        created=row["created"],
        began=row["began"],
        ended=row["ended"],
        crashes=row["crashes"],
        request=json.loads(row["request"]),
        outcome=json.loads(row["outcome"]),
    )


def _file(row: sqlite3.Row) -> StoredFile:
    values = {name: row[name] for name in ("id", "client", "kind", "suffix", "bytes", "created")}
    return StoredFile(**values, facts=json.loads(row["facts"]))
