"""Connections whose requests never come."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import pytest

uvicorn = pytest.importorskip("uvicorn", reason="the extra serve is not installed")

from dreamtalk.serve.connections import patient_http  # noqa: E402

_PATIENCE = 30.0
"""Seconds; machines that test are busy."""
_REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\n"


async def _slow(scope: Any, receive: Any, send: Any) -> None:
    """Answers when three looks of the clock have passed."""
    await asyncio.sleep(0.4)
    await send({"type": "http.response.start", "status": 204, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body"})


@contextlib.asynccontextmanager
async def _serving() -> Any:
    config = uvicorn.Config(_slow, port=0, http=patient_http(0.1), lifespan="off", log_config=None)
    server = uvicorn.Server(config)
    running = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    await running


@pytest.mark.parametrize("sent", [b"", _REQUEST, b"G"])
def test_who_sends_no_whole_request_is_let_go(sent: bytes) -> None:
    async def ask() -> bytes:
        async with _serving() as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(sent)
            return await asyncio.wait_for(reader.read(), _PATIENCE)

    assert asyncio.run(ask()) == b"", "closed without a word"


def test_answers_may_take_their_time() -> None:
    async def ask() -> bytes:
        async with _serving() as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(_REQUEST + b"\r\n")
            return await asyncio.wait_for(reader.read(), _PATIENCE)

    answer = asyncio.run(ask())
    assert answer.startswith(b"HTTP/1.1 204"), "and then it is closed, as nothing more comes"
