"""``dreamtalk app``: says the address, opens the browser, finds itself running, ends on Ctrl-C."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest


def app(port: int, *flags: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """``dreamtalk app`` on a port, until it ends by itself."""
    command = [sys.executable, "-m", "dreamtalk", "app", "--port", str(port), *flags]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, env=os.environ | environment)


def port_of(url: str) -> int:
    return int(url.rsplit(":", 1)[1])


def test_a_second_one_opens_the_page_of_the_first(server: Any, tmp_path: Path) -> None:
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" > {tmp_path}/opened\n')
    browser.chmod(0o755)
    again = app(port_of(server.url), BROWSER=f"{browser} %s")
    assert again.returncode == 0 and server.url in again.stderr
    assert (tmp_path / "opened").read_text().strip() == server.url


def test_a_port_that_another_program_uses_is_told_in_words(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ended = app(taken.getsockname()[1], "--no-browser", "--data", str(tmp_path))
    assert ended.returncode == 2 and "Try --port" in ended.stderr and "Traceback" not in ended.stderr


def test_ctrl_c_ends_it_cleanly(start_server: Any, tmp_path: Path) -> None:
    code, said = start_server(tmp_path).stop()
    assert code == 0 and "Traceback" not in said and '"event": "request"' not in said


class Impostor(threading.Thread):
    """Another program on a port: gives every caller the same bytes, and keeps what they asked."""

    def __init__(self, answer: bytes) -> None:
        super().__init__(daemon=True)
        self._answer, self.asked = answer, list[bytes]()
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._socket.getsockname()[1])
        self.start()

    def run(self) -> None:
        while True:
            caller, _ = self._socket.accept()
            with caller:
                self.asked.append(caller.recv(4096))
                caller.sendall(self._answer)


@pytest.mark.parametrize(
    "answer", [b"SSH-2.0-OpenSSH\r\n", b"HTTP/1.0 200 OK\r\n\r\n5", b"HTTP/1.0 200 OK\r\n\r\n" + b"[" * 9000]
)
def test_what_another_program_on_the_port_says_is_told_in_words(answer: bytes, tmp_path: Path) -> None:
    ended = app(Impostor(answer).port, "--no-browser", "--data", str(tmp_path))
    assert ended.returncode == 2 and "Try --port" in ended.stderr and "Traceback" not in ended.stderr


def test_no_proxy_is_asked_whether_it_runs() -> None:
    proxy = Impostor(b'HTTP/1.0 200 OK\r\n\r\n{"key_needed": false}')
    code = f"from dreamtalk.cli.app import _is_ours; print(_is_ours({free_port()}))"
    asked = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=120,
        env=os.environ | {"http_proxy": f"http://127.0.0.1:{proxy.port}"},
    )
    assert asked.stdout == "False\n" and proxy.asked == []


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])
