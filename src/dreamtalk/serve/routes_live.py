"""WebSocket /v1/live: speech in, a talking face out, for voice agents. POST /v1/live: get ready for it."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import Final, Literal

from fastapi import APIRouter, Request, Response, WebSocket, WebSocketDisconnect
from pydantic import Field, ValidationError
from starlette.concurrency import run_in_threadpool

from dreamtalk.errors import DreamTalkError
from dreamtalk.options import AUTO, MAX_INTENSITY
from dreamtalk.serve.child import ChildDied
from dreamtalk.serve.guard import known_client
from dreamtalk.serve.live import LiveSession
from dreamtalk.serve.live_messages import SAMPLE_BYTES, LiveFormat, Said
from dreamtalk.serve.logs import log
from dreamtalk.serve.problems import Problem, failure, refused, wrong_fields
from dreamtalk.serve.requests import Options, TalkRequest, check_style_name, read_json
from dreamtalk.serve.service import Service
from dreamtalk.types import SAMPLE_RATE, VIDEO_FPS, Latency

router = APIRouter()

_OPEN_SECONDS = 10.0
"""Within which the first message must come."""
_MOST_UNSPOKEN = 300.0
"""Seconds of speech that may wait to be shown (20 MB); nothing more is read from the socket, not even an interruption,
until some of it was: so more than voices that are faster than time send at once."""
_PAUSE = 0.02
_MOST_SILENT = 120.0
"""Seconds without a word from the process with the faces (loading included) after which it is given up."""
_LOOK_SECONDS = 1.0
"""Between two looks whether the server is being stopped, where no frames come."""
_USUAL_SIZE: Final = 512
"""Side of a live face for which no size is asked, px."""

_TOLD = "Send text {type: interrupt|finish|style|close}, or speech as binary PCM."


class LiveRequest(TalkRequest):
    """The first message of a live session."""

    audio: str = ""  # speech comes through the socket
    format: LiveFormat = Field(default="jpeg")  # type: ignore[assignment]
    latency: Literal["live", "quality"] | None = None
    record: bool = Field(default=False, description="keep the session as a video, a talk like others when it has ended")
    key: str | None = None


@router.post("/v1/live", status_code=204, tags=["live"])
def warm(request: Request) -> Response:
    """Say that a live session will come: the models are read meanwhile, where they are not there yet."""
    service: Service = request.app.state.service
    service.live.warm()
    return Response(status_code=204)


@router.websocket("/v1/live")
async def live(socket: WebSocket) -> None:
    """One session, from the first message to the end of the socket."""
    service: Service = socket.app.state.service
    await socket.accept()
    opened, record, started = None, False, time.monotonic()
    try:
        asked = _asked(await asyncio.wait_for(_first_text(socket), _OPEN_SECONDS))
        client, record = _client(socket, service, asked), asked.record
        facts = (asked, asked.format, _latency(asked), client, asyncio.get_running_loop(), record)
        opened = await run_in_threadpool(service.open_live, *facts)
        service.metrics.live.inc()
        await socket.send_json({"type": "loading"})
        await _Line(socket, service, opened[0], f"/v1/talks/{opened[1].id}" if record else None).run()
    except (WebSocketDisconnect, RuntimeError):  # the reader is gone; RuntimeError: while something was being sent
        pass
    except Exception as error:
        await _say_problem(socket, _problem_of(error))
    finally:
        if opened is not None:
            service.close_live(*opened, record)
            service.metrics.live.dec()
        log("live_ended", seconds=round(time.monotonic() - started, 1))


class _Line:
    """An open socket and its session."""

    def __init__(self, socket: WebSocket, service: Service, session: LiveSession, recording: str | None) -> None:
        """recording: where the recording will be found; None: the session is not recorded."""
        self._socket, self._service, self._session, self._recording = socket, service, session, recording
        self._unspoken = 0.0

    async def run(self) -> None:
        """Pass everything on in both directions until one side ends. Raises Problem."""
        hearing: asyncio.Task[None] | None = None
        until = time.monotonic() + self._service.settings.limits.live_seconds
        try:
            while True:
                said = await self._next(hearing, until)
                if said.kind == "ready":
                    recording = {} if self._recording is None else {"recording": self._recording}
                    await self._socket.send_json({**said.data, **recording})
                    hearing = asyncio.create_task(self._hear())
                elif said.kind == "frame":
                    await self._socket.send_bytes(said.data)
                    self._session.order("ack")
                    self._service.metrics.live_frames.inc()
                elif said.kind == "skipped":
                    self._service.metrics.live_dropped.inc()
                elif said.kind == "held":
                    self._service.metrics.live_held.inc()
                elif said.kind == "told":
                    await self._socket.send_json(said.data)
                elif said.kind == "recorded" and hearing is not None:
                    await self._socket.send_json({"type": "closed", "recording": said.data})
                elif said.kind == "error":
                    raise said.data
                elif said.kind == "closed":
                    await self._socket.close(1000)
                    return
                if said.spoken:
                    self._unspoken = max(0.0, self._unspoken - 1.0 / VIDEO_FPS)
        finally:
            if hearing is not None:
                hearing.cancel()

    async def _next(self, hearing: asyncio.Task[None] | None, until: float) -> Said:
        """What the session says next; what ended the reading of the socket is raised here. Raises Problem."""
        while True:
            said: Said | None = None
            with contextlib.suppress(asyncio.TimeoutError, TimeoutError):
                said = await asyncio.wait_for(self._session.said.get(), _LOOK_SECONDS)
            if hearing is not None and hearing.done() and (ended := hearing.exception()) is not None:
                raise ended
            if self._service.stopping.is_set():
                raise Problem(503, "stopping", "The server is being stopped.", "Open the session again in a minute.")
            if time.monotonic() > until:
                raise Problem(408, "too_long", "The live session has lasted as long as it may.", "Open another one.")
            if said is not None:
                return said
            if time.monotonic() - self._session.latest > _MOST_SILENT:
                raise failure("The live session does not go on.", "Open it again.")

    async def _hear(self) -> None:
        """Read the socket: speech and orders. Raises Problem, WebSocketDisconnect."""
        while True:
            message = await self._socket.receive()
            if message["type"] == "websocket.disconnect":
                raise WebSocketDisconnect(message.get("code", 1000))
            if (data := message.get("bytes")) is not None:
                if len(data) % SAMPLE_BYTES:
                    title = f"Speech comes as whole samples of {SAMPLE_BYTES} bytes, not {len(data)} bytes."
                    raise Problem(422, "wrong_speech", title, f"Send PCM s16le, mono, {SAMPLE_RATE} Hz.")
                self._session.order("pcm", data)
                self._unspoken += len(data) / SAMPLE_BYTES / SAMPLE_RATE
            else:
                self._obey(message.get("text") or "")
            while self._unspoken > _MOST_UNSPOKEN or self._service.live.busy:
                await asyncio.sleep(_PAUSE)

    def _obey(self, text: str) -> None:
        order = read_json(text, "The message")
        kind = order.get("type") if isinstance(order, dict) else None
        if kind == "style":
            name, intensity = str(order.get("style")), order.get("intensity", 1.0)
            check_style_name(name)
            if name == AUTO:
                raise Problem(422, "wrong_request", "The style auto must hear the whole speech first.", _TOLD)
            known = isinstance(intensity, int | float) and not isinstance(intensity, bool)
            if not known or not 0 <= intensity <= MAX_INTENSITY:  # NaN is neither
                title = f"The intensity must be a number from 0 to {MAX_INTENSITY:g}."
                raise Problem(422, "wrong_request", title, _TOLD)
            self._session.order("style", (name, float(intensity)))
        elif kind in ("interrupt", "finish", "close"):
            self._session.order(kind)
            if kind == "interrupt":
                self._unspoken = 0.0
        else:
            raise Problem(422, "wrong_request", f"There is no message of the type {str(kind)[:40]!r}.", _TOLD)


async def _first_text(socket: WebSocket) -> str:
    """The first message. Raises Problem where it is none of text, WebSocketDisconnect."""
    message = await socket.receive()
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message.get("code", 1000))
    text = message.get("text")
    if not isinstance(text, str):
        title = "The first message must be text: what the session is to be."
        raise Problem(422, "wrong_request", title, "Send {portrait, options, format}, and speech when it is ready.")
    return text


def _latency(asked: LiveRequest) -> Latency:
    """The mode of a session; a talk's own default is not that of a session."""
    given = asked.options.latency if "latency" in asked.options.model_fields_set else "live"
    return asked.latency or given


def _asked(text: str) -> LiveRequest:
    """The first message. Raises Problem."""
    try:
        asked = LiveRequest.model_validate(read_json(text, "The first message"))
    except ValidationError as error:
        known = {
            "": "portrait, options, format, latency, record, consent, key",
            "options": ", ".join(Options.model_fields),
        }
        raise wrong_fields([dict(one) for one in error.errors(include_url=False)], known) from error
    given = asked.options.model_fields_set
    if "size" in given or "full_frame" in given:
        return asked
    # A photo's own size can be 2048 px, which few machines draw 25 times a second.
    return asked.model_copy(update={"options": asked.options.model_copy(update={"size": _USUAL_SIZE})})


def _client(socket: WebSocket, service: Service, asked: LiveRequest) -> str:
    """Whose session it is. Raises Problem when nobody's key was shown."""
    client: str | None = socket.state.client
    if client is None and asked.key is not None:
        client = known_client(service.settings, asked.key)
    if client is None:
        raise Problem(401, "key_needed", "An API key is needed.", "Send it as key in the first message.")
    return client


def _problem_of(error: Exception) -> Problem:
    if isinstance(error, ChildDied):
        return failure("The live session ended unexpectedly.", "Open it again.")
    if isinstance(error, DreamTalkError):
        return refused(error)
    if isinstance(error, asyncio.TimeoutError | TimeoutError):
        return Problem(408, "too_slow", "The first message did not come.", "Send {portrait, options, format}.")
    log("live_failed", level="error", kind=type(error).__name__, text=str(error)[:500])
    return failure("Something went wrong here.", "It is not your fault; report it.")


async def _say_problem(socket: WebSocket, problem: Problem) -> None:
    """Tell what is wrong and close."""
    try:
        await socket.send_json({"type": "error", **problem.body})
        await socket.close(1011 if problem.status >= 500 else 1008)
    except (WebSocketDisconnect, RuntimeError):
        return
