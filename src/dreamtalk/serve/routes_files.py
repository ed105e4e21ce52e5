"""Endpoints of uploads, styles and examples."""

from __future__ import annotations

import asyncio
from typing import Any, BinaryIO
from weakref import WeakValueDictionary

from anyio import to_thread
from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, Response
from starlette.datastructures import FormData, UploadFile

from dreamtalk.serve.gallery import EXAMPLES
from dreamtalk.serve.problems import Problem, not_found
from dreamtalk.serve.requests import StyleRequest
from dreamtalk.serve.service import Service
from dreamtalk.serve.store import StoredFile

router = APIRouter(prefix="/v1", tags=["files and styles"])

_FILE_FORM: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {"file": {"type": "string", "format": "binary"}},
                }
            }
        },
    }
}


class Turns:
    """One lock per client: what it sends is looked at one after the other, so that others have a reader, too."""

    def __init__(self) -> None:
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def of(self, client: str) -> asyncio.Lock:
        """The lock, for as long as somebody holds it or waits for it."""
        lock = self._locks.get(client)
        if lock is None:
            lock = self._locks[client] = asyncio.Lock()
        return lock


def service_of(request: Request) -> Service:
    """What the application is built on."""
    service: Service = request.app.state.service
    return service


def client_of(request: Request) -> str:
    """Who asks, as the guard found out."""
    return str(request.state.client)


def file_of(form: FormData, name: str) -> UploadFile:
    """A file of a form. Raises Problem."""
    given = form.get(name)
    if not isinstance(given, UploadFile):
        raise Problem(422, "wrong_request", f"The form has no file called {name!r}.", "Send it as multipart/form-data.")
    return given


async def receive(request: Request, file: BinaryIO) -> StoredFile:
    """Keep an uploaded file once it is seen to be usable. Raises Problem."""
    keep, state, client = service_of(request).uploads.receive, request.app.state, client_of(request)
    async with state.turns.of(client):
        return await to_thread.run_sync(keep, file, client, limiter=state.readers)


async def form_of(request: Request) -> FormData:
    """The form of a request; its files lie on disk. Raises Problem."""
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        title = "The request is not a form."
        raise Problem(415, "wrong_type", title, "Send the file as multipart/form-data, in the field file.")
    return await request.form(max_files=2, max_fields=8)


@router.post("/uploads", status_code=201, openapi_extra=_FILE_FORM)
async def upload(request: Request) -> dict[str, Any]:
    """Send a picture, sound, a video, a motion or style file, or a timeline. It is looked at before it is accepted."""
    form = await form_of(request)
    try:
        file = file_of(form, "file").file
        stored = await receive(request, file)
    finally:
        await form.close()
    return view_of(stored)


@router.get("/uploads/{file}")
def uploaded(file: str, request: Request) -> dict[str, Any]:
    """What was found in an upload."""
    return view_of(service_of(request).uploads.file(file, client_of(request)))


@router.delete("/uploads/{file}", status_code=204)
def delete_upload(file: str, request: Request) -> Response:
    """Delete an upload now, instead of after its time."""
    service_of(request).uploads.forget(file, client_of(request))
    return Response(status_code=204)


@router.get("/styles")
def styles() -> list[dict[str, Any]]:
    """The styles that have names."""
    from dreamtalk.options import AUTO
    from dreamtalk.style.files import saved_names
    from dreamtalk.style.library import LEVELS, STYLES

    named = [
        {
            "name": style.name,
            "levels": list(LEVELS) if style.actions else [],
            "title": style.name.capitalize(),
            "note": style.text,
        }
        for style in STYLES.values()
    ]
    saved = [{"name": name, "levels": [], "title": name, "note": "saved on the server"} for name in saved_names()]
    auto = {"name": AUTO, "levels": [], "title": "As the speech sounds", "note": "for non-commercial use only"}
    return [*named, *saved, auto]


@router.post("/styles", status_code=201)
async def make_style(asked: StyleRequest, request: Request) -> dict[str, Any]:
    """Take the manner of speaking from an uploaded video; its id is then a style."""
    make, limiter = service_of(request).uploads.make_style, request.app.state.stylists
    stored, notes = await to_thread.run_sync(make, asked, client_of(request), limiter=limiter)
    return {"id": stored.id, "notes": notes}


@router.get("/examples")
def examples() -> list[dict[str, Any]]:
    """Pictures and speech that need no upload."""
    return [
        {"name": one.name, "kind": one.kind, "title": one.title, "url": f"/v1/examples/{one.name}"}
        for one in EXAMPLES.values()
    ]


@router.get("/examples/{name}", response_class=FileResponse)
def example(name: str) -> FileResponse:
    """The file of an example."""
    if name not in EXAMPLES:
        raise not_found("example")
    return FileResponse(EXAMPLES[name].path, media_type=EXAMPLES[name].media)


def view_of(file: StoredFile) -> dict[str, Any]:
    """What clients see of a file."""
    return {"id": file.id, "kind": file.kind, **file.facts}
