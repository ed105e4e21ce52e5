"""What the endpoints do with talks, from request to answer, and what runs behind them."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from dreamtalk.errors import DreamTalkError, UnusableInput
from dreamtalk.options import TRANSPARENT, TalkOptions
from dreamtalk.serve.board import Board
from dreamtalk.serve.live import LiveHost, LiveSession, Outcome
from dreamtalk.serve.live_messages import LiveFormat
from dreamtalk.serve.logs import log
from dreamtalk.serve.metrics import Metrics
from dreamtalk.serve.pool import LocalWorker, Pool, Worker
from dreamtalk.serve.problems import Problem, not_found, refused
from dreamtalk.serve.recordings import LIVE, Recordings
from dreamtalk.serve.requests import (
    TalkRequest,
    asked_options,
    check_rights,
    check_style_name,
    read_json,
    uploads_in,
    write_timeline,
)
from dreamtalk.serve.settings import Settings
from dreamtalk.serve.store import ENDED, Store, StoredTalk
from dreamtalk.serve.uploads import ROLES, Uploads, named_uploads, words_for
from dreamtalk.serve.vault import Vault, check_free, is_id, new_id
from dreamtalk.serve.worker import Task, options_of
from dreamtalk.types import Latency

_SWEEP_SECONDS = 60.0
"""Between two looks for files whose time is over."""
_DATABASE = "talks.sqlite"
_USUAL_WORK = 20.0
"""Seconds that a talk takes, before any was made."""
_LONGEST_WAIT = 600
_LEAST_GRACE = 2.0
"""Seconds that recordings have to be finished when the talks have taken all of the grace."""


class Service:
    """Everything behind the endpoints. Any thread may call it."""

    def __init__(self, settings: Settings, make_worker: Callable[[], Worker] | None = None) -> None:
        """make_worker: what makes talks; None: a process of its own, or Ray where an address is given.

        Raises UnusableInput when another server uses the same folder.
        """
        self.settings = settings
        try:
            settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
            check_free(settings.data, _DATABASE)
        except OSError as error:
            raise UnusableInput(f"{settings.data} cannot be used: {error.strerror}. Give another folder.") from error
        self.store = Store(settings.data / _DATABASE)
        self.vault = Vault(settings.data)
        self.board, self.metrics = Board(), Metrics()
        self.metrics.watch(self.store.counts)
        self.stopping = threading.Event()
        self.uploads = Uploads(settings, self.store, self.vault, self.metrics)
        self.recordings = Recordings(self.store, self.vault, self.metrics)
        self.live = LiveHost(settings, self._recorded)
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
        self.recordings.lost()
        left = self.store.recover()
        if left:
            log("talks_taken_up", count=left)
        self._drop_strays()
        self.pool.start()
        self._sweeper.start()
        if self.settings.warm_live:
            self.live.warm()

    def stop(self) -> None:
        """End within the grace; nothing half done stays."""
        self.stopping.set()
        until = time.monotonic() + self.settings.grace
        self.pool.stop(self.settings.grace)
        self.live.stop(max(_LEAST_GRACE, until - time.monotonic()))  # its sessions were told when stopping was set
        self.uploads.close()
        self.store.close()

    def accept(self, asked: TalkRequest, client: str) -> StoredTalk:
        """Put a talk into the queue when all of it can be used. Raises Problem."""
        request: dict[str, Any] = {
            "portrait": asked.portrait,
            "audio": asked.audio,
            "options": asked_options(asked),
            "format": asked.format,
            "consent": asked.consent,
        }
        check_rights(self.settings, request)
        for role in ("portrait", "audio"):
            self.uploads.check_role(role, request[role], client)
        for upload in uploads_in(request["options"]):
            self.uploads.file(upload, client)
        self.uploads.check_room()
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
        log("talk_accepted", talk=talk, provenance=options_of(task).provenance, consent=bool(asked.consent))
        self.pool.wake()
        return self.talk(talk, client)

    def talk(self, talk: str, client: str) -> StoredTalk:
        """A talk of this client. Raises Problem where there is none."""
        found = self.store.talk(talk) if is_id(talk) else None
        if found is None or not self.uploads.may_see(found.client, client):
            raise not_found("talk")
        return found

    def result(self, talk: str, client: str) -> Path:
        """The video of a talk that is done. Raises Problem."""
        found = self.talk(talk, client)
        path = self.vault.result(found.id, str(found.request.get("format", "mp4")))
        if found.status != "done" or not path.is_file():
            raise Problem(409, "not_done", f"This talk is {found.status}: there is no video.", "Look at its status.")
        return path

    def manifest(self, talk: str, client: str) -> Path:
        """The signed manifest of a video that has no place for it. Raises Problem."""
        self.result(talk, client)
        path = self.vault.manifest(talk)
        if not path.is_file():
            title = "There is no manifest beside this video."
            raise Problem(404, "no_manifest", title, "MP4 and MOV hold theirs; who declined the marks has none.")
        return path

    def forget(self, talk: str, client: str) -> None:
        """Cancel a talk that has not ended, and forget one that has."""
        found = self.talk(talk, client)
        if found.status in ENDED:
            self.store.forget(talk)
            self.vault.drop_result(talk)
            return
        unmade = found.status == "queued" or LIVE in found.request  # no worker is at it
        if unmade and self.store.end(talk, "cancelled", {}):
            self.metrics.ended("cancelled")
        else:
            self.pool.cancel(talk)

    def view(self, talk: StoredTalk) -> dict[str, Any]:
        """What clients see of a talk."""
        base, outcome = f"/v1/talks/{talk.id}", talk.outcome
        progress = self.board.get(talk.id)
        frames = int(outcome.get("frames", progress.frames))
        parts = ("events", "preview", "result", *(["manifest"] if outcome.get("beside") else []))
        order = [waiting.id for waiting in self.store.order()] if talk.status == "queued" else []
        view = {
            "id": talk.id,
            "status": talk.status,
            "position": order.index(talk.id) + 1 if talk.id in order else 0,
            "progress": {"frames": frames, "total": int(outcome.get("frames", progress.total))},
            "created": talk.created,
            "began": talk.began,
            "ended": talk.ended,
            "marks": outcome.get("marks", _promised(talk.request)),
            "notes": outcome.get("notes", []),
            "consent": talk.request.get("consent"),
            "format": talk.request.get("format", "mp4"),
            "links": {"self": base, **{part: f"{base}/{part}" for part in parts}},
        }
        return view | {name: outcome[name] for name in ("seconds", "size", "bytes", "error") if name in outcome}

    def task_of(self, talk: StoredTalk, draft: Path) -> Task:
        """What a worker is to do. Raises Problem where files have gone."""
        return self._task(talk.id, talk.request, draft, talk.client)

    def open_live(
        self,
        asked: TalkRequest,
        kind: LiveFormat,
        latency: Latency,
        client: str,
        loop: asyncio.AbstractEventLoop,
        record: bool = False,
    ) -> tuple[LiveSession, Task]:
        """A live session, recorded where that is asked for, and its task. Raises Problem."""
        options = asked_options(asked)
        request = {"portrait": asked.portrait, "audio": asked.portrait, "options": options, "consent": asked.consent}
        check_rights(self.settings, request)
        self.uploads.check_role("portrait", asked.portrait, client)
        talk, begun = new_id(), False
        try:
            task = self._task(talk, request, self.vault.draft(talk, "mp4"), client)
            self._check_style(task, options)
            if record:
                _check_format(options_of(task), "mp4")
                self.uploads.check_room()
                self.recordings.begin(task, request, client)
                begun = True
            session = self.live.open(task, kind, latency, client, loop, record)
        except BaseException as error:
            self.vault.drop_drafts(talk)
            problem = refused(error) if isinstance(error, DreamTalkError) else error
            if begun and self.store.end(talk, "cancelled", {}):
                self.store.forget(talk)
            raise problem from error
        log("live_accepted", provenance=options_of(task).provenance, consent=bool(asked.consent), record=record)
        return session, task

    def close_live(self, session: LiveSession, task: Task, record: bool) -> None:
        """End a live session; its recording is kept when the process has finished it."""
        self.live.close(session)
        if not record:
            self.vault.drop_drafts(task.id)

    def _recorded(self, task: Task, outcome: Outcome) -> dict[str, Any] | None:
        """What the client of a live session is told of its recording."""
        found = self.recordings.ended(task, outcome)
        return None if found is None else self.view(found)

    def _check_style(self, task: Task, asked: Mapping[str, Any]) -> None:
        """Raise UnusableInput for a style that is neither a known name nor an upload."""
        if isinstance(asked.get("style"), str):
            check_style_name(task.options["style"])

    def _task(self, talk: str, request: Mapping[str, Any], draft: Path, client: str) -> Task:
        portrait, audio = (self.uploads.path(request[role], client) for role in ("portrait", "audio"))
        names = words_for({"The sound": audio, "The picture": portrait, "The video": draft})  # live ones have no sound
        names |= {str(folder): "The server's folder" for folder in (self.vault.work, self.vault.uploads)}
        options = dict(request["options"])
        if request.get("consent"):
            options["consent"] = request["consent"]
        for role in ("style", "style_neutral", "pose"):
            if isinstance(options.get(role), dict):
                self.uploads.check_role(role, options[role]["upload"], client)
                path = self.uploads.path(options[role]["upload"], client)
                names |= words_for({ROLES[role][1]: path})
                options[role] = str(path)
        if options.get("timeline") is not None:
            options["timeline"] = str(self._timeline(talk, options["timeline"], client, names))
        return Task(talk, str(portrait), str(audio), str(draft), options, names)

    def _timeline(self, talk: str, given: Any, client: str, names: dict[str, str]) -> Path:
        """The timeline as a file beside the draft."""
        if isinstance(given, dict) and set(given) == {"upload"}:
            self.uploads.check_role("timeline", given["upload"], client)
            given = read_json(
                self.uploads.path(given["upload"], client).read_text(encoding="utf-8-sig"), "The timeline"
            )
        uploads = uploads_in(given)
        for upload in uploads:
            self.uploads.check_role("style", upload, client)
        path = self.vault.work / f"{talk}-timeline.json"
        names |= words_for({"The timeline": path})
        try:
            write_timeline(given, path, {upload: self.uploads.path(upload, client) for upload in uploads})
        except UnusableInput as error:
            raise refused(error, names) from error
        return path

    def _wait(self) -> int:
        """Seconds after which a full queue will probably have moved."""
        counts = self.store.counts()
        ahead = counts.get("queued", 0) + counts.get("running", 0)
        return max(5, min(_LONGEST_WAIT, round(_USUAL_WORK * ahead / max(1, self.settings.workers) / 10)))

    def _sweep_often(self) -> None:
        while not self.stopping.wait(_SWEEP_SECONDS):
            try:
                self.recordings.settle()
                now = time.time()
                self.store.no_later_than(now)
                self.sweep(now - 3600.0 * self.settings.keep_hours)
            except Exception as error:  # such as a full disk, which the next look may help
                log("sweep_failed", level="error", kind=type(error).__name__, text=str(error))

    def sweep(self, before: float) -> None:
        """Delete uploads that came, and talks that ended, before that time (s since 1970), unless they are needed."""
        needed = {upload for talk in self.store.unended() for upload in named_uploads(talk.request)}
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


def _promised(request: Mapping[str, Any]) -> dict[str, bool]:
    """The marks that a talk will have."""
    options = request.get("options", {})
    marked = bool(options.get("provenance", True))
    return {"badge": options.get("badge", True), "watermark": marked, "manifest": marked}


def _check_format(options: TalkOptions, ending: str) -> None:
    if options.background == TRANSPARENT and ending == "mp4":
        title = "MP4 videos cannot be transparent."
        raise Problem(422, "wrong_format", title, "Ask for the format webm or mov, or another background.")


def _worker_maker(settings: Settings) -> Callable[[], Worker]:
    if settings.address is not None:
        from dreamtalk.serve.remote import RayWorker

        return lambda: RayWorker(settings.address or "auto", settings.workers, settings.device)
    threads = settings.threads
    if threads is None and settings.workers > 1:  # each its share of the cores
        threads = max(1, (os.cpu_count() or 1) // settings.workers)
    return lambda: LocalWorker(settings.device, threads)
