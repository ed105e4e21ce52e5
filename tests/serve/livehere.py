"""The process with the live faces in this one, and short ways to talk to a session."""

from __future__ import annotations

import json
import queue
from typing import Any, ClassVar

from starlette.testclient import WebSocketTestSession

from dreamtalk.serve.child import ChildDied
from dreamtalk.serve.live_host import Host
from dreamtalk.serve.live_messages import Said
from dreamtalk.talker import Talker

LIVE = "ws://127.0.0.1:8765/v1/live"
OPEN = {"portrait": "example:astronaut", "options": {"size": 256}}


class Here:
    """The process with the faces, in this one."""

    last: Here
    all: ClassVar[list[Here]] = []

    def __init__(self, talker: Talker) -> None:
        self._said: queue.Queue[Said] = queue.Queue()
        self.host = Host(talker, self._said.put)
        self.dead = False
        Here.last = self
        Here.all.append(self)

    def send(self, message: Any) -> None:
        self.host.take(message)

    def receive(self, seconds: float) -> Said | None:
        if self.dead:
            raise ChildDied("bang")
        try:
            return self._said.get(timeout=min(seconds, 0.05))
        except queue.Empty:
            return None

    def end(self) -> None:
        self.dead = True


def opened(session: WebSocketTestSession, **more: Any) -> dict[str, Any]:
    """Open a session and wait until its face is ready; what it said."""
    session.send_json({**OPEN, **more})
    assert session.receive_json() == {"type": "loading"}
    ready: dict[str, Any] = session.receive_json()
    assert ready["type"] == "ready", ready
    return ready


def next_text(session: WebSocketTestSession, *kinds: str) -> dict[str, Any]:
    """The next text of one of these types, frames and other texts left aside."""
    while True:
        text = session.receive().get("text")
        if text is not None and (told := json.loads(text))["type"] in kinds:
            return dict(told)
