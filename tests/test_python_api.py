"""The examples of docs/python_api.md run, in their order, as they stand there."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import dreamtalk
from dreamtalk.batch import worker
from dreamtalk.batch.keeping import KeepingTalker
from dreamtalk.motion import MotionModel
from dreamtalk.talker import Talker

PAGE = Path(__file__).parents[1] / "docs" / "python_api.md"


def test_the_examples_of_the_page_run(
    examples: Path,
    make_sound: Callable[..., Path],
    debug_talker: Talker,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    shutil.copy(examples / "portrait.jpg", tmp_path)
    make_sound(tmp_path / "speech.wav", 0.6)
    many = KeepingTalker("cpu", 1)
    many.motion_model = MotionModel.debug()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(dreamtalk, "load", lambda: debug_talker, raising=False)
    monkeypatch.setattr(worker, "talker", lambda device, threads: many)
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)
    assert len(blocks) >= 8
    names: dict[str, object] = {}
    for block in blocks:
        exec(compile(block, str(PAGE), "exec"), names)
    assert {"talk.mp4", "happy.mp4", "again.mp4", "talks"} <= {path.name for path in tmp_path.iterdir()}
    assert "not a picture" in capsys.readouterr().out, "the error of the last example speaks for itself"


def test_everything_public_is_on_the_page() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert [name for name in dreamtalk.__all__ if not re.search(rf"\b{name}\b", text)] == []
