"""The server's bodies and live sessions as targets: strangers' bytes through the whole application, without a port.

A body is a file: its first line says method, path and content type, the rest is what is sent. A live session is a file,
too: every line is a message, of speech where it begins with "B", else of text.
"""

from __future__ import annotations

import contextlib
import json
import queue
import shutil
import tempfile
import time
from functools import cache
from pathlib import Path
from typing import Any
from unittest import mock

import fuzz_seeds as good
from fuzz_damage import Rng, damaged, odd_json

from dreamtalk.errors import UnusableInput

_BORDER = "7f3a"
_LONGEST = 400
"""Messages of a session that are sent."""
_ANSWERS = 3000
"""Messages that are read until the session must have closed: 2 minutes of frames."""
_OPEN = contextlib.ExitStack()
"""What the server of this process has put in others' places, and its threads."""


def close() -> None:
    """End the server of this process, if one was made, and leave no trace of it: other tests have their own."""
    _OPEN.close()
    _server.cache_clear()
    _live_server.cache_clear()


def body_seeds() -> good.Seeds:
    talk = {"portrait": "example:astronaut", "audio": "example:reading", "options": {"style": "happy", "size": 256}}
    sound = good.sound_seeds()["a.ogg"]
    form = _form({"file": sound})
    both = _form({"portrait": "example:astronaut", "audio": sound, "options": json.dumps(talk["options"])})
    multipart = f"multipart/form-data; boundary={_BORDER}"
    return {
        "talk": f"POST /v1/talks application/json\n{json.dumps(talk)}".encode(),
        "form": f"POST /v1/talks {multipart}\n".encode() + both,
        "upload": f"POST /v1/uploads {multipart}\n".encode() + form,
        "style": b'POST /v1/styles application/json\n{"upload": "' + b"a" * 32 + b'", "neutral": null}',
        "key": b'POST /v1/session application/json\n{"key": "0123456789abcdef0123"}',
        "gone": b"DELETE /v1/talks/" + b"a" * 32 + b" text/plain\n",
    }


def _form(fields: dict[str, bytes | str]) -> bytes:
    made = bytearray()
    for name, value in fields.items():
        file = '; filename="a"\r\nContent-Type: application/octet-stream' if isinstance(value, bytes) else ""
        made += f'--{_BORDER}\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n'.encode()
        made += (value if isinstance(value, bytes) else value.encode()) + b"\r\n"
    return bytes(made) + f"--{_BORDER}--\r\n".encode()


def odd_body(name: str, data: bytes, rng: Rng) -> bytes:
    """Damage in the body alone: its JSON's tree, or what stands around the files of its form."""
    head, _, body = data.partition(b"\n")
    if b"json" in head:
        return head + b"\n" + odd_json("a.json", body, rng)
    if rng.random() < 0.5:
        return head + b"\n" + damaged(body, rng)
    strange = [b"\r\n\r\n", b"--7f3a", b"--7f3a--", b'; name="', b"name*=UTF-8''%ff", b"\0", b"Content-Length: 9\r\n"]
    strange += [b"X: y\r\n" * 300, b"Content-Transfer-Encoding: base64\r\n", b'filename="../../x"', b"a" * 70_000]
    at = int(rng.integers(len(body) + 1))
    return head + b"\n" + body[:at] + strange[int(rng.integers(len(strange)))] + body[at:]


def send_body(path: Path) -> object:
    """Answers are JSON in words, never a failure of ours."""
    head, _, body = path.read_bytes().partition(b"\n")
    words = head.decode("latin-1").split(" ", 2)
    method, address, kind = words if len(words) == 3 else ("POST", "/v1/talks", "application/json")
    address = address if address.startswith("/") and address.isascii() and address.isprintable() else "/v1/uploads"
    method = method if method.isalpha() and method.isascii() else "POST"
    header = kind.encode("latin-1", "replace").replace(b"\r", b"").replace(b"\0", b"")
    answer = _server().request(method, address, content=body, headers={b"content-type": header})
    assert answer.status_code not in (500, 501, 502) and "Traceback" not in answer.text, answer.text
    if answer.status_code >= 400:
        told = answer.json()["error"]
        raise UnusableInput(f"{told['title']} {told['detail']}")
    return answer


@cache
def _server() -> Any:
    """The application with a worker that makes nothing, and with files looked at in this process."""
    from fastapi.testclient import TestClient

    from dreamtalk.serve import child
    from dreamtalk.serve.app import create_app
    from dreamtalk.serve.settings import Limits, Settings

    class Idle:
        """Takes every talk and never says a word."""

        def begin(self, task: object) -> None: ...
        def receive(self, seconds: float) -> None:
            time.sleep(seconds)

        def cancel(self) -> None: ...
        def end(self) -> None: ...

    def direct(helper: object, seconds: float, function: Any, *given: object) -> Any:
        return function(*given)

    folder = Path(tempfile.mkdtemp())
    _OPEN.callback(shutil.rmtree, folder, ignore_errors=True)
    _OPEN.enter_context(mock.patch.object(child.Helper, "call", direct))
    limits = Limits(queue=100_000, per_client=100_000)
    settings = Settings(data=folder / "server", grace=0.1, limits=limits)
    client = TestClient(create_app(settings, Idle), base_url="http://127.0.0.1:8765")  # type: ignore[arg-type]
    return _OPEN.enter_context(client)


def session_seeds() -> good.Seeds:
    first = {"portrait": "example:astronaut", "options": {"size": 256}, "format": "jpeg"}
    speech = b"B" + bytes(range(1, 9)) * 400
    orders = [{"type": "interrupt"}, {"type": "style", "style": "happy:2", "intensity": 1.5}, {"type": "finish"}]
    lines = [speech, *(json.dumps(order).encode() for order in orders), speech, b'{"type": "close"}']
    seeds = {}
    for name, kind in (("jpeg", {}), ("mp4", {"format": "mp4"}), ("rgb", {"format": "rgb", "latency": "quality"})):
        seeds[name] = b"\n".join([json.dumps({**first, **kind}).encode(), *lines])
    return seeds


def odd_session(name: str, data: bytes, rng: Rng) -> bytes:
    """Whole messages in an odd order, some left out, some many times, some with odd values."""
    first, *lines = data.split(b"\n")
    order = [lines[int(rng.integers(len(lines)))] for _ in range(int(rng.integers(1, 30)))]
    for at, line in enumerate(order):
        if rng.random() < 0.2:
            order[at] = line[: int(rng.integers(len(line)))] if line.startswith(b"B") else odd_json("a.json", line, rng)
    opening = odd_json("a.json", first, rng) if rng.random() < 0.2 else first
    return b"\n".join([opening, *order])


def talk_live(path: Path) -> object:
    """Whatever is said in whatever order: frames or words come back, and the session ends."""
    from starlette.websockets import WebSocketDisconnect

    lines, told = path.read_bytes().split(b"\n")[:_LONGEST], list[dict[str, Any]]()
    live = _live_server().app.state.service.live
    opened = _live_server().websocket_connect("ws://127.0.0.1:8765/v1/live")
    with contextlib.suppress(WebSocketDisconnect), opened as socket:
        for line in lines:
            if line.startswith(b"B"):
                socket.send_bytes(line[1:])
            else:
                socket.send_text(line.decode("utf-8", "replace"))
        socket.send_text('{"type": "close"}')
        for _ in range(_ANSWERS):
            message = socket.receive()
            if message["type"] == "websocket.close":
                break
            told += [json.loads(message["text"])] if message.get("text") is not None else []
        else:
            raise AssertionError("the session does not end")
    assert live.sessions == 0, "a session is left"
    errors = [one["error"] for one in told if one["type"] == "error"]
    assert all(error["code"] != "failure" for error in errors), errors
    if errors:
        raise UnusableInput(f"{errors[0]['title']} {errors[0]['detail']}")
    return told


@cache
def _live_server() -> Any:
    """The application whose live faces are in this process, with a tiny motion model."""
    from dreamtalk.batch.keeping import KeepingTalker
    from dreamtalk.motion import MotionModel
    from dreamtalk.serve import live as live_module
    from dreamtalk.serve.child import ChildDied
    from dreamtalk.serve.live_host import Host
    from dreamtalk.serve.live_messages import Said

    talker = KeepingTalker("cpu", 1)
    talker.motion_model = MotionModel.debug()

    class Here:
        """In the place of the process with the faces."""

        def __init__(self, *_: object) -> None:
            self._said: queue.Queue[Said] = queue.Queue()
            self._host = Host(talker, self._said.put)
            self._ended = False

        def send(self, message: Any) -> None:
            self._host.take(message)

        def receive(self, seconds: float) -> Said | None:
            if self._ended:
                raise ChildDied("ended")
            with contextlib.suppress(queue.Empty):
                return self._said.get(timeout=min(seconds, 0.05))
            return None

        def end(self, seconds: float = 0.0) -> None:
            self._ended = True

    _OPEN.enter_context(mock.patch.object(live_module, "Child", Here))
    return _server()
