"""What every request passes: who may ask, from where, and how much; and what every answer carries.

* Host: a page of a stranger can point its own name at 127.0.0.1 (DNS rebinding); only names that are ours are answered.
* Origin: browsers say which page sent a request; other pages may change nothing here, and open no socket.
* Key: compared in constant time; a browser that has shown it once has a cookie, for pictures, videos and events.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import ipaddress
import json
import secrets
import time
from collections.abc import Awaitable, Callable, MutableMapping
from http.cookies import CookieError, SimpleCookie
from typing import Any, TypeAlias
from urllib.parse import urlsplit

from starlette.requests import ClientDisconnect

from dreamtalk.serve.logs import log
from dreamtalk.serve.metrics import Metrics
from dreamtalk.serve.problems import Problem, failure, no_room
from dreamtalk.serve.settings import LOOPBACK, Settings

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
App: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]

COOKIE = "dreamtalk_session"
JSON_BYTES = 1_000_000
"""Largest body that is no upload."""
_BODY_SECONDS = 600.0
"""Within which the whole of a request must have come."""
_FORM_BYTES = 100_000
"""What a form has besides its files."""
_GONE = 499
"""Status in logs and numbers where the client left before it was answered; nginx's."""
_SAFE = ("GET", "HEAD", "OPTIONS")
_METHODS = (*_SAFE, "POST", "PUT", "PATCH", "DELETE")
_OPEN = ("/v1/health", "/v1/session")
"""Paths below /v1 that need no key."""

_HEADERS = {
    "cache-control": "no-cache",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(self), microphone=(self), geolocation=()",
    "content-security-policy": (
        "default-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; worker-src 'self' blob:; "
        "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
}
"""The page's own files and nothing else: no script of others, no frame around it. What browsers keep they ask for again
before they use it, so that after an update no old script meets a new page."""


class Guard:
    """ASGI middleware around the whole application."""

    def __init__(self, app: App, settings: Settings, metrics: Metrics) -> None:
        self._app, self._settings, self._metrics = app, settings, metrics
        self._salt = secrets.token_bytes(16)
        self._load = _Load(settings.limits.open_bytes)
        self._sessions = {session_of(key): client_of_key(key) for key in settings.keys}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request or socket."""
        if scope["type"] == "http":
            await self._request(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._socket(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _request(self, scope: Scope, receive: Receive, send: Send) -> None:
        started, number = time.monotonic(), secrets.token_hex(8)
        exchange = _Exchange(receive, send, self._most_bytes(scope), self._load, self._cross_origin_policy(), number)
        try:
            self._admit(scope)
            exchange.expect(_header(scope, b"content-length"))
            await self._app(scope, exchange.receive, exchange.send)
        except Problem as problem:
            await exchange.answer(problem)
        except ClientDisconnect:
            exchange.status = _GONE
        except Exception as error:
            log("request_failed", level="error", request=number, kind=type(error).__name__, text=str(error)[:500])
            ours = failure("Something went wrong here.", f"It is not your fault; report {number}.")
            await exchange.answer(no_room(error) or ours)
        finally:
            exchange.close()
            seconds = time.monotonic() - started
            route = getattr(scope.get("route"), "path", None) or ("other" if exchange.status >= 400 else "page")
            method = str(scope["method"]) if scope["method"] in _METHODS else "other"  # clients may make up names
            self._metrics.answered(method, route, exchange.status, exchange.began - started)
            facts: dict[str, Any] = {"method": method, "route": route, "status": exchange.status}
            client = scope.get("state", {}).get("client")
            log("request", request=number, ms=round(1000 * seconds), client=self._blurred(client), **facts)

    async def _socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            self._check_host(scope)
            self._check_origin(scope)
            scope.setdefault("state", {})["client"] = self._client(scope)
        except Problem as problem:
            log("socket_refused", code=problem.code)
            await receive()
            await send({"type": "websocket.close", "code": 1008, "reason": problem.title[:120]})
            return
        await self._app(scope, receive, send)

    def _admit(self, scope: Scope) -> None:
        """Raise Problem unless the request may go on; notes whose it is."""
        self._check_host(scope)
        if scope["method"] not in _SAFE:
            self._check_origin(scope)
        path = str(scope["path"])
        client = self._client(scope)
        guarded = path == "/metrics" or (path.startswith("/v1/") and path not in _OPEN)
        if client is None and guarded and scope["method"] != "OPTIONS":
            raise Problem(401, "key_needed", "An API key is needed.", "Send it as Authorization: Bearer <key>.")
        scope.setdefault("state", {})["client"] = client or "nobody"

    def _check_host(self, scope: Scope) -> None:
        name = _host_of(_header(scope, b"host"))
        if name in LOOPBACK or name in (self._settings.host, *self._settings.names):
            return
        # An address that is no name cannot have been pointed here by a stranger.
        if not self._settings.local and _is_address(name):
            return
        title = "This server does not go by that name."
        raise Problem(421, "wrong_host", title, "Use its address, or let the operator add the name (--name).")

    def _check_origin(self, scope: Scope) -> None:
        origin = _header(scope, b"origin")
        if origin in self._settings.origins:
            return
        site = _header(scope, b"sec-fetch-site")
        same = urlsplit(origin).netloc == _header(scope, b"host") if origin else site in ("", "same-origin", "none")
        if not same:
            title = "Other web pages may not use this server."
            raise Problem(403, "wrong_origin", title, "Use its own page, or let the operator allow yours (--origin).")

    def _client(self, scope: Scope) -> str | None:
        """Who asks: the key, or without keys the address. None: no right key."""
        if not self._settings.keys:
            return f"ip:{(scope.get('client') or ('local', 0))[0]}"
        scheme, _, bearer = _header(scope, b"authorization").partition(" ")
        given = bearer.strip() if scheme.lower() == "bearer" else _header(scope, b"x-api-key")
        if given:
            return known_client(self._settings, given)
        shown = _cookie(_header(scope, b"cookie"))
        found = [client for session, client in self._sessions.items() if hmac.compare_digest(session, shown)]
        return found[0] if found else None

    def _most_bytes(self, scope: Scope) -> int:
        if not _header(scope, b"content-type").startswith("multipart/form-data"):
            return JSON_BYTES
        files = 2 if scope["path"] == "/v1/talks" else 1
        return files * self._settings.limits.upload_bytes + _FORM_BYTES

    def _cross_origin_policy(self) -> str:
        return "cross-origin" if self._settings.origins else "same-origin"

    def _blurred(self, client: str | None) -> str | None:
        """A client in the log: told apart from others, not named, until the server ends."""
        return None if client is None else hashlib.blake2b(client.encode(), digest_size=4, key=self._salt).hexdigest()


class _Load:
    """Bytes of all requests that are not answered yet: many at once must fill neither memory nor disk."""

    def __init__(self, most: int) -> None:
        self._most, self._bytes = most, 0

    def add(self, size: int) -> None:
        """More has come, or less is held. Raises Problem where it is too much."""
        self._bytes += size
        if size > 0 and self._bytes > self._most:
            raise Problem(503, "busy", "Too much is being sent here at once.", "Send it again a little later.", 30)


class _Exchange:
    """One request and its answer: counts the body, adds headers, notes the status."""

    def __init__(self, receive: Receive, send: Send, most: int, load: _Load, policy: str, number: str) -> None:
        self._receive, self._send, self._most, self._load = receive, send, most, load
        self._headers = {**_HEADERS, "cross-origin-resource-policy": policy, "x-request-id": number}
        self._bytes, self._too_large = 0, False
        self._silenced, self._complete = False, False
        self._until = time.monotonic() + _BODY_SECONDS
        self.status, self.began = 0, time.monotonic()

    def expect(self, length: str) -> None:
        """What the client says that it will send. Raises Problem when that is too much already."""
        if length.isdigit() and int(length) > self._most:
            self._too_large = True
            raise self._problem()

    async def receive(self) -> Message:
        """The next part of the body. Raises Problem when there is too much of it."""
        message = await (self._receive() if self._complete else self._in_time())
        self._complete = not message.get("more_body", False)
        size = len(message.get("body", b""))
        self._bytes += size
        self._load.add(size)
        if self._bytes > self._most:
            self._too_large = True
            raise self._problem()
        return message

    def close(self) -> None:
        """What came is no longer held."""
        self._load.add(-self._bytes)

    async def _in_time(self) -> Message:
        """Raises Problem when the body takes for ever to come."""
        left = self._until - time.monotonic()
        try:
            return await asyncio.wait_for(self._receive(), max(0.0, left))
        except asyncio.TimeoutError as error:
            title = f"The request did not come within {_BODY_SECONDS:g} s."
            raise Problem(408, "too_slow", title, "Send a smaller file, or use a faster line.") from error

    async def send(self, message: Message) -> None:
        """A part of the answer. Whatever the application makes of a body that is too large, the answer says so."""
        if self._silenced:
            return
        if message["type"] == "http.response.start":
            if self._too_large:
                self._silenced = True
                await self._answer(self._problem())
                return
            self.status, self.began = int(message["status"]), time.monotonic()
            given = {name.lower() for name, _ in message.get("headers", [])}
            extra = [(n.encode(), v.encode()) for n, v in self._headers.items() if n.encode() not in given]
            message["headers"] = [*message.get("headers", []), *extra]
        await self._send(message)

    async def answer(self, problem: Problem) -> None:
        """The problem as the whole answer, unless another one has begun."""
        if self.status == 0:
            await self._answer(self._problem() if self._too_large else problem)

    async def _answer(self, problem: Problem) -> None:
        body = json.dumps(problem.body).encode()
        self.status, self.began = problem.status, time.monotonic()
        headers = {**self._headers, "content-type": "application/json", "content-length": str(len(body))}
        headers |= {name.lower(): value for name, value in problem.headers.items()}
        if problem.status == 401:
            headers["www-authenticate"] = "Bearer"
        if self._too_large:
            headers["connection"] = "close"  # the rest of the body is not waited for
        start = [(name.encode(), value.encode()) for name, value in headers.items()]
        await self._send({"type": "http.response.start", "status": problem.status, "headers": start})
        await self._send({"type": "http.response.body", "body": body})

    def _problem(self) -> Problem:
        title = f"The request is larger than {self._most / 1e6:g} MB."
        return Problem(413, "too_large", title, "Make the file smaller or shorter.")


def known_client(settings: Settings, given: str) -> str | None:
    """Whose key that is; None: nobody's. Takes the same time for every wrong one."""
    found = [key for key in settings.keys if hmac.compare_digest(key.encode(), given.encode())]
    return client_of_key(found[0]) if found else None


def client_of_key(key: str) -> str:
    """A client's name in the database: tells keys apart and does not give them away."""
    return "key:" + hashlib.sha256(f"dreamtalk client {key}".encode()).hexdigest()[:16]


def session_of(key: str) -> str:
    """What a browser keeps in the place of a key: worth as much, until the key is taken away, but not the key."""
    return hmac.new(key.encode(), b"dreamtalk session", hashlib.sha256).hexdigest()


def _header(scope: Scope, name: bytes) -> str:
    return next((value.decode("latin-1") for known, value in scope["headers"] if known == name), "")


def _host_of(host: str) -> str:
    """The name without the port."""
    try:
        return (urlsplit(f"//{host}").hostname or "").lower()
    except ValueError:
        return ""


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _cookie(header: str) -> str:
    try:
        cookie = SimpleCookie(header).get(COOKIE)
    except CookieError:
        return ""
    return cookie.value if cookie is not None and cookie.value.isascii() else ""
