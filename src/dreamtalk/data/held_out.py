"""Which clips of a data set are the test: a rule per data set, or a list of the user's.

The paper (IV-A) names its data sets but publishes no test list (facts 1.10, 4): the rules here say what they are made
of, and every report repeats the one it used.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from dreamtalk.data.adapters import layout
from dreamtalk.data.adapters.talkset import source_of
from dreamtalk.data.source import SourceClip
from dreamtalk.data.talkset import Clip, read_talkset
from dreamtalk.errors import UnusableInput

MEAD_ACTORS = ("M030", "W009", "W011")
"""Actors whose clips the authors ship as style references: the only ones known to be in their test."""

RAVDESS_ACTORS = ("21", "22", "23", "24")
"""Actors whom the shipped style predictor has not heard."""

_HDTF_ONE_IN = 10
"""Of so many talkers one is in the test."""

_CLEARLY = 0.1
"""By so much the lip model must fit better at a lag than at none for the lag to be corrected (talkset README)."""

_SHOWN = 5
"""Unknown names that a message gives."""


@dataclass(frozen=True)
class HeldOut:
    """clips: talks with sound. references: silent clips that only lend their style. groups: by a clip's id, the table
    it is counted in besides that of all. rule: what is in the list, and why. published: name of the paper's figures."""

    clips: tuple[SourceClip, ...]
    references: tuple[SourceClip, ...] = ()
    groups: tuple[tuple[str, str], ...] = ()
    rule: str = ""
    published: str | None = None


@dataclass(frozen=True, slots=True)
class _Rule:
    """Which clips of a data set are in the test."""

    holds: Callable[[SourceClip], bool]
    says: str
    published: str | None = None


def _in_tenth(clip: SourceClip) -> bool:
    return int(hashlib.sha256(clip.speaker.encode()).hexdigest(), 16) % _HDTF_ONE_IN == 0


_RULES: dict[str, _Rule] = {
    "mead": _Rule(
        lambda clip: clip.speaker.removeprefix("mead-") in MEAD_ACTORS,
        f"front camera, actors {', '.join(MEAD_ACTORS)}: those whose clips the authors ship as style references. The "
        "paper's own split is not published.",
        "MEAD",
    ),
    "hdtf": _Rule(
        _in_tenth,
        "one talker in ten, by the sha256 of the talker's name. The paper's own split is not published.",
        "HDTF",
    ),
    "voxceleb2": _Rule(lambda clip: clip.split != "train", "the makers' split test.", "VoxCeleb2"),
    "ravdess": _Rule(
        lambda clip: clip.speaker.removeprefix("ravdess-") in RAVDESS_ACTORS,
        f"actors {', '.join(RAVDESS_ACTORS)}, whom the shipped style predictor has not heard. The paper names none.",
    ),
}
_ALL = _Rule(lambda clip: True, "all clips.")
_MARKED = _Rule(lambda clip: clip.split != "train", "the clips whose split in clips.csv is not train.")


def held_out(dataset: str, root: Path, listed: Path | None = None) -> HeldOut:
    """The test of a data set below `root`: by its rule, or the clips that `listed` names.

    Raises UnusableInput for an unknown data set, a folder that does not hold it, an unknown name in the list, or when
    nothing is left.
    """
    if dataset.lower() == "talkset":
        found = _talkset(root)
    else:
        clips = layout(dataset).clips(root)
        rule = _RULES.get(dataset.lower(), _ALL)
        if dataset.lower() == "folder" and listed is None and any(map(_MARKED.holds, clips)):
            rule = _MARKED
        chosen = clips if listed is not None else [clip for clip in clips if rule.holds(clip)]
        found = HeldOut(tuple(chosen), rule=rule.says, published=rule.published)
    if listed is not None:
        found = _listed(found, listed)
    if not found.clips:
        raise UnusableInput(f"{root} holds no clips of the test of {dataset} ({found.rule}) Give a list with --list.")
    return found


def _talkset(root: Path) -> HeldOut:
    """Dev talks; dev style clips as references; three tables."""
    rows = [clip for clip in read_talkset(root) if clip.split == "dev"]
    talks = [clip for clip in rows if clip.kind == "av"]
    groups = tuple((clip.id, _talkset_group(clip)) for clip in talks)
    references = tuple(_source(clip) for clip in rows if clip.kind == "style")
    rule = "the rows of split dev with sound; the silent style clips of dev are references for cross-ID."
    return HeldOut(tuple(_source(clip) for clip in talks), references, groups, rule)


def _talkset_group(clip: Clip) -> str:
    if clip.dataset != "GRID":
        return "other videos"
    return "GRID s1, a speaker of training" if clip.speaker == "grid-s1" else "GRID, unseen speakers"


def _source(clip: Clip) -> SourceClip:
    """A lag counts only where the lip model is sure of it: the talkset's README says how."""
    clear = clip.lag_trusted and clip.lag_fit >= clip.fit_unshifted + _CLEARLY
    return replace(
        source_of(clip),
        emotion="" if clip.emotion == "unlabelled" else clip.emotion,
        intensity=clip.intensity,
        lag_frames=clip.lag_frames if clear else None,
    )


def _listed(found: HeldOut, file: Path) -> HeldOut:
    """The clips that a list names, by id or by their file's name; in its order of ids."""
    names = read_list(file)
    by_name = {clip.video.stem: clip for clip in found.clips} | {clip.id: clip for clip in found.clips}
    unknown = [name for name in names if name not in by_name]
    if unknown:
        more = f" and {len(unknown) - _SHOWN} more" if len(unknown) > _SHOWN else ""
        raise UnusableInput(f"{file} names clips that are not there: {', '.join(unknown[:_SHOWN])}{more}.")
    chosen = tuple({by_name[name].id: by_name[name] for name in sorted(names)}.values())
    return replace(found, clips=chosen, rule=f"the clips that {file.name} names.")


def read_list(file: Path) -> list[str]:
    """Names of clips: one per line, or the column id (or file) of a CSV; lines after # are notes. Endings are dropped.

    Raises UnusableInput when it cannot be read or names nothing.
    """
    try:
        lines = [line for line in file.read_text(encoding="utf-8-sig").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as problem:
        raise UnusableInput(f"The list {file} cannot be read.") from problem
    lines = [line for line in lines if not line.lstrip().startswith("#")]
    names = [_plain(line) for line in _column(lines)]
    if not names:
        raise UnusableInput(f"The list {file} names no clips.")
    return names


def _column(lines: Sequence[str]) -> list[str]:
    rows = list(csv.reader(lines))
    heads = [cell.strip().lower() for cell in rows[0]] if rows else []
    key = next((heads.index(name) for name in ("id", "file") if name in heads), None)
    return [row[key or 0] for row in rows[0 if key is None else 1 :] if len(row) > (key or 0)]


def _plain(name: str) -> str:
    """A file's name without folder and ending; an id as it is."""
    path = Path(name.strip())
    return path.stem if path.suffix.lower() in (".mp4", ".mov", ".mkv", ".avi", ".webm", ".mpg", ".flv") else path.name
