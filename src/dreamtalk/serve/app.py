"""The application: endpoints, page and guard put together."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from anyio import CapacityLimiter
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import FileResponse, JSONResponse, Response
from fastapi.staticfiles import StaticFiles
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from dreamtalk.serve import routes_files, routes_live, routes_talks
from dreamtalk.serve.guard import COOKIE, Guard, known_client, session_of
from dreamtalk.serve.metrics import CONTENT_TYPE
from dreamtalk.serve.pool import Worker
from dreamtalk.serve.problems import Problem, wrong_fields
from dreamtalk.serve.requests import KeyRequest, TalkRequest
from dreamtalk.serve.service import Service
from dreamtalk.serve.settings import Settings
from dreamtalk.version import package_version

PAGE = Path(__file__).parent / "page" / "static"
_DOCS = Path(__file__).parent / "docs"
_READERS = 4
"""Requests at once that wait for a file to be read, or for a style: others wait without a thread, so that the rest of
the API answers."""
_TITLES = {
    404: ("not_found", "There is nothing at this address.", "See /docs for the addresses there are."),
    405: ("wrong_method", "This address does not take that method.", "See /docs for what it takes."),
}


def create_app(settings: Settings, make_worker: Callable[[], Worker] | None = None) -> FastAPI:
    """The ASGI application. make_worker: as for Service. Raises UnusableInput as Service does."""
    service = Service(settings, make_worker)

    @asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        service.start()
        app.state.turns = routes_files.Turns()
        app.state.readers, app.state.stylists = CapacityLimiter(_READERS), CapacityLimiter(_READERS)
        yield
        await run_in_threadpool(service.stop)

    app = FastAPI(
        title="dreamtalk",
        version=package_version(),
        description="Talking videos from a portrait and speech. Every one carries a mark that it is synthetic.",
        lifespan=life,
        docs_url=None,
        redoc_url=None,
    )
    app.state.service = service
    for router in (routes_files.router, routes_talks.router, routes_live.router):
        app.include_router(router)
    _add_own(app, service)
    _add_errors(app)
    if settings.page and PAGE.is_dir():
        app.mount("/", StaticFiles(directory=PAGE, html=True), name="page")
    if settings.origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(settings.origins),
            allow_methods=["GET", "POST", "DELETE"],
            allow_headers=["authorization", "content-type", "x-api-key"],
        )
    app.add_middleware(Guard, settings=settings, metrics=service.metrics)
    return app


def _add_own(app: FastAPI, service: Service) -> None:
    """Endpoints about the server itself."""

    @app.get("/v1/health", tags=["server"])
    def health() -> dict[str, Any]:
        """Whether it runs, and how much waits."""
        counts = service.store.counts()
        waiting = {status: counts.get(status, 0) for status in ("queued", "running")}
        state = "stopping" if service.stopping.is_set() else "ok"
        return {"status": state, "version": package_version(), "key_needed": bool(service.settings.keys), **waiting}

    @app.post("/v1/session", status_code=204, tags=["server"])
    def session(asked: KeyRequest, request: Request) -> Response:
        """Show the API key once: a cookie stands for it, for pictures, videos and events of a page."""
        if known_client(service.settings, asked.key) is None:
            raise Problem(401, "wrong_key", "This is not a key of this server.", "Ask its operator for one.")
        answer = Response(status_code=204)
        secure = request.url.scheme == "https"
        answer.set_cookie(COOKIE, session_of(asked.key), httponly=True, samesite="strict", secure=secure)
        return answer

    @app.get("/metrics", tags=["server"], response_class=Response)
    def metrics() -> Response:
        """Numbers for Prometheus."""
        return Response(service.metrics.text(), headers={"Content-Type": CONTENT_TYPE})

    @app.get("/docs", include_in_schema=False)
    def docs() -> FileResponse:
        """The API on a page that loads nothing from elsewhere."""
        return FileResponse(_DOCS / "index.html")

    app.mount("/docs/files", StaticFiles(directory=_DOCS), name="docs")
    made = app.openapi

    def openapi() -> dict[str, Any]:
        """The description, with the talk's body, which is read by hand because it comes in two forms."""
        described = made()
        parts = TalkRequest.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas = described.setdefault("components", {}).setdefault("schemas", {})
        schemas.update(parts.pop("$defs", {}))
        schemas["TalkRequest"] = parts
        return described

    app.openapi = openapi  # type: ignore[method-assign]


def _add_errors(app: FastAPI) -> None:
    """Whatever goes wrong is answered with the same object."""

    @app.exception_handler(Problem)
    async def problem(request: Request, error: Problem) -> JSONResponse:
        return JSONResponse(error.body, error.status, error.headers)

    @app.exception_handler(RequestValidationError)
    async def wrong(request: Request, error: RequestValidationError) -> JSONResponse:
        said = wrong_fields([dict(one) for one in error.errors()], {})
        return JSONResponse(said.body, said.status)

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> JSONResponse:
        usual = ("wrong_request", str(error.detail).rstrip(".") + ".", "See /docs.")
        code, title, detail = _TITLES.get(error.status_code, usual)
        known = Problem(error.status_code, code, title, detail)
        return JSONResponse(known.body, known.status, dict(error.headers or {}))
