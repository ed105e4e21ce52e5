"""Timelines as people write them."""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dreamtalk.errors import DoubtfulInput, UnusableInput
from dreamtalk.style.function import FunctionTimeline
from dreamtalk.style.timeline import StyleKey, Timeline
from dreamtalk.style.timeline_file import Entry, check_keys, read_timeline, source_of, strongest
from dreamtalk.types import Style

PLAIN = Style(np.zeros(256, np.float32), "plain")
OTHERS = {
    name: Style(np.full(256, value, np.float32), name)
    for value, name in enumerate(("neutral", "happy", "surprised", "serious", "sad"), start=1)
}

DID = [
    {"start_frame": 0, "expression": "surprise", "intensity": 1.0},
    {"start_frame": 50, "expression": "happy", "intensity": 0.5},
    {"start_frame": 100, "expression": "serious"},
]


def find(given: object) -> Style:
    return given if isinstance(given, Style) else OTHERS[str(given)]


def written(folder: Path, content: Any, name: str = "timeline.json") -> Path:
    path = folder / name
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def test_yaml_and_json_say_the_same(tmp_path: Path) -> None:
    pytest.importorskip("yaml", reason="pyyaml is optional")
    entries = [{"start": 0, "style": "happy:3"}, {"start": 2.5, "style": "sad", "intensity": 0.5, "transition": 1}]
    yaml = "- {start: 0, style: 'happy:3'}\n- start: 2.5\n  style: sad\n  intensity: 0.5\n  transition: 1\n"
    first, second = read_timeline(written(tmp_path, entries)), read_timeline(written(tmp_path, yaml, "t.yaml"))
    assert first == second == (Entry(0.0, "happy:3"), Entry(2.5, "sad", 0.5, 1.0))


@pytest.mark.parametrize(
    "wrap",
    [
        lambda given: given,
        lambda given: {"expressions": given},
        lambda given: {"driver_expressions": {"expressions": given}},
        lambda given: {"config": {"driver_expressions": {"expressions": given}}},
    ],
)
def test_driver_expressions(wrap: Any, tmp_path: Path) -> None:
    entries = read_timeline(written(tmp_path, wrap(DID)))
    assert [(e.start, e.style, e.intensity) for e in entries] == [
        (0.0, "surprised", 1.0),
        (2.0, "happy", 0.5),
        (4.0, "serious", 1.0),
    ]


def test_transition_frames_are_seconds(tmp_path: Path) -> None:
    entries = read_timeline(written(tmp_path, {"expressions": DID, "transition_frames": 20}))
    assert all(entry.transition == 0.8 for entry in entries)


@pytest.mark.parametrize(
    ("content", "word"),
    [
        ([{"start": 0, "stile": "happy"}], "entry 1 has 'stile'"),
        ([{"start": 0, "style": "happy"}, {"start": "soon", "style": "sad"}], "entry 2: start"),
        ([{"start": 0, "style": "happy", "intensity": 9}], "intensity"),
        ([{"start": 0, "style": "happy", "intensity": True}], "intensity"),
        ([{"start": -1, "style": "happy"}], "start"),
        ([{"start": 0}], "no 'style'"),
        ([{"start": 0, "style": 3}], "style must be"),
        ([{"start_frame": 0, "expression": "angry"}], "one of neutral, happy, surprise, serious"),
        ([{"start_frame": 0, "expression": "happy", "transition": 1}], "has 'transition'"),
        (["happy"], "entry 1 must look like"),
        ([], "at least one style"),
        ({"start": 0, "style": "happy"}, "list of styles"),
        ({"expressions": DID, "speed": 1}, "list of styles"),
        ("[{'start': 0}]", "not a timeline"),
        ('[{"start": NaN, "style": "happy"}]', "start"),
        ('[{"start": ' + "1" * 400 + ', "style": "happy"}]', "start"),
        ('[{"start": 0, "style": ' + json.dumps(["x" * 90] * 1000) + "}]", r"not \['x+\.\.\.[^$]{0,500}$"),
        ("[" * 100_000, "not a timeline"),
        (" " * 2_000_000, "larger than 1 MB"),
    ],
)
def test_what_is_wrong_is_named(content: Any, word: str, tmp_path: Path) -> None:
    with pytest.raises(UnusableInput, match=word):
        read_timeline(written(tmp_path, content))


def test_yaml_that_grows_when_it_is_read_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("yaml", reason="pyyaml is optional")
    lines = ["a: &a {k: v}"]
    for name, before in zip("bcdefghijk", "abcdefghij", strict=True):
        lines.append(f"{name}: &{name} {{<<: [{', '.join([f'*{before}'] * 9)}]}}")
    with pytest.raises(UnusableInput, match="<<"):
        read_timeline(written(tmp_path, "\n".join(lines), "t.yaml"))


def test_broken_yaml_is_no_timeline(tmp_path: Path) -> None:
    pytest.importorskip("yaml", reason="pyyaml is optional")
    for text in ("- {start: 0", "!!python/object/apply:os.getcwd []", "&a [*a]"):
        with pytest.raises(UnusableInput):
            read_timeline(written(tmp_path, text, "t.yml"))


def test_a_mark_in_front_of_the_text_is_no_matter(tmp_path: Path) -> None:
    path = tmp_path / "notepad.json"
    path.write_text('[{"start": 0, "style": "happy"}]\r\n', encoding="utf-8-sig")
    assert read_timeline(path) == (Entry(0.0, "happy"),)


def test_without_the_library_people_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "yaml", None)
    with pytest.raises(UnusableInput, match=r"dreamtalk\[yaml\].*JSON"):
        read_timeline(written(tmp_path, "- {start: 0, style: happy}", "t.yaml"))


def test_until_the_first_key_there_is_the_style_asked_for(tmp_path: Path) -> None:
    late = source_of(written(tmp_path, [{"start": 2, "style": "happy"}]), find, PLAIN)
    assert np.array_equal(late.frames(0, 1).code[0], PLAIN.code)
    assert np.array_equal(late.frames(100, 1).code[0], OTHERS["happy"].code)
    at_once = source_of(written(tmp_path, [{"start": 0, "style": "happy"}]), find, PLAIN)
    assert np.array_equal(at_once.frames(0, 1).code[0], OTHERS["happy"].code)


def test_styles_that_start_after_the_speech_are_told() -> None:
    timeline = Timeline(tuple(StyleKey(start, OTHERS["sad"]) for start in (0.0, 7.0, 9.0)))
    with pytest.warns(DoubtfulInput, match=r"ends at 7\.00 s: sad at 7 s and 1 more"):
        check_keys(timeline, 1.0, 7.0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_keys(timeline, 1.0, 9.1)
        check_keys(FunctionTimeline(lambda seconds: (PLAIN, 1.0), find), 1.0, 0.1)


def test_factors_may_not_leave_the_range_of_faces() -> None:
    timeline = Timeline((StyleKey(0.0, PLAIN, 2.0),))
    check_keys(timeline, 1.5, 7.0)
    with pytest.raises(UnusableInput, match=r"2 times the intensity 1\.6"):
        check_keys(timeline, 1.6, 7.0)


def test_two_styles_at_once_are_refused_with_the_files_name(tmp_path: Path) -> None:
    path = written(tmp_path, [{"start": 0, "style": "happy"}, {"start": 0, "style": "sad"}])
    with pytest.raises(UnusableInput, match=r"timeline\.json.*start at 0 s"):
        source_of(path, find, PLAIN)


def test_a_style_that_is_not_found_is_told_with_the_files_name(tmp_path: Path) -> None:
    def none(given: object) -> Style:
        raise UnusableInput(f"There is no style called {given!r}.")

    with pytest.raises(UnusableInput, match=r"timeline\.json: There is no style called 'hapy'"):
        source_of(written(tmp_path, [{"start": 0, "style": "hapy"}]), none, PLAIN)


def test_files_in_a_timeline_lie_beside_it(tmp_path: Path) -> None:
    (tmp_path / "aunt.npz").touch()
    asked: list[object] = []

    def noted(given: object) -> Style:
        asked.append(given)
        return PLAIN

    source_of(written(tmp_path, [{"start": 0, "style": "aunt.npz"}, {"start": 1, "style": "uncle.npz"}]), noted, PLAIN)
    assert asked == [str(tmp_path / "aunt.npz"), "uncle.npz"]
    source_of(written(tmp_path, [{"start": 0, "style": "x" * 5000}]), noted, PLAIN)
    assert asked[-1] == "x" * 5000, "no file system has such a name: whoever finds styles says so"


def test_the_strongest_intensity_is_known_beforehand(tmp_path: Path) -> None:
    assert strongest(written(tmp_path, [{"start": 0, "style": "happy", "intensity": 2.5}])) == 2.5
    assert strongest(Timeline((StyleKey(0.0, PLAIN, 0.7),))) == 0.7


def test_a_function_that_jumps_gives_a_smooth_change() -> None:
    source = source_of(lambda seconds: ("happy", 1.0) if seconds < 2.0 else ("sad", 2.0), find, PLAIN)
    frames = source.frames(0, 100)
    assert np.array_equal(frames.code[30], OTHERS["happy"].code) and frames.strength[30] == 1.0
    assert np.allclose(frames.code[70], OTHERS["sad"].code) and frames.strength[70] == pytest.approx(2.0)
    assert np.diff(frames.strength).max() < 0.2 and (np.diff(frames.strength) > -1e-9).all()
    assert source.frames(0, 20).steady and frames.strength[49] == pytest.approx(1.5, abs=0.1), "centred on the change"


def test_a_functions_chunks_equal_the_whole() -> None:
    source = FunctionTimeline(lambda seconds: (OTHERS["sad" if int(3 * seconds) % 2 else "happy"], seconds), find)
    whole = source.frames(0, 60)
    for first in (0, 7, 50):
        part = source.frames(first, 10)
        assert np.allclose(part.code, whole.code[first : first + 10]) and np.allclose(
            part.strength, whole.strength[first : first + 10]
        )


def test_a_list_of_keys_is_no_timeline() -> None:
    with pytest.raises(UnusableInput, match="not list"):
        source_of([StyleKey(0.0, PLAIN)], find, PLAIN)  # type: ignore[arg-type]


@pytest.mark.parametrize("answer", ["happy", ("happy", -1.0), ("happy", 3.1), ("happy", float("nan")), None])
def test_functions_must_give_a_style_and_a_number(answer: Any) -> None:
    with pytest.raises(UnusableInput, match="timeline"):
        FunctionTimeline(lambda seconds: answer, find).frames(0, 1)
