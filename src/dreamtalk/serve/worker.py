"""A process that makes talks: one set of models, loaded once and kept."""

from __future__ import annotations

import os
import threading
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from dreamtalk.errors import DoubtfulInput, DreamTalkError
from dreamtalk.options import AUTO, TalkOptions
from dreamtalk.serve.memory import memory_bytes
from dreamtalk.serve.problems import Problem, failure, in_words, refused

if TYPE_CHECKING:
    from dreamtalk.live import Recorded
    from dreamtalk.serve.watched import WatchedTalker
    from dreamtalk.talk import Talk
    from dreamtalk.types import Image

_REPORT_SECONDS = 0.25
"""Between two messages about progress."""
_NON_COMMERCIAL = "The style auto uses weights that are for non-commercial use only (CC BY-NC-SA 4.0)."
_PREVIEW_SECONDS = 0.5
_PREVIEW_SIDE = 512
"""px; larger frames are shown smaller."""
_PREVIEW_QUALITY = 80
"""JPEG's, 0 to 100."""


@dataclass(frozen=True, slots=True)
class Task:
    """A talk to make. options: of TalkOptions, by name; paths are strings. names: words for paths in messages."""

    id: str
    portrait: str
    audio: str
    output: str
    options: dict[str, Any]
    names: dict[str, str] = field(default_factory=dict)

    @property
    def files(self) -> list[str]:
        """All files that it reads."""
        named = [self.options.get(name) for name in ("style", "style_neutral", "pose", "timeline")]
        return [self.portrait, self.audio, *(path for path in named if isinstance(path, str) and os.path.isfile(path))]


@dataclass(frozen=True, slots=True)
class Progressed:
    """frames: done. total: in all. preview: the latest frame as JPEG, where a new one was due."""

    frames: int
    total: int
    preview: bytes | None = None


@dataclass(frozen=True, slots=True)
class Made:
    """The talk is made. outcome: what clients are told of it. work: seconds it took. memory: the process's, bytes."""

    outcome: dict[str, Any]
    work: float
    memory: int


@dataclass(frozen=True, slots=True)
class Stopped:
    """The talk is not made: cancelled, or for a reason."""

    problem: Problem | None
    memory: int


Message: TypeAlias = Progressed | Made | Stopped


class Cancelled(Exception):
    """Raised between two frames of a talk that nobody wants any more."""


def serve_tasks(line: Connection, device: str, threads: int | None) -> None:
    """The worker's process: takes a Task, tells how it goes, takes the next. Ends when the server is gone."""
    from dreamtalk.serve.watched import WatchedTalker

    cancelled = threading.Event()
    tasks = _Inbox(line, cancelled)
    talker = WatchedTalker(device, threads)
    talker.load_all()
    while True:
        task = tasks.get()
        cancelled.clear()
        line.send(make(task, talker, line.send, cancelled.is_set))


class _Inbox:
    """Reads the line in a thread of its own: a cancel is heard in the middle of a talk, and so is the server's end."""

    def __init__(self, line: Connection, cancelled: threading.Event) -> None:
        self._line, self._cancelled = line, cancelled
        self._tasks: list[Task] = []
        self._came = threading.Semaphore(0)
        threading.Thread(target=self._read, daemon=True, name="dreamtalk inbox").start()

    def get(self) -> Task:
        """The next task."""
        self._came.acquire()
        return self._tasks.pop(0)

    def _read(self) -> None:
        while True:
            try:
                message = self._line.recv()
            except (EOFError, OSError):
                os._exit(0)  # the server is gone: nobody will take what is being made
            if isinstance(message, Task):
                self._tasks.append(message)
                self._came.release()
            else:
                self._cancelled.set()


def make(
    task: Task, talker: WatchedTalker, tell: Callable[[Message], None], cancelled: Callable[[], bool]
) -> Made | Stopped:
    """Make a talk. tell: called with the progress. cancelled: asked at every frame."""
    watcher = _Watcher(tell, cancelled)
    started = time.monotonic()
    try:
        with warnings.catch_warnings(record=True) as doubts, talker.watched(watcher.seen):
            warnings.simplefilter("always", DoubtfulInput)
            options = options_of(task)
            talk = talker.generate(task.portrait, task.audio, task.output, options, progress=watcher.report)
    except Cancelled:
        return Stopped(None, memory_bytes())
    except DreamTalkError as error:
        return Stopped(refused(error, task.names), memory_bytes())
    except MemoryError:
        problem = failure("The talk needs more memory than the server has.", "Send a smaller picture.")
        return Stopped(problem, memory_bytes())
    except Exception as error:
        problem = failure("Making the talk failed.", f"That is dreamtalk's fault ({type(error).__name__}); report it.")
        return Stopped(problem, memory_bytes())
    told = [str(doubt.message) for doubt in doubts if issubclass(doubt.category, DoubtfulInput)]
    told += [_NON_COMMERCIAL] if options.style == AUTO else []
    notes = [in_words(note, task.names) for note in (*talk.notes, *told)]
    return Made(outcome_of(talk, notes), time.monotonic() - started, memory_bytes())


def outcome_of(made: Talk | Recorded, notes: list[str]) -> dict[str, Any]:
    """What clients are told of a video. beside: its signed manifest is a file of its own."""
    marks = made.marks
    beside = marks.beside is not None
    return {
        "frames": made.frames,
        "seconds": round(made.seconds, 3),
        "size": {"width": made.size[0], "height": made.size[1]},
        "notes": notes,
        "marks": {"badge": marks.badge, "watermark": marks.watermark is not None, "manifest": marks.manifest or beside},
        "beside": beside,
    }


def options_of(task: Task) -> TalkOptions:
    """The options of a task. Raises UnusableInput."""
    named = ("style_neutral", "timeline")
    paths = {name: Path(task.options[name]) for name in named if isinstance(task.options.get(name), str)}
    return TalkOptions(**{**task.options, **paths})


class _Watcher:
    """Tells the server of frames, now and then, and ends a talk that was cancelled."""

    def __init__(self, tell: Callable[[Message], None], cancelled: Callable[[], bool]) -> None:
        self._tell, self._cancelled = tell, cancelled
        self._frame: Image | None = None
        self._told = self._shown = float("-inf")

    def seen(self, frame: Image) -> None:
        """A frame was made; called in the thread that makes them."""
        if self._cancelled():
            raise Cancelled
        self._frame = frame

    def report(self, done: int, total: int) -> None:
        """A frame was written."""
        if self._cancelled():
            raise Cancelled
        now = time.monotonic()
        if now - self._told < _REPORT_SECONDS and done < total:
            return
        self._told = now
        preview, frame = None, self._frame
        if frame is not None and now - self._shown >= _PREVIEW_SECONDS:
            self._shown, preview = now, jpeg(frame)
        self._tell(Progressed(done, total, preview))


def jpeg(frame: Image, side: int = _PREVIEW_SIDE, quality: int = _PREVIEW_QUALITY) -> bytes:
    """A frame (H, W, 3 or 4) as JPEG, its longer side at most `side` px."""
    import cv2

    height, width = frame.shape[:2]
    scale = side / max(height, width)
    if scale < 1.0:
        smaller = cv2.resize(frame, (round(width * scale), round(height * scale)), interpolation=cv2.INTER_AREA)
        frame = np.asarray(smaller, np.uint8)
    _, data = cv2.imencode(".jpg", frame[..., 2::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    return data.tobytes()
