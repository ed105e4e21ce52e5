"""What the endpoints do: uploads, styles and talks, from request to answer."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from dreamtalk.errors import DreamTalkError, UnusableInput
from dreamtalk.options import TRANSPARENT, TalkOptions
from dreamtalk.serve.board import Board
from dreamtalk.serve.checking import Seen, look_at, make_style
from dreamtalk.serve.child import Helper
from dreamtalk.serve.gallery import EXAMPLES
from dreamtalk.serve.live import LiveHost
from dreamtalk.serve.logs import log
from dreamtalk.serve.metrics import Metrics
from dreamtalk.serve.pool import LocalWorker, Pool, Worker
from dreamtalk.serve.problems import Problem, in_words, not_found, refused
from dreamtalk.serve.requests import (
    StyleRequest,
    TalkRequest,
    asked_options,
    check_style_name,
    read_json,
    uploads_in,
    write_timeline,
)
from dreamtalk.serve.settings import Settings
from dreamtalk.serve.store import ENDED, Store, StoredFile, StoredTalk
from dreamtalk.serve.vault import Vault, is_id, new_id
from dreamtalk.serve.worker import Task, options_of

_BLOCK = 1 << 20
_CHECK_SECONDS = 60.0
"""Time to look at an upload."""
_STYLE_SECONDS = 240.0
"""Time to take a style from a video: a minute of it is tracked."""
_SWEEP_SECONDS = 60.0
"""Between two looks for files whose time is over."""
_USUAL_WORK = 20.0
"""Seconds that a talk takes, before any was made."""
_LONGEST_WAIT = 600

_PORTRAITS = ("image",)
_SPEECHES = ("audio", "video")
_STYLES = ("video", "image", "track", "style")
_NEUTRALS = ("video", "image", "track")
_POSES = ("video", "motion", "track")
_ROLES = {
    "portrait": (_PORTRAITS, "The picture"),
    "audio": (_SPEECHES, "The sound"),
    "style": (_STYLES, "The style"),
    "style_neutral": (_NEUTRALS, "The neutral face"),
    "pose": (_POSES, "The head motion"),
    "timeline": (("timeline",), "The timeline"),
}
"""For each part of a request: kinds of uploads that it may be, and what it is called in messages."""


class Service:
    """Everything behind the endpoints. Any thread may call it."""

    def __init__(self, settings: Settings, make_worker: Callable[[], Worker] | None = None) -> None:
        """make_worker: what makes talks; None: a process of its own, or Ray where an address is given.

        Raises UnusableInput when another server uses the same folder.
        """
        self.settings = settings
        settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.store = Store(settings.data / "talks.sqlite")
        self.vault = Vault(settings.data)
        self.board, self.metrics = Board(), Metrics()
        self.metrics.watch(self.store.counts)
        self.stopping = threading.Event()
        self._checker, self._stylist = Helper(), Helper()
        self.live = LiveHost(settings)
        self.pool = Pool(
            settings,
            self.store,
            self.vault,
            self.board,
            self.metrics,
            self.task_of,
            make_worker or _worker_maker(settings),
        )
        self._sweeper = threading.Thread(target=self._sweep_often, daemon=True, name="dreamtalk sweeper")

    def start(self) -> None:
        """Take up what an earlier server left, and begin."""
        left = self.store.recover()
        if left:
            log("talks_taken_up", count=left)
        self._drop_strays()
        self.pool.start()
        self._sweeper.start()

    def stop(self) -> None:
        """End within the grace; nothing half done stays."""
        self.stopping.set()
        self.pool.stop(self.settings.grace)
        self.live.stop()
        for helper in (self._checker, self._stylist):
            helper.close()
        self.store.close()

    # Uploads

    def receive(self, file: BinaryIO, client: str) -> StoredFile:
        """Keep an uploaded file once it is seen to be usable. Raises Problem."""
        limits = self.settings.limits
        if self.vault.stored_bytes() > limits.stored_bytes:
            title = "The server's store is full."
            raise Problem(507, "store_full", title, "Try later: old files are deleted after their time.", 3600)
        name = new_id()
        place = self.vault.incoming / name
        try:
            size = _copied(file, place, limits.upload_bytes)
            seen: Seen = self._checker.call(_CHECK_SECONDS, look_at, place, limits)
            stored = StoredFile(name, client, seen.kind, seen.suffix, size, time.time(), seen.facts)
            os.replace(place, self.vault.upload(stored))
        except Problem:
            raise
        except DreamTalkError as error:
            raise refused(error, {str(place): "The file", name: "the file"}) from error
        finally:
            place.unlink(missing_ok=True)
        self.store.add_file(stored)
        self.metrics.uploaded(stored.kind)
        log("upload", kind=stored.kind, bytes=size)
        return stored

    def file(self, file: str, client: str) -> StoredFile:
        """A file of this client. Raises Problem where there is none."""
        found = self.store.file(file) if is_id(file) else None
        if found is None or not self._may_see(found.client, client):
            raise not_found("upload")
        return found

    def forget_file(self, file: str, client: str) -> None:
        """Delete a file now. Raises Problem where it is still needed."""
        found = self.file(file, client)
        if any(found.id in _named(talk.request) for talk in self.store.unended()):
            raise Problem(409, "in_use", "A talk that is not done yet needs this file.", "Cancel the talk first.")
        self.store.forget_file(found.id)
        self.vault.upload(found).unlink(missing_ok=True)

    def make_style(self, asked: StyleRequest, client: str) -> tuple[StoredFile, list[str]]:
        """A style from an uploaded video, and what people should know of it. Raises Problem."""
        video = self._usable(asked.upload, client, ("video", "image", "track"), "style")
        calm = None if asked.neutral is None else self._usable(asked.neutral, client, _NEUTRALS, "neutral face")
        name = new_id()
        draft = self.vault.incoming / f"{name}.npz"
        names = _names({"The video": self.vault.upload(video)})
        if calm is not None:
            names |= _names({"the neutral face": self.vault.upload(calm)})
        try:
            paths = (self.vault.upload(video), None if calm is None else self.vault.upload(calm), draft)
            notes = self._stylist.call(_STYLE_SECONDS, make_style, *paths)
            facts = {"notes": [in_words(note, names) for note in notes]}
            stored = StoredFile(name, client, "style", ".npz", draft.stat().st_size, time.time(), facts)
            os.replace(draft, self.vault.upload(stored))
        except Problem:
            raise
        except DreamTalkError as error:
            raise refused(error, names) from error
        finally:
            draft.unlink(missing_ok=True)
        self.store.add_file(stored)
        return stored, facts["notes"]

    # Talks

    def accept(self, asked: TalkRequest, client: str) -> StoredTalk:
        """Put a talk into the queue when all of it can be used. Raises Problem."""
        request: dict[str, Any] = {
            "portrait": asked.portrait,
            "audio": asked.audio,
            "options": asked_options(asked),
            "format": asked.format,
            "consent": asked.consent,
        }
        for role in ("portrait", "audio"):
            self._check_role(role, request[role], client)
        for upload in uploads_in(request["options"]):
            self.file(upload, client)
        talk = new_id()
        draft = self.vault.draft(talk, asked.format)
        try:
            task = self._task(talk, request, draft, client)
            self._check_style(task, request["options"])
            _check_format(options_of(task), asked.format)
        except DreamTalkError as error:
            raise refused(error, {}) from error
        finally:
            self.vault.drop_drafts(talk)
        limits = self.settings.limits
        self.store.add_talk(talk, client, request, limits.queue, limits.per_client, self._wait())
        log("talk_accepted", talk=talk)
        self.pool.wake()
        return self.talk(talk, client)

    def talk(self, talk: str, client: str) -> StoredTalk:
        """A talk of this client. Raises Problem where there is none."""
        found = self.store.talk(talk) if is_id(talk) else None
        if found is None or not self._may_see(found.client, client):
            raise not_found("talk")
        return found

    def result(self, talk: str, client: str) -> Path:
        """The video of a talk that is done. Raises Problem."""
        found = self.talk(talk, client)
        path = self.vault.result(found.id, str(found.request.get("format", "mp4")))
        if found.status != "done" or not path.is_file():
            raise Problem(409, "not_done", f"This talk is {found.status}: there is no video.", "Look at its status.")
        return path

    def forget(self, talk: str, client: str) -> None:
        """Cancel a talk that has not ended, and forget one that has."""
        found = self.talk(talk, client)
        if found.status in ENDED:
            self.store.forget(talk)
            self.vault.drop_result(talk)
            return
        self.pool.cancel(talk)
        if found.status == "queued" and self.store.end(talk, "cancelled", {}):
            self.metrics.ended("cancelled")

    def view(self, talk: StoredTalk) -> dict[str, Any]:
        """What clients see of a talk."""
        base, outcome = f"/v1/talks/{talk.id}", talk.outcome
        progress = self.board.get(talk.id)
        options = talk.request.get("options", {})
        mark = options.get("provenance", True)
        frames = int(outcome.get("frames", progress.frames))
        order = [waiting.id for waiting in self.store.order()] if talk.status == "queued" else []
        view = {
            "id": talk.id,
            "status": talk.status,
            "position": order.index(talk.id) + 1 if talk.id in order else 0,
            "progress": {"frames": frames, "total": int(outcome.get("frames", progress.total))},
            "created": talk.created,
            "began": talk.began,
            "ended": talk.ended,
            "marks": outcome.get("marks", {"badge": options.get("badge", True), "watermark": mark, "manifest": mark}),
            "notes": outcome.get("notes", []),
            "consent": talk.request.get("consent"),
            "links": {"self": base, **{part: f"{base}/{part}" for part in ("events", "preview", "result")}},
        }
        return view | {name: outcome[name] for name in ("seconds", "size", "bytes", "error") if name in outcome}

    def task_of(self, talk: StoredTalk, draft: Path) -> Task:
        """What a worker is to do. Raises Problem where files have gone."""
        return self._task(talk.id, talk.request, draft, talk.client)

    def live_task(self, asked: TalkRequest, client: str) -> Task:
        """The portrait and options of a live session; its speech comes later. Raises Problem."""
        self._check_role("portrait", asked.portrait, client)
        options = asked_options(asked)
        request = {"portrait": asked.portrait, "audio": asked.portrait, "options": options, "consent": asked.consent}
        try:
            task = self._task(new_id(), request, Path("live"), client)
            self._check_style(task, options)
            options_of(task)
        except DreamTalkError as error:
            raise refused(error) from error
        return task

    # Inside

    def _check_style(self, task: Task, asked: Mapping[str, Any]) -> None:
        """Raise UnusableInput for a style that is neither a known name nor an upload."""
        if isinstance(asked.get("style"), str):
            check_style_name(task.options["style"])

    def _task(self, talk: str, request: Mapping[str, Any], draft: Path, client: str) -> Task:
        portrait, audio = (self._path(request[role], client) for role in ("portrait", "audio"))
        names = _names({"The picture": portrait, "The sound": audio, "The video": draft})
        options = dict(request["options"])
        if request.get("consent"):
            options["consent"] = request["consent"]
        for role in ("style", "style_neutral", "pose"):
            if isinstance(options.get(role), dict):
                self._check_role(role, options[role]["upload"], client)
                path = self._path(options[role]["upload"], client)
                names |= _names({_ROLES[role][1]: path})
                options[role] = str(path)
        if options.get("timeline") is not None:
            options["timeline"] = str(self._timeline(talk, options["timeline"], client, names))
        return Task(talk, str(portrait), str(audio), str(draft), options, names)

    def _timeline(self, talk: str, given: Any, client: str, names: dict[str, str]) -> Path:
        """The timeline as a file beside the draft."""
        if isinstance(given, dict) and set(given) == {"upload"}:
            self._check_role("timeline", given["upload"], client)
            given = read_json(self._path(given["upload"], client).read_text(encoding="utf-8-sig"), "The timeline")
        uploads = uploads_in(given)
        for upload in uploads:
            self._check_role("style", upload, client)
        path = self.vault.work / f"{talk}-timeline.json"
        names |= _names({"The timeline": path})
        try:
            write_timeline(given, path, {upload: self._path(upload, client) for upload in uploads})
        except UnusableInput as error:
            raise refused(error, names) from error
        return path

    def _check_role(self, role: str, reference: str, client: str) -> None:
        kinds, name = _ROLES[role]
        if reference.startswith("example:"):
            example = EXAMPLES.get(reference.removeprefix("example:"))
            if role not in ("portrait", "audio") or example is None or example.kind not in kinds:
                known = ", ".join(f"example:{one.name}" for one in EXAMPLES.values() if one.kind in kinds)
                title = f"{name}: there is no such example."
                raise Problem(404, "not_found", title, f"Use {known}, or the id of an upload.")
            return
        self._usable(reference, client, kinds, name)

    def _usable(self, file: str, client: str, kinds: tuple[str, ...], name: str) -> StoredFile:
        found = self.file(file, client)
        silent = name == "The sound" and found.kind == "video" and not found.facts.get("sound")
        if found.kind not in kinds or silent:
            what = "a video without sound" if silent else f"an upload of the kind {found.kind}"
            title = f"{name[:1].upper()}{name[1:]} cannot be {what}."
            raise Problem(422, "wrong_kind", title, f"It must be of the kind {' or '.join(kinds)}.")
        return found

    def _path(self, reference: str, client: str) -> Path:
        if reference.startswith("example:"):
            return EXAMPLES[reference.removeprefix("example:")].path
        return self.vault.upload(self.file(reference, client))

    def _may_see(self, owner: str, client: str) -> bool:
        """With API keys, everybody sees their own; without, whoever knows an id."""
        return not self.settings.keys or owner == client

    def _wait(self) -> int:
        """Seconds after which a full queue will probably have moved."""
        counts = self.store.counts()
        ahead = counts.get("queued", 0) + counts.get("running", 0)
        return max(5, min(_LONGEST_WAIT, round(_USUAL_WORK * ahead / max(1, self.settings.workers) / 10)))

    def _sweep_often(self) -> None:
        while not self.stopping.wait(_SWEEP_SECONDS):
            self.sweep(time.time() - 3600.0 * self.settings.keep_hours)

    def sweep(self, before: float) -> None:
        """Delete uploads that came, and talks that ended, before that time (s since 1970), unless they are needed."""
        needed = {upload for talk in self.store.unended() for upload in _named(talk.request)}
        for file in self.store.files(before):
            if file.id not in needed:
                self.store.forget_file(file.id)
                self.vault.upload(file).unlink(missing_ok=True)
        for talk in self.store.ended_before(before):
            self.store.forget(talk)
            self.vault.drop_result(talk)

    def _drop_strays(self) -> None:
        done = {talk for talk in self.store.ended_before(float("inf"))}
        for path in self.vault.strays({file.id for file in self.store.files()}, done):
            path.unlink(missing_ok=True)


def _check_format(options: TalkOptions, ending: str) -> None:
    if options.background == TRANSPARENT and ending == "mp4":
        title = "MP4 videos cannot be transparent."
        raise Problem(422, "wrong_format", title, "Ask for the format webm or mov, or another background.")


def _named(request: Mapping[str, Any]) -> set[str]:
    """Ids of uploads that a request names."""
    return {str(request.get("portrait")), str(request.get("audio")), *uploads_in(request.get("options", {}))}


def _names(places: dict[str, Path]) -> dict[str, str]:
    """Words for the paths and names of files, in messages."""
    return {text: word for word, path in places.items() for text in (str(path), path.name)}


def _copied(source: BinaryIO, place: Path, most: int) -> int:
    """Copy an upload into a new file; returns its bytes. Raises Problem when there are too many."""
    size = 0
    with place.open("xb") as target:
        while block := source.read(_BLOCK):
            size += len(block)
            if size > most:
                raise too_large(most)
            target.write(block)
    return size


def too_large(most: int) -> Problem:
    """What to say of an upload of too many bytes."""
    return Problem(413, "too_large", f"The file is larger than {most / 1e6:g} MB.", "Make it smaller or shorter.")


def _worker_maker(settings: Settings) -> Callable[[], Worker]:
    if settings.address is not None:
        from dreamtalk.serve.remote import RayWorker

        return lambda: RayWorker(settings.address or "auto", settings.workers, settings.device)
    return lambda: LocalWorker(settings.device, settings.threads)
