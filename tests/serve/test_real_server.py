"""The server as it runs: a process of its own with workers of its own, killed, stopped and started again."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

httpx = pytest.importorskip("httpx")
pytest.importorskip("fastapi", reason="the extra serve is not installed")

_PATIENCE = 180.0
"""Seconds; machines that test are busy."""
_TALK = {"portrait": "example:astronaut", "audio": "example:reading", "options": {"size": 256}}


class Server:
    """`dreamtalk serve` on a port of its own."""

    def __init__(self, data: Path, *flags: str) -> None:
        command = [sys.executable, "-m", "dreamtalk", "serve", "--port", "0", "--data", str(data), "--threads", "1"]
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        self.log = data.with_suffix(".log")
        self._file = self.log.open("a")
        self.process = subprocess.Popen([*command, *flags], stderr=self._file, env=environment)
        self._url = ""

    @property
    def url(self) -> str:
        """Its address, once it says so."""
        until = time.monotonic() + _PATIENCE
        while not self._url:
            assert self.process.poll() is None and time.monotonic() < until, self.log.read_text()
            found = re.findall(r"serves (http://\S+)", self.log.read_text())
            self._url = found[-1] if found else ""
            time.sleep(0.05)
        return self._url

    def get(self, path: str) -> Any:
        for _ in range(600):
            with contextlib.suppress(httpx.TransportError):
                return httpx.get(self.url + path, timeout=_PATIENCE)
            time.sleep(0.1)
        raise AssertionError("the server does not answer")

    def talk(self, **options: Any) -> str:
        self.get("/v1/health")
        asked = {**_TALK, "options": {**_TALK["options"], **options}}  # type: ignore[dict-item]
        return str(httpx.post(self.url + "/v1/talks", json=asked, timeout=_PATIENCE).json()["id"])

    def until(self, talk: str, *statuses: str, frames: int = 0) -> dict[str, Any]:
        end = time.monotonic() + _PATIENCE
        while time.monotonic() < end:
            view: dict[str, Any] = self.get(f"/v1/talks/{talk}").json()
            if view["status"] in statuses and view["progress"]["frames"] >= frames:
                return view
            assert view["status"] in ("queued", "running"), view
            time.sleep(0.05)
        raise AssertionError(f"still {view}")

    def end(self, number: int) -> int:
        self.process.send_signal(number)
        code = self.process.wait(_PATIENCE)
        self._file.close()
        self._url = ""
        return code


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Any]:
    servers: list[Server] = []

    def make(*flags: str) -> Server:
        servers.append(Server(tmp_path / f"data{len(flags)}", *flags))
        servers[-1].log.write_text("") if len(servers) == 1 else None
        return servers[-1]

    yield make
    for server in servers:
        if server.process.poll() is None:
            server.end(signal.SIGKILL)


def children(pid: int) -> list[int]:
    """Processes below that one, where the system tells."""
    try:
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def test_every_accepted_talk_ends_after_kill_9_and_exactly_once(start: Any, tmp_path: Path) -> None:
    first = start()
    running, waiting = first.talk(), first.talk(seed=3)
    first.until(running, "running", frames=1)
    below = children(first.process.pid)
    assert first.end(signal.SIGKILL) == -signal.SIGKILL
    first.log.write_text("")
    second = start()
    for talk in (running, waiting):
        view = second.until(talk, "done")
        video = second.get(f"/v1/talks/{talk}/result").content
        assert len(video) == view["bytes"] and b"ftyp" in video[:12]
        assert view["progress"]["frames"] == view["progress"]["total"] > 100
    results = sorted(path.name for path in (tmp_path / "data0" / "results").iterdir())
    assert results == sorted(f"{talk}.mp4" for talk in (running, waiting))
    assert list((tmp_path / "data0" / "work").iterdir()) == []
    done = [json.loads(line) for line in second.log.read_text().splitlines() if '"talk_done"' in line]
    assert [line["talk"] for line in done] == [running, waiting]
    assert not [pid for pid in below if Path(f"/proc/{pid}/stat").exists()], "workers outlive the server"
    third = start()
    assert third.process.wait(_PATIENCE) == 2, "a second server on the same folder is refused"
    assert "in use by another server" in third.log.read_text()
    assert second.end(signal.SIGTERM) in (0, 128 + signal.SIGTERM, -signal.SIGTERM)
