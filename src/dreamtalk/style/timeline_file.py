"""Timelines as people write them: JSON or YAML files, D-ID's driver expressions, and functions of time."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from reprlib import repr as short
from typing import Any, TypeAlias

from dreamtalk.errors import DoubtfulInput, UnusableInput
from dreamtalk.media.files import check_input, exists
from dreamtalk.options import MAX_INTENSITY
from dreamtalk.style.function import FunctionTimeline, StyleFunction
from dreamtalk.style.timeline import DEFAULT_TRANSITION, StyleKey, StyleSource, Timeline
from dreamtalk.types import VIDEO_FPS, Style

GivenTimeline: TypeAlias = str | Path | Timeline | StyleFunction
"""A file, a timeline, or a function of time."""

FindStyle: TypeAlias = Callable[[str | Path | Style], Style]

_OURS = {"start", "style", "intensity", "transition"}
_DID = {"start_frame", "expression", "intensity"}
_DID_NAMES = {"neutral": "neutral", "happy": "happy", "surprise": "surprised", "serious": "serious"}
"""D-ID's expressions and our styles."""

_MOST_BYTES = 2**20
_MOST_SECONDS = 1e6


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a timeline file, as StyleKey; style: a name or a file."""

    start: float
    style: str
    intensity: float = 1.0
    transition: float = DEFAULT_TRANSITION


def source_of(given: GivenTimeline, find: FindStyle, before: Style) -> StyleSource:
    """The styles of a timeline. find: what people write for a style, found. before: the style until the first key.

    Raises UnusableInput for a file that is no timeline, and whatever `find` raises.
    """
    if isinstance(given, Timeline):
        return given
    if not isinstance(given, str | Path):
        if not callable(given):
            raise UnusableInput(
                f"A timeline is a file, a Timeline or a function of seconds, not {type(given).__name__}."
            )
        return FunctionTimeline(given, find)
    path = check_input(given)
    entries, found = read_timeline(path), dict[str, Style]()
    try:
        for style in (entry.style for entry in entries):
            found[style] = found.get(style) or find(beside(style, path))
        keys = [StyleKey(entry.start, found[entry.style], entry.intensity, entry.transition) for entry in entries]
        if keys[0].start > 0.0:
            keys.insert(0, StyleKey(0.0, before))
        return Timeline(tuple(keys))
    except UnusableInput as error:
        raise UnusableInput(f"{path}: {error}") from error


def read_timeline(path: Path) -> tuple[Entry, ...]:
    """The entries of a timeline file, by their start. Raises UnusableInput, naming the entry, when it is none."""
    content, transition = _unwrapped(_content(path)), DEFAULT_TRANSITION
    if isinstance(content, Mapping):
        if not isinstance(content.get("expressions"), list) or content.keys() - {"expressions", "transition_frames"}:
            raise _not_one(path, "It must hold a list of styles, or D-ID's driver_expressions.")
        if "transition_frames" in content:
            frames = _number(content, "transition_frames", _MOST_SECONDS * VIDEO_FPS, f"{path}")
            transition = frames / VIDEO_FPS
        content = content["expressions"]
    if not isinstance(content, list) or not content:
        raise _not_one(path, "It must hold a list with at least one style.")
    entries = [_entry(given, f"{path}, entry {n}", transition) for n, given in enumerate(content, start=1)]
    return tuple(sorted(entries, key=lambda entry: entry.start))


def strongest(given: GivenTimeline | None) -> float:
    """The highest intensity in a timeline file or a Timeline; 0 of what cannot be known beforehand."""
    if isinstance(given, str | Path):
        return max(entry.intensity for entry in read_timeline(check_input(given)))
    return max(key.intensity for key in given.keys) if isinstance(given, Timeline) else 0.0


def check_keys(source: StyleSource, factor: float, seconds: float) -> None:
    """Raise UnusableInput where `factor` makes a style stronger than MAX_INTENSITY, as far as that is known beforehand.

    Warns (DoubtfulInput) of styles that start after a speech of so many seconds has ended.
    """
    most = strongest(source) if isinstance(source, Timeline) else 0.0
    if factor * most > MAX_INTENSITY:
        raise UnusableInput(
            f"The timeline's intensity {most:g} times the intensity {factor:g} asked for is above {MAX_INTENSITY:g}."
        )
    late = [key for key in source.keys if key.start >= seconds] if isinstance(source, Timeline) else []
    if late:
        first = f"{late[0].style.source} at {late[0].start:g} s"
        more = f" and {len(late) - 1} more" if len(late) > 1 else ""
        doubt = f"The timeline goes on after the speech, which ends at {seconds:.2f} s: {first}{more} will not be seen."
        warnings.warn(doubt, DoubtfulInput, stacklevel=2)


def beside(style: str, path: Path) -> str:
    """A file named in a timeline lies in the timeline's folder, or where the name says."""
    near = path.parent / style
    try:
        return str(near) if near.is_file() else style
    except OSError:  # a name too long for the file system
        return style


def files_in(timeline: Path) -> tuple[Path, ...]:
    """Style files and videos that a timeline file names, and files of saved styles, each once. Raises UnusableInput."""
    from dreamtalk.style.files import saved_names, saved_path

    saved, found = saved_names(), list[Path]()
    for entry in read_timeline(check_input(timeline)):
        path = saved_path(entry.style) if entry.style in saved else Path(beside(entry.style, timeline))
        if exists(path) and path.is_file():
            found.append(path)
    return tuple(dict.fromkeys(found))


def _content(path: Path) -> Any:
    """What a JSON or YAML file holds. Raises UnusableInput."""
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise _not_one(path, "It is larger than 1 MB.")
        text = path.read_text(encoding="utf-8-sig")  # some editors put a mark in front
        return _yaml(text) if path.suffix.lower() in (".yaml", ".yml") else json.loads(text)
    except (OSError, ValueError, RecursionError) as error:
        raise _not_one(path, str(error).splitlines()[0]) from error


def _yaml(text: str) -> Any:
    """What YAML says. Raises ValueError when it is none, UnusableInput without the library."""
    try:
        import yaml
    except ImportError:
        raise UnusableInput(
            "Timelines in YAML need pyyaml: pip install 'dreamtalk[yaml]', or write the same as JSON."
        ) from None
    try:
        # Ten lines of << can merge more entries than any memory holds.
        if any(getattr(event, "value", None) == "<<" for event in yaml.parse(text)):
            raise ValueError("<< is not known here; write the entries out.")
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError(" ".join(str(error).split())) from error


def _unwrapped(content: Any) -> Any:
    """The timeline inside D-ID's request, or its part of one."""
    for name in ("config", "driver_expressions"):
        if isinstance(content, Mapping) and name in content:
            content = content[name]
    return content


def _entry(given: Any, place: str, transition: float) -> Entry:
    if not isinstance(given, Mapping):
        raise UnusableInput(f"{place} must look like {{start: 2.0, style: happy}}, not {short(given)}.")
    foreign = "expression" in given or "start_frame" in given
    known = _DID if foreign else _OURS
    if unknown := sorted(map(str, given.keys() - known)):
        raise UnusableInput(f"{place} has {unknown[0]!r}; known are {', '.join(sorted(known))}.")
    for needed in ("start_frame", "expression") if foreign else ("start", "style"):
        if needed not in given:
            raise UnusableInput(f"{place} has no {needed!r}.")
    style = given["expression" if foreign else "style"]
    if not isinstance(style, str) or (foreign and style not in _DID_NAMES):
        known_styles = ", ".join(_DID_NAMES) if foreign else "a name such as happy:3, or a file"
        raise UnusableInput(
            f"{place}: the style must be {'one of ' if foreign else ''}{known_styles}, not {short(style)}."
        )
    intensity = _number(given, "intensity", MAX_INTENSITY, place) if "intensity" in given else 1.0
    if foreign:
        start = _number(given, "start_frame", _MOST_SECONDS * VIDEO_FPS, place) / VIDEO_FPS
        return Entry(start, _DID_NAMES[style], intensity, transition)
    if "transition" in given:
        transition = _number(given, "transition", _MOST_SECONDS, place)
    return Entry(_number(given, "start", _MOST_SECONDS, place), style, intensity, transition)


def _number(given: Mapping[str, Any], name: str, most: float, place: str) -> float:
    value = given[name]
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= most:  # NaN is neither
        raise UnusableInput(f"{place}: {name} must be a number from 0 to {most:g}, not {short(value)}.")
    return float(value)


def _not_one(path: Path, why: str) -> UnusableInput:
    return UnusableInput(f"{path} is not a timeline: {why}")
