"""Who sends a file that takes long to read holds up no other client."""

from __future__ import annotations

import gc
import threading
from typing import Any

import pytest
from fastapi.testclient import TestClient
from tests.serve.standin import MakeClient, until

from dreamtalk.serve import child as child_module
from dreamtalk.serve.checking import Seen
from dreamtalk.serve.child import Helper, Helpers

KEYS = ("a-key-of-somebody-1", "a-key-of-somebody-2")


def test_a_slow_file_holds_up_its_own_client_alone(make_client: MakeClient, monkeypatch: pytest.MonkeyPatch) -> None:
    go, begun = threading.Event(), list[int]()

    def look(helper: Helper, seconds: float, function: Any, path: Any, limits: Any) -> Seen:
        begun.append(path.stat().st_size)
        assert path.stat().st_size == 1 or go.wait(20.0)
        return Seen("image", "", {})

    monkeypatch.setattr(child_module.Helper, "call", look)
    client = make_client(keys=KEYS)
    codes = list[int]()

    def send(size: int, key: str) -> None:
        headers = {"Authorization": f"Bearer {key}"}
        codes.append(client.post("/v1/uploads", files={"file": b"x" * size}, headers=headers).status_code)

    slow = [threading.Thread(target=send, args=(size, KEYS[0])) for size in (2, 3, 4)]
    for thread in slow:
        thread.start()
    until(lambda: begun)
    send(1, KEYS[1])
    assert codes == [201] and len(begun) == 2, "of one client, one file at a time"
    go.set()
    for thread in slow:
        thread.join()
    assert codes == [201] * 4 and sorted(begun) == [1, 2, 3, 4]


def test_one_process_does_where_one_is_enough() -> None:
    helpers = Helpers(2)
    try:
        warming = threading.Thread(target=helpers.warm, args=(60.0, gc.collect))
        warming.start()
        assert [helpers.call(60.0, abs, -number) for number in range(3)] == [0, 1, 2]
        warming.join()
        assert sum(helper._child is not None for helper in helpers._all) == 1
    finally:
        helpers.close()


def test_clients_are_forgotten(client: TestClient) -> None:
    client.post("/v1/uploads", files={"file": b""})
    turns = client.app.state.turns  # type: ignore[attr-defined]
    until(lambda: not len(turns._locks))
