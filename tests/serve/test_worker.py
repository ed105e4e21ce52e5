"""Making a talk for the server: what is told meanwhile, cancelling, and workers elsewhere."""

from __future__ import annotations

import errno
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dreamtalk.errors import UnusableInput
from dreamtalk.motion import MotionModel
from dreamtalk.provenance.manifest import read_manifest
from dreamtalk.serve.remote import RemoteTalker
from dreamtalk.serve.service import _promised
from dreamtalk.serve.watched import WatchedTalker
from dreamtalk.serve.worker import Made, Message, Progressed, Stopped, Task, make

MakeSound = Callable[..., Path]


@pytest.fixture(scope="module")
def talker() -> WatchedTalker:
    made = WatchedTalker("cpu", 1)
    made.motion_model = MotionModel.debug()
    return made


@pytest.fixture
def task(make_sound: MakeSound, examples: Path, tmp_path: Path) -> Task:
    sound = make_sound(tmp_path / "s.wav", 0.6)
    options: dict[str, Any] = {"size": 256, "provenance": False}
    names = {str(examples / "portrait.jpg"): "The picture", str(sound): "The sound"}
    return Task("x", str(examples / "portrait.jpg"), str(sound), str(tmp_path / "talk.mp4"), options, names)


def test_a_talk_is_made_and_told_of(talker: WatchedTalker, task: Task) -> None:
    said: list[Message] = []
    made = make(task, talker, said.append, lambda: False)
    assert isinstance(made, Made) and made.outcome["frames"] == 15
    assert made.outcome["marks"] == {"badge": True, "watermark": False, "manifest": False}
    assert made.outcome["size"] == {"width": 256, "height": 256} and made.work > 0 and made.memory > 10**8
    assert Path(task.output).stat().st_size > 1000
    frames = [one for one in said if isinstance(one, Progressed)]
    assert frames[-1].frames == frames[-1].total == 15
    assert any(one.preview is not None and one.preview.startswith(b"\xff\xd8") for one in frames)
    json.dumps(made.outcome)


def test_consent_and_marks_are_those_of_the_video(talker: WatchedTalker, task: Task) -> None:
    for ending, beside in (("mp4", False), ("webm", True)):
        options = {"size": 256, "badge": False, "consent": "she agreed"}
        asked = replace(task, output=str(Path(task.output).with_suffix(f".{ending}")), options=options)
        made = make(asked, talker, lambda message: None, lambda: False)
        assert isinstance(made, Made)
        assert made.outcome["marks"] == {"badge": False, "watermark": True, "manifest": True}
        assert made.outcome["beside"] == beside
        assert _promised({"options": options, "format": ending}) == made.outcome["marks"]
        found = read_manifest(Path(asked.output))
        assert found is not None and found.beside == beside and found.talk["consent"] == "she agreed"


def test_a_cancel_leaves_nothing(talker: WatchedTalker, task: Task, tmp_path: Path) -> None:
    asked: list[int] = []

    def cancelled() -> bool:
        asked.append(1)
        return len(asked) > 5

    stopped = make(task, talker, lambda message: None, cancelled)
    assert isinstance(stopped, Stopped) and stopped.problem is None
    assert [path.name for path in tmp_path.iterdir()] == ["s.wav"]


def test_what_cannot_be_used_is_told_in_words(talker: WatchedTalker, task: Task) -> None:
    Path(task.audio).write_bytes(b"no sound")
    stopped = make(task, talker, lambda message: None, lambda: False)
    assert isinstance(stopped, Stopped) and stopped.problem is not None
    assert stopped.problem.title.startswith("The sound cannot be read") and stopped.problem.status == 422
    assert stopped.problem.code == "unusable_audio"


def test_a_worker_elsewhere_gets_files_and_sends_the_video(
    talker: WatchedTalker, task: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    import dreamtalk.serve.watched

    monkeypatch.setattr(dreamtalk.serve.watched, "WatchedTalker", lambda device, threads: talker)
    files = {path: Path(path).read_bytes() for path in task.files}
    assert set(files) == {task.portrait, task.audio}
    actor = RemoteTalker("cpu")
    message, made = actor.make(task, files)
    assert isinstance(message, Made) and list(made) == ["talk.mp4"] and len(made["talk.mp4"]) > 1000
    assert not Path(task.output).exists(), "it was made elsewhere"
    assert actor.progress().frames == 15 and actor.progress().preview is not None
    stopped, made = actor.make(task, {**files, task.audio: b"no sound"})
    assert isinstance(stopped, Stopped) and stopped.problem is not None and made == {}
    assert stopped.problem.title.startswith("The sound cannot be read"), "no path of that machine either"


def test_a_full_disk_is_the_servers_affair(
    talker: WatchedTalker, task: Task, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def full(*given: Any, **more: Any) -> Any:
        raise UnusableInput(f"{tmp_path} could not be written to.") from OSError(errno.ENOSPC, "No space left")

    monkeypatch.setattr(talker, "generate", full)
    stopped = make(task, talker, lambda message: None, lambda: False)
    assert isinstance(stopped, Stopped) and stopped.problem is not None
    assert stopped.problem.code == "store_full" and str(tmp_path) not in str(stopped.problem)
