"""``dreamtalk app``: says the address, opens the browser, finds itself running, ends on Ctrl-C."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any


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
