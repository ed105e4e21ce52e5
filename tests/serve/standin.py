"""A stand-in for workers, and short ways to ask a server."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

from fastapi.testclient import TestClient

from dreamtalk.serve.child import ChildDied
from dreamtalk.serve.worker import Made, Message, Progressed, Stopped, Task

MakeClient: TypeAlias = Callable[..., TestClient]

VIDEO, MANIFEST = b"a video", b"a manifest"
DONE = ("done", "failed", "cancelled")


class StandIn:
    """Makes talks of no length. Its behaviour is shared by all of a server's workers."""

    def __init__(self, plan: Plan) -> None:
        self._plan, self._said = plan, list[Message]()
        self._cancelled = False
        self._task: Task | None = None
        plan.started += 1

    def begin(self, task: Task) -> None:
        self._task, self._cancelled = task, False
        self._plan.tasks.append(task)
        self._said = [Progressed(1, 2, b"\xff\xd8 a frame")]

    def receive(self, seconds: float) -> Message | None:
        assert self._task is not None
        if self._said:
            return self._said.pop()
        if self._cancelled and not self._plan.deaf:
            return Stopped(None, 1)
        if self._plan.crashes > 0:
            self._plan.crashes -= 1
            raise ChildDied("bang")
        if not self._plan.go.wait(seconds):
            return None
        Path(self._task.output).write_bytes(VIDEO)
        beside = Path(self._task.output).suffix == ".webm"
        if beside:
            Path(self._task.output).with_suffix(".c2pa").write_bytes(MANIFEST)
        outcome = {
            "frames": 2,
            "beside": beside,
            "seconds": 0.08,
            "size": {"width": 1, "height": 1},
            "notes": [],
            "marks": {},
        }
        return Made(outcome, 0.01, 1)

    def cancel(self) -> None:
        self._cancelled = True

    def end(self) -> None:
        self._plan.ended += 1


class Plan:
    """go: talks end while it is set. crashes: so many times a worker dies. deaf: cancels are not heeded."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.go.set()
        self.crashes, self.deaf = 0, False
        self.started, self.ended = 0, 0
        self.tasks: list[Task] = []


def talk(**more: Any) -> dict[str, Any]:
    """A request that needs no upload."""
    return {"portrait": "example:astronaut", "audio": "example:reading", **more}


def ended(client: TestClient, talk: str, seconds: float = 10.0, **headers: Any) -> dict[str, Any]:
    """The talk when it has ended."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        view: dict[str, Any] = client.get(f"/v1/talks/{talk}", **headers).json()
        if view["status"] in DONE:
            return view
        time.sleep(0.01)
    raise AssertionError(f"still {view['status']}")


def until(what: Callable[[], object], seconds: float = 10.0) -> None:
    """Wait until it is so."""
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.01)
