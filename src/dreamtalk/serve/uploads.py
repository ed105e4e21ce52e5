"""Files that clients send, and styles made of them: received, looked at, found again, forgotten."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

from dreamtalk.errors import DreamTalkError
from dreamtalk.serve.checking import Seen, look_at, make_style, warm
from dreamtalk.serve.child import Helper, Helpers
from dreamtalk.serve.gallery import EXAMPLES
from dreamtalk.serve.logs import log
from dreamtalk.serve.metrics import Metrics
from dreamtalk.serve.problems import Problem, in_words, not_found, refused
from dreamtalk.serve.requests import StyleRequest, uploads_in
from dreamtalk.serve.settings import Settings
from dreamtalk.serve.store import Store, StoredFile
from dreamtalk.serve.vault import Vault, is_id, new_id

_BLOCK = 1 << 20
_READERS = 2
"""Uploads that are looked at at the same time, of different clients (0.3 GB each; the second starts when two meet)."""
_CHECK_SECONDS = 60.0
"""Time to look at an upload."""
_STYLE_SECONDS = 240.0
"""Time to take a style from a video: a minute of it is tracked."""

_PORTRAITS = ("image",)
_SPEECHES = ("audio", "video")
_STYLES = ("video", "image", "track", "style")
_NEUTRALS = ("video", "image", "track")
_POSES = ("video", "motion", "track")
ROLES = {
    "portrait": (_PORTRAITS, "The picture"),
    "audio": (_SPEECHES, "The sound"),
    "style": (_STYLES, "The style"),
    "style_neutral": (_NEUTRALS, "The neutral face"),
    "pose": (_POSES, "The head motion"),
    "timeline": (("timeline",), "The timeline"),
}
"""For each part of a request: kinds of uploads that it may be, and what it is called in messages."""


class Uploads:
    """The files of all clients. Any thread may call it."""

    def __init__(self, settings: Settings, store: Store, vault: Vault, metrics: Metrics) -> None:
        self._settings, self._store, self._vault, self._metrics = settings, store, vault, metrics
        self._checkers, self._stylist = Helpers(_READERS), Helper()

    def close(self) -> None:
        """End the processes that look at files."""
        self._checkers.close()
        self._stylist.close()

    def warm(self) -> None:
        """Load what looks at files, before the first one comes."""
        self._checkers.warm(_CHECK_SECONDS, warm)

    def receive(self, file: BinaryIO, client: str) -> StoredFile:
        """Keep an uploaded file once it is seen to be usable. Raises Problem."""
        limits = self._settings.limits
        self.check_room()
        name = new_id()
        place = self._vault.incoming / name
        try:
            size = _copied(file, place, limits.upload_bytes)
            seen: Seen = self._checkers.call(_CHECK_SECONDS, look_at, place, limits)
            stored = StoredFile(name, client, seen.kind, seen.suffix, size, time.time(), seen.facts)
            os.replace(place, self._vault.upload(stored))
        except Problem:
            raise
        except DreamTalkError as error:
            raise refused(error, {str(place): "The file", name: "the file"}) from error
        finally:
            place.unlink(missing_ok=True)
        self._store.add_file(stored)
        self._metrics.uploaded(stored.kind)
        log("upload", kind=stored.kind, bytes=size)
        return stored

    def check_room(self) -> None:
        """Raise Problem where the disk holds all that it may."""
        if self._vault.stored_bytes() > self._settings.limits.stored_bytes:
            title = "The server's store is full."
            raise Problem(507, "store_full", title, "Try later: old files are deleted after their time.", 3600)

    def file(self, file: str, client: str) -> StoredFile:
        """A file of this client. Raises Problem where there is none."""
        found = self._store.file(file) if is_id(file) else None
        if found is None or not self.may_see(found.client, client):
            raise not_found("upload")
        return found

    def forget(self, file: str, client: str) -> None:
        """Delete a file now. Raises Problem where it is still needed."""
        found = self.file(file, client)
        if any(found.id in named_uploads(talk.request) for talk in self._store.unended()):
            raise Problem(409, "in_use", "A talk that is not done yet needs this file.", "Cancel the talk first.")
        self._store.forget_file(found.id)
        self._vault.upload(found).unlink(missing_ok=True)

    def make_style(self, asked: StyleRequest, client: str) -> tuple[StoredFile, list[str]]:
        """A style from an uploaded video, and what people should know of it. Raises Problem."""
        video = self.usable(asked.upload, client, ("video", "image", "track"), "style")
        calm = None if asked.neutral is None else self.usable(asked.neutral, client, _NEUTRALS, "neutral face")
        name = new_id()
        draft = self._vault.incoming / f"{name}.npz"
        names = words_for({"The video": self._vault.upload(video)})
        if calm is not None:
            names |= words_for({"the neutral face": self._vault.upload(calm)})
        try:
            paths = (self._vault.upload(video), None if calm is None else self._vault.upload(calm), draft)
            notes = self._stylist.call(_STYLE_SECONDS, make_style, *paths)
            facts = {"notes": [in_words(note, names) for note in notes]}
            stored = StoredFile(name, client, "style", ".npz", draft.stat().st_size, time.time(), facts)
            os.replace(draft, self._vault.upload(stored))
        except Problem:
            raise
        except DreamTalkError as error:
            raise refused(error, names) from error
        finally:
            draft.unlink(missing_ok=True)
        self._store.add_file(stored)
        return stored, facts["notes"]

    def check_role(self, role: str, reference: str, client: str) -> None:
        kinds, name = ROLES[role]
        if reference.startswith("example:"):
            example = EXAMPLES.get(reference.removeprefix("example:"))
            if role not in ("portrait", "audio") or example is None or example.kind not in kinds:
                known = ", ".join(f"example:{one.name}" for one in EXAMPLES.values() if one.kind in kinds)
                title = f"{name}: there is no such example."
                raise Problem(404, "not_found", title, f"Use {known}, or the id of an upload.")
            return
        self.usable(reference, client, kinds, name)

    def usable(self, file: str, client: str, kinds: tuple[str, ...], name: str) -> StoredFile:
        found = self.file(file, client)
        silent = name == "The sound" and found.kind == "video" and not found.facts.get("sound")
        if found.kind not in kinds or silent:
            what = "a video without sound" if silent else f"an upload of the kind {found.kind}"
            title = f"{name[:1].upper()}{name[1:]} cannot be {what}."
            raise Problem(422, "wrong_kind", title, f"It must be of the kind {' or '.join(kinds)}.")
        return found

    def path(self, reference: str, client: str) -> Path:
        if reference.startswith("example:"):
            return EXAMPLES[reference.removeprefix("example:")].path
        return self._vault.upload(self.file(reference, client))

    def may_see(self, owner: str, client: str) -> bool:
        """With API keys, everybody sees their own; without, whoever knows an id."""
        return not self._settings.keys or owner == client


def named_uploads(request: Mapping[str, Any]) -> set[str]:
    """Ids of uploads that a stored request names."""
    return {str(request.get("portrait")), str(request.get("audio")), *uploads_in(request.get("options", {}))}


def words_for(places: dict[str, Path]) -> dict[str, str]:
    """Words for the paths and names of files, in messages."""
    return {text: word for word, path in places.items() for text in (str(path), path.name)}


def _copied(source: BinaryIO, place: Path, most: int) -> int:
    """Copy an upload into a new file; returns its bytes. Raises Problem when there are too many."""
    size = 0
    with place.open("xb") as target:
        while block := source.read(_BLOCK):
            size += len(block)
            if size > most:
                raise _too_large(most)
            target.write(block)
    return size


def _too_large(most: int) -> Problem:
    """What to say of an upload of too many bytes."""
    return Problem(413, "too_large", f"The file is larger than {most / 1e6:g} MB.", "Make it smaller or shorter.")
