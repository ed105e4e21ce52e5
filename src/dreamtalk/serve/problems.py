"""What a client is told when something cannot be done: always the same object, in plain words, never a traceback."""

from __future__ import annotations

import errno
import re
import sqlite3
from collections.abc import Mapping
from typing import Any

from dreamtalk.errors import DreamTalkError, FaceNotFound, UnusableAudio

_FLAG = re.compile(r"--([a-z]+(?:-[a-z]+)*)")
_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-Z]|--)")
_ELSEWHERE = {
    "(--neutral of style extract, --style-neutral elsewhere)": "(neutral of a style, style_neutral of a talk)",
}
"""Words of the command line, and what they are called here."""
_MOST_TOLD = 5
"""Mistakes of a request that are told at once."""
_ELSE = "Change the request and send it again."


class Problem(DreamTalkError):
    """An answer other than the one asked for.

    status: of HTTP. code: short, for programs. title: what is wrong. detail: what to do. retry_after: seconds.
    """

    def __init__(self, status: int, code: str, title: str, detail: str, retry_after: int | None = None) -> None:
        super().__init__(f"{title} {detail}")
        self.status, self.code, self.title, self.detail, self.retry_after = status, code, title, detail, retry_after

    def __reduce__(self) -> tuple[type[Problem], tuple[int, str, str, str, int | None]]:
        """Made anew from its own arguments where it goes from one process to another."""
        return Problem, (self.status, self.code, self.title, self.detail, self.retry_after)

    @property
    def body(self) -> dict[str, Any]:
        """The JSON of the answer."""
        return {"error": {"title": self.title, "detail": self.detail, "code": self.code}}

    @property
    def headers(self) -> dict[str, str]:
        """Headers of the answer."""
        return {} if self.retry_after is None else {"Retry-After": str(self.retry_after)}


def not_found(what: str) -> Problem:
    """There is no such thing, or it is not this client's."""
    return Problem(404, "not_found", f"There is no such {what}.", "It may have been deleted after its time was over.")


def refused(error: DreamTalkError, names: Mapping[str, str] | None = None, status: int = 422) -> Problem:
    """Input that cannot be used. names: words to put in the place of paths, which are nobody's business."""
    if isinstance(error, Problem):
        return error
    if error.__cause__ is not None and (full := no_room(error.__cause__)) is not None:
        return full
    code = "unusable_input"
    for kind, name in ((FaceNotFound, "no_face"), (UnusableAudio, "unusable_audio")):
        if isinstance(error, kind):
            code = name
    title, detail = told(str(error), names or {})
    return Problem(status, code, title, detail)


def failure(title: str, detail: str) -> Problem:
    """A failure of ours."""
    return Problem(500, "failure", title, detail)


def no_room(error: BaseException) -> Problem | None:
    """What to say when the disk is full; None where it is something else."""
    full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
    if not full and not (isinstance(error, sqlite3.Error) and "full" in str(error)):
        return None
    return Problem(507, "store_full", "The server's disk is full.", "Try again later, or tell its operator.", 600)


def told(message: str, names: Mapping[str, str]) -> tuple[str, str]:
    """Title and detail of a message of ours, with words in the place of paths and flags."""
    first, *rest = (in_words(part, names) for part in _SENTENCE.split(message, maxsplit=1))
    return first, rest[0] if rest else _ELSE


def in_words(message: str, names: Mapping[str, str]) -> str:
    """The message with those words in the place of paths, and the API's names in the place of flags."""
    for path in sorted(names, key=len, reverse=True):
        message = message.replace(path, names[path])
    for flags, names_here in _ELSEWHERE.items():
        message = message.replace(flags, names_here)
    message = f"The option {message}" if message.startswith("--") else message
    message = _FLAG.sub(lambda flag: flag.group(1).replace("-", "_"), message).strip()
    return message[:1].upper() + message[1:]


def wrong_fields(errors: list[dict[str, Any]], known: Mapping[str, str]) -> Problem:
    """What pydantic found wrong in a request, in words. known: names that an object may have, by its place."""
    said = [_word(error, known) for error in errors[:_MOST_TOLD]]
    code = "unknown_option" if any(error["type"] == "extra_forbidden" for error in errors) else "wrong_request"
    return Problem(422, code, said[0], " ".join(said[1:]) or "See /docs for what a request looks like.")


def _word(error: dict[str, Any], known: Mapping[str, str]) -> str:
    kind, place = error["type"], [str(part) for part in error["loc"] if part != "body"]
    where = ".".join(place) or "the request"
    if kind == "extra_forbidden":
        names = known.get(".".join(place[:-1]), "")
        return f"There is no option {place[-1][:80]!r}.{' Known: ' + names + '.' if names else ''}"
    if kind == "missing":
        return f"{where} is missing."
    if kind in ("json_invalid", "model_attributes_type"):
        return "The request is not the JSON object that is expected."
    text = str(error["msg"]).removeprefix("Value error, ").rstrip(".")
    return f"{where}: {text[:1].lower()}{text[1:]}."
