"""Endpoints of talks."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, Response, StreamingResponse
from starlette.concurrency import run_in_threadpool

from dreamtalk.serve.problems import Problem
from dreamtalk.serve.requests import TalkRequest, read_json, read_request
from dreamtalk.serve.routes_files import client_of, file_of, form_of, receive, service_of
from dreamtalk.serve.service import Service
from dreamtalk.serve.store import ENDED
from dreamtalk.serve.vault import FORMATS

router = APIRouter(prefix="/v1/talks", tags=["talks"])

_LOOK_SECONDS = 0.2
"""Between two looks at a talk whose events somebody reads."""
_SILENT_LOOKS = 75
"""Looks without a change (15 s) after which a comment is sent, so that nobody between takes the line for dead."""

_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": {"$ref": "#/components/schemas/TalkRequest"}},
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["portrait", "audio"],
                    "properties": {
                        "portrait": {"type": "string", "format": "binary"},
                        "audio": {"type": "string", "format": "binary"},
                        "options": {"type": "string", "description": "JSON, as in the other form"},
                        "consent": {"type": "string"},
                        "format": {"type": "string", "enum": list(FORMATS)},
                    },
                }
            },
        },
    }
}


@router.post("", status_code=202, openapi_extra=_BODY)
async def create(request: Request) -> dict[str, Any]:
    """Ask for a talk: JSON that names uploads and examples, or a form with the files themselves."""
    service, client = service_of(request), client_of(request)
    if request.headers.get("content-type", "").startswith("multipart/form-data"):
        asked = await _from_form(request)
    else:
        asked = read_request(read_json(await request.body()))
    return await run_in_threadpool(lambda: service.view(service.accept(asked, client)))


async def _from_form(request: Request) -> TalkRequest:
    """Files of a form become uploads; they are deleted again when the rest cannot be used."""
    service, client = service_of(request), client_of(request)
    form = await form_of(request)
    try:
        given = {name: form[name] for name in ("consent", "format") if isinstance(form.get(name), str)}
        options = form.get("options")
        fields = {**given, "options": read_json(options, "The field options") if isinstance(options, str) else {}}
        read_request({"portrait": "", "audio": "", **fields})  # before the files are looked at
        received: dict[str, str] = {}
        try:
            for role in ("portrait", "audio"):
                if isinstance(form.get(role), str):
                    received[role] = str(form[role])
                else:
                    received[role] = (await receive(request, file_of(form, role).file)).id
        except Problem:
            for role, file in received.items():
                if not isinstance(form.get(role), str):
                    await run_in_threadpool(service.uploads.forget, file, client)
            raise
        return read_request({**received, **fields})
    finally:
        await form.close()


@router.get("/{talk}")
def status(talk: str, request: Request) -> dict[str, Any]:
    """How a talk is getting on."""
    service = service_of(request)
    return service.view(service.talk(talk, client_of(request)))


@router.get("/{talk}/events", response_class=StreamingResponse)
def events(talk: str, request: Request) -> StreamingResponse:
    """The same at every change, as server-sent events, until the talk has ended."""
    service, client = service_of(request), client_of(request)
    service.talk(talk, client)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(_events(service, talk, client), media_type="text/event-stream", headers=headers)


async def _events(service: Service, talk: str, client: str) -> AsyncIterator[str]:
    last, silent = "", 0
    while not service.stopping.is_set():
        try:
            view = await run_in_threadpool(lambda: service.view(service.talk(talk, client)))
        except Problem:  # it was forgotten
            return
        told = json.dumps(view)
        if told != last:
            last, silent = told, 0
            yield f"data: {told}\n\n"
        elif silent >= _SILENT_LOOKS:
            silent = 0
            yield ": still here\n\n"
        if view["status"] in ENDED:
            return
        silent += 1
        await asyncio.sleep(_LOOK_SECONDS)


@router.get("/{talk}/preview", response_class=Response)
def preview(talk: str, request: Request) -> Response:
    """The latest frame, JPEG, while the talk is made; 204 while there is none yet."""
    service = service_of(request)
    service.talk(talk, client_of(request))
    frame = service.board.get(talk).preview
    if frame is None:
        return Response(status_code=204)
    return Response(frame, media_type="image/jpeg", headers={"Cache-Control": "no-store"})


@router.get("/{talk}/result", response_class=FileResponse)
def result(talk: str, request: Request) -> FileResponse:
    """The video."""
    path = service_of(request).result(talk, client_of(request))
    return _sent(path, FORMATS[path.suffix.removeprefix(".")], "inline")


@router.get("/{talk}/manifest", response_class=FileResponse)
def manifest(talk: str, request: Request) -> FileResponse:
    """The signed manifest (C2PA) of a WebM, which has no place for it: keep it beside the video, by the same name."""
    return _sent(service_of(request).manifest(talk, client_of(request)), "application/c2pa", "attachment")


def _sent(path: Path, media: str, shown: str) -> FileResponse:
    """A file of a talk, by a name that video and manifest share."""
    headers = {"Cache-Control": "private, no-store"}
    name = f"talk-{path.stem[:8]}{path.suffix}"
    return FileResponse(path, media_type=media, filename=name, content_disposition_type=shown, headers=headers)


@router.delete("/{talk}", status_code=204)
def forget(talk: str, request: Request) -> Response:
    """Cancel a talk that has not ended; forget one that has, with its video."""
    service_of(request).forget(talk, client_of(request))
    return Response(status_code=204)
