"""Running the server: its socket, its signals, what it says at the start."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import socket
import sys
import tempfile
import threading
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from dreamtalk.errors import DreamTalkError, UnusableInput
from dreamtalk.serve.settings import Settings

if TYPE_CHECKING:
    from fastapi import FastAPI

KEY_VARIABLE = "DREAMTALK_API_KEY"
"""Environment variable with one API key."""
_SHORTEST_KEY = 16
"""Characters; shorter ones can be guessed."""
_NEEDED = ("fastapi", "multipart", "prometheus_client", "uvicorn", "websockets")
_MOST_CONNECTIONS = 1000
"""At once; more are answered 503."""
_FILES_EACH = 2
"""Open files per connection: the socket, and an upload on its way."""
_STREAM_SECONDS = 5
"""That open answers have to end when the server is stopped."""


def run_server(settings: Settings, ready: Callable[[str], None] | None = None) -> None:
    """Serve until SIGTERM or Ctrl-C. ready: called with the address once it listens.

    Raises UnusableInput when the address is taken, or another server uses the data folder.
    """
    check_installed()
    from dreamtalk.serve.app import create_app
    from dreamtalk.serve.logs import log_to_stderr

    _check(settings)
    os.umask(0o077)  # what clients send and get is for this user's eyes
    listener = _listener(settings)
    url = _url(settings, listener.getsockname()[1])
    app = create_app(settings)
    log_to_stderr()
    # Uploads of some size go to disk while they come; to this folder, as /tmp is memory on many machines.
    tempfile.tempdir = str(app.state.service.vault.incoming)
    threading.Thread(target=_warm, args=(app,), daemon=True, name="dreamtalk warm").start()
    print(f"dreamtalk serves {url}  (Ctrl-C stops it; talks lie in {settings.data})", file=sys.stderr)
    if not settings.local and not settings.keys:
        print(
            f"dreamtalk: listening on {settings.host} WITHOUT an API key: whoever reaches this machine can use it, and "
            "sees nothing of others but fills its disk. Use --api-key-file, or a proxy that asks for one.",
            file=sys.stderr,
        )
    _serve(app, listener, None if ready is None else lambda: ready(url))


def check_installed() -> None:
    """Raise DreamTalkError when the libraries of the server are not there."""
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise DreamTalkError(f"The server needs {', '.join(missing)}: pip install 'dreamtalk[serve]'.")


def read_keys(file: Path | None) -> tuple[str, ...]:
    """API keys of a file, one per line, and of the environment. Raises UnusableInput for short ones."""
    from dreamtalk.media import check_input

    lines = [] if file is None else check_input(file).read_text(encoding="utf-8").splitlines()
    keys = [line.strip() for line in (*lines, os.environ.get(KEY_VARIABLE, ""))]
    keys = [key for key in keys if key and not key.startswith("#")]
    if file is not None and not keys:
        raise UnusableInput(f"{file} holds no key. Write one per line, such as: openssl rand -hex 24")
    if any(len(key) < _SHORTEST_KEY or not key.isascii() for key in keys):
        raise UnusableInput(f"An API key needs {_SHORTEST_KEY} or more plain characters. Try: openssl rand -hex 24")
    return tuple(dict.fromkeys(keys))


def _check(settings: Settings) -> None:
    if settings.workers < 1:
        raise UnusableInput(f"At least one worker is needed, not {settings.workers}.")
    if settings.threads is not None and settings.threads < 1:
        raise UnusableInput(f"At least one thread is needed, not {settings.threads}.")
    if not settings.keep_hours > 0.0:
        raise UnusableInput(f"Files must be kept for some time, not {settings.keep_hours:g} hours.")
    if not settings.grace >= 0.0:
        raise UnusableInput(f"The grace is a number of seconds, not {settings.grace:g}.")
    for limit in fields(settings.limits):
        value = getattr(settings.limits, limit.name)
        if value is not None and not value > 0 and limit.name != "live_sessions":  # 0: there are none
            raise UnusableInput(f"Limits are above 0; {limit.name} would be {value:g}.")


def _listener(settings: Settings) -> socket.socket:
    """The socket, before anything is loaded: a port that is taken is told at once."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.port))
    except (OSError, OverflowError) as error:
        listener.close()
        why = getattr(error, "strerror", None) or str(error)
        raise UnusableInput(f"{settings.host}:{settings.port} cannot be used: {why}. Try --port.") from error
    listener.listen(128)
    return listener


def _allow_files(count: int) -> None:
    """Let this process open so many files, as far as the system lets it; many begin with 1024, or 256."""
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = count if hard == resource.RLIM_INFINITY else min(count, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def _warm(app: FastAPI) -> None:
    with contextlib.suppress(DreamTalkError):  # told to whoever sends a file
        app.state.service.uploads.warm()


def _url(settings: Settings, port: int) -> str:
    host = "127.0.0.1" if settings.host == "0.0.0.0" else settings.host
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _serve(app: FastAPI, listener: socket.socket, ready: Callable[[], None] | None) -> None:
    import uvicorn

    from dreamtalk.serve.connections import patient_http

    _allow_files(_FILES_EACH * _MOST_CONNECTIONS + 200)

    class Server(uvicorn.Server):
        """Tells the service of a signal at once, so that open event streams end and no new talk begins."""

        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            if ready is not None and self.started:
                ready()

        def handle_exit(self, sig: int, frame: FrameType | None) -> None:
            app.state.service.stopping.set()
            app.state.service.pool.drain()
            super().handle_exit(sig, frame)

    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=_STREAM_SECONDS,
        http=patient_http(),  # its parser bounds the size of headers
        ws="auto",
        ws_max_size=1 << 20,
        ws_per_message_deflate=False,  # pictures are packed already
        h11_max_incomplete_event_size=1 << 16,
        limit_concurrency=_MOST_CONNECTIONS,
    )
    try:
        Server(config).run(sockets=[listener])
    except KeyboardInterrupt:  # uvicorn passes Ctrl-C on when it has ended
        print("dreamtalk: stopped.", file=sys.stderr)
