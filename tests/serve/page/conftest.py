"""A real server process and a real headless Chromium with a made-up camera and microphone."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

DESKTOP, PHONE = (1280, 900), (360, 740)
"""Width and height of the window, px."""
_CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
_FLAGS = ("--no-sandbox", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream", "--mute-audio")


class Server:
    """``dreamtalk app`` in a process of its own, on a folder of its own."""

    def __init__(self, data: Path) -> None:
        self._data, self.url = data, ""
        self.process = self._start(0)

    def _start(self, port: int) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "dreamtalk", "app", "--no-browser", "--threads", "1"]
        process = subprocess.Popen(
            [*command, "--port", str(port), "--data", str(self._data)],
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
        )
        assert process.stderr is not None
        for line in process.stderr:
            if found := re.search(r"the page is at (\S+)", line):
                self.url = found.group(1)
                return process
        raise AssertionError("the server ended before it listened")

    def kill(self) -> None:
        """End it at once, as a crash or a closed terminal does."""
        self.process.kill()
        self.process.wait()

    def restart(self) -> None:
        """The same address and folder again."""
        self.process = self._start(int(self.url.rsplit(":", 1)[1]))

    def stop(self) -> tuple[int, str]:
        """Ctrl-C: the exit code and what was said since the start."""
        self.process.send_signal(signal.SIGINT)
        said = self.process.communicate(timeout=60)[1]
        return self.process.returncode, said


@pytest.fixture(scope="session")
def start_server() -> Iterator[Callable[[Path], Server]]:
    """Starts servers, and stops what is left of them."""
    pytest.importorskip("fastapi", reason="the extra serve is not installed")
    started: list[Server] = []

    def start(data: Path) -> Server:
        started.append(Server(data))
        return started[-1]

    yield start
    for one in started:
        if one.process.poll() is None:
            one.stop()


@pytest.fixture(scope="session")
def server(start_server: Callable[[Path], Server], tmp_path_factory: pytest.TempPathFactory) -> Server:
    """One server for all tests of the page."""
    return start_server(tmp_path_factory.mktemp("server"))


@pytest.fixture(scope="session")
def chromium(examples: Path) -> Iterator[Any]:
    """A browser whose microphone hears the example speech."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if _CHROMIUM is None:
        pytest.skip("there is no Chromium on this machine")
    heard = f"--use-file-for-fake-audio-capture={examples / 'speech.wav'}"
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=_CHROMIUM, args=[*_FLAGS, heard])
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium: Any, server: Server) -> Iterator[Callable[..., Any]]:
    """Opens the page, ready: open_page(size, **options of the browser's context). Fails when a request leaves the
    server's address, or the page's scripts or its policy complain."""
    contexts, left, errors = [], [], []

    def note(request: Any) -> None:
        if not request.url.startswith((server.url, "blob:", "data:")):
            left.append(request.url)

    def opened(size: tuple[int, int] = DESKTOP, script: str = "", **options: Any) -> Any:
        context = chromium.new_context(viewport={"width": size[0], "height": size[1]}, **options)
        contexts.append(context)
        if script:
            context.add_init_script(script)
        page = context.new_page()
        page.set_default_timeout(20_000)
        page.on("request", note)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda line: errors.append(line.text) if "Content Security Policy" in line.text else None)
        page.goto(server.url)
        page.wait_for_selector("html[data-ready]")
        return page

    yield opened
    for context in contexts:
        context.close()
    assert not left, f"requests left the machine: {left}"
    assert not errors, errors


@pytest.fixture(scope="session")
def until() -> Callable[[Any, str], None]:
    """Waits until JavaScript is true: until(page, script). Playwright's own wait is stopped by the page's policy."""

    def wait(page: Any, script: str, tries: int = 200) -> None:
        for _ in range(tries):
            if page.evaluate(script):
                return
            page.wait_for_timeout(100)
        raise AssertionError(f"never true: {script}")

    return wait


@pytest.fixture(scope="session")
def style_video(examples: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A second of somebody's face."""
    import av

    from dreamtalk.media import read_image

    path, image = tmp_path_factory.mktemp("style") / "face.mp4", read_image(examples / "portrait.jpg")
    with av.open(str(path), "w") as video:
        stream = video.add_stream("libx264", rate=25)
        stream.height, stream.width = image.shape[:2]
        for _ in range(25):
            video.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        video.mux(stream.encode(None))
    return path
