"""A worker on a Ray cluster: files go there and the video comes back, so that no disk need be shared."""

from __future__ import annotations

import tempfile
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

from dreamtalk.serve.child import ChildDied
from dreamtalk.serve.worker import Made, Message, Progressed, Stopped, Task, make
from dreamtalk.workers import connect

_START_SECONDS = 120.0
"""That the cluster has to find a place for a worker and to load its models."""
_CALLS_AT_ONCE = 4
"""Of one actor: the talk, and questions about it meanwhile."""


class RayWorker:
    """An actor on the cluster with its own models. Same interface as a worker process."""

    def __init__(self, address: str, workers: int, device: str) -> None:
        """Raises DreamTalkError when Ray is not installed or the cluster does not answer, ChildDied when it has no
        room for a worker."""
        connect(workers, address)
        import ray

        self._ray = ray
        kind: Any = ray.remote(RemoteTalker)
        self._actor: Any = kind.options(num_cpus=1, max_concurrency=_CALLS_AT_ONCE).remote(device)
        self._task: Task | None = None
        self._made: Any = None
        self._told = Progressed(0, 0)
        self._ask(self._actor.ready.remote(), _START_SECONDS)

    def begin(self, task: Task) -> None:
        files = {path: Path(path).read_bytes() for path in task.files}
        self._task, self._told = task, Progressed(0, 0)
        self._made = self._actor.make.remote(task, files)

    def receive(self, seconds: float) -> Message | None:
        done, _ = self._ray.wait([self._made], timeout=seconds)
        if not done:
            told: Progressed = self._ask(self._actor.progress.remote(), _START_SECONDS)
            changed, self._told = told != self._told, told
            return told if changed else None
        message, video = self._ask(self._made, _START_SECONDS)
        if self._task is not None and isinstance(message, Made):
            for name, content in video.items():
                Path(self._task.output).with_name(name).write_bytes(content)
        ended: Made | Stopped = message
        return ended

    def cancel(self) -> None:
        self._actor.cancel.remote()

    def end(self) -> None:
        self._ray.kill(self._actor)

    def _ask(self, reference: Any, seconds: float) -> Any:
        try:
            return self._ray.get(reference, timeout=seconds)
        except self._ray.exceptions.RayError as error:
            raise ChildDied(f"The worker on the cluster is gone ({type(error).__name__}).") from error


class RemoteTalker:
    """The actor: makes talks from the files that it is sent, in a folder of its own."""

    def __init__(self, device: str) -> None:
        from dreamtalk.serve.watched import WatchedTalker

        self._talker = WatchedTalker(device, 1)
        self._cancelled = threading.Event()
        self._told = Progressed(0, 0)

    def ready(self) -> bool:
        """Answers when the actor runs."""
        return True

    def progress(self) -> Progressed:
        """How far the talk is."""
        return self._told

    def cancel(self) -> None:
        """Stop at the next frame."""
        self._cancelled.set()

    def make(self, task: Task, files: dict[str, bytes]) -> tuple[Made | Stopped, dict[str, bytes]]:
        """The talk, and the files that it made by their names. files: by the server's paths."""
        self._cancelled.clear()
        self._told = Progressed(0, 0)
        with tempfile.TemporaryDirectory(prefix="dreamtalk-") as made, tempfile.TemporaryDirectory() as sent:
            place = {path: str(Path(sent) / Path(path).name) for path in files}
            for path, content in files.items():
                Path(place[path]).write_bytes(content)
            moved = {name: place.get(value, value) if isinstance(value, str) else value for name, value in
                     task.options.items()}  # fmt: skip
            names = {**task.names, **{place[path]: task.names[path] for path in place if path in task.names}}
            here = replace(
                task,
                portrait=place[task.portrait],
                audio=place[task.audio],
                output=str(Path(made) / Path(task.output).name),
                options=moved,
                names=names,
            )
            message = make(here, self._talker, self._tell, self._cancelled.is_set)
            return message, {path.name: path.read_bytes() for path in Path(made).iterdir()}

    def _tell(self, message: Message) -> None:
        if isinstance(message, Progressed):
            self._told = replace(message, preview=message.preview or self._told.preview)
