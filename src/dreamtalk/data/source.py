"""What a data set's adapter gives: one SourceClip per talk, whatever the folders looked like."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from dreamtalk.errors import UnusableInput

CLEAN, RESEARCH, UNCLEAR = "clean", "research", "unclear"
"""Licence classes: may train weights that are shipped; research or non-commercial only; nobody granted the rights."""

VIDEO_SUFFIXES = (".mp4", ".mov", ".mkv", ".avi", ".webm", ".mpg", ".mpeg", ".flv", ".m4v")

_SHOWN = 6
"""Entries of a wrong folder that a message names."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a longer video. begin, end: seconds. box: (x, y, width, height) px to cut out; None: whole picture."""

    begin: float
    end: float
    box: tuple[int, int, int, int] | None = None


@dataclass(frozen=True, slots=True)
class SourceClip:
    """One talk as a data set holds it.

    id: unique among all data sets, fit for a file name. sound: the file of its sound where the video holds none of its
    own. lag_frames: frames by which the sound is known to be early (negative: late); None where nobody measured it.
    """

    id: str
    video: Path
    speaker: str
    dataset: str
    licence_class: str
    split: str = "train"
    sound: Path | None = None
    part: Part | None = None
    emotion: str = ""
    intensity: str = ""
    language: str = ""
    transcript: str = ""
    lag_frames: float | None = None


@dataclass(frozen=True, slots=True)
class Layout:
    """A data set's folders. expected: what the root must hold, for people. find: root to clips; empty for a wrong root.
    licence: what its makers say, in a few words.
    """

    name: str
    licence_class: str
    licence: str
    expected: str
    find: Callable[[Path], list[SourceClip]]

    def clips(self, root: Path) -> list[SourceClip]:
        """All clips below a root, by id. Raises UnusableInput, saying what was expected and found, when it has none."""
        if not root.is_dir():
            raise UnusableInput(f"{root} is not a folder. {self.name} is expected as {self.expected}.")
        found = self.find(root)
        if not found:
            entries = sorted(entry.name + "/" * entry.is_dir() for entry in root.iterdir())
            more = f" and {len(entries) - _SHOWN} more" if len(entries) > _SHOWN else ""
            held = ", ".join(entries[:_SHOWN]) + more if entries else "nothing"
            raise UnusableInput(
                f"{root} holds no clips of {self.name}.\nExpected: {self.expected}.\nFound there: {held}."
            )
        return unique(found)


def check_id(name: str, table: Path) -> None:
    """Raise UnusableInput for an id of somebody's table that would lead out of a folder: files are named after it."""
    if re.fullmatch(r"[\w+=@][\w.+=@ -]*", name) is None:
        raise UnusableInput(f"{table}: {name!r} cannot be an id; it has letters, digits and any of _ . + = @ -.")


def table_text(file: Path) -> str:
    """What a data set's table or list says. Raises UnusableInput when it is no text."""
    try:
        return file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UnusableInput(f"{file} cannot be read as text in UTF-8.") from error


def table_rows(file: Path) -> list[dict[str, str]]:
    """The rows of a data set's CSV file by the names in its head line. Raises UnusableInput when it is no such file."""
    try:
        return list(csv.DictReader(io.StringIO(table_text(file), newline="")))
    except csv.Error as error:
        raise UnusableInput(f"{file} cannot be read as a table: {error}.") from error


def unique(clips: Iterable[SourceClip]) -> list[SourceClip]:
    """The clips sorted by id. Raises UnusableInput when two have the same."""
    by_id: dict[str, SourceClip] = {}
    for clip in clips:
        other = by_id.setdefault(clip.id, clip)
        if other is not clip:
            raise UnusableInput(f"{other.video} and {clip.video} would both be called {clip.id}. Rename one of them.")
    return [by_id[name] for name in sorted(by_id)]


def plain_name(*words: str) -> str:
    """The words joined by "-", every run of other characters than letters, digits, "_" and "." a "-"."""
    return re.sub(r"[^\w.]+", "-", "-".join(words)).strip("-.")


def videos_below(folder: Path, suffixes: tuple[str, ...] = VIDEO_SUFFIXES) -> list[Path]:
    """Video files at any depth, sorted; hidden ones left out."""
    return sorted(
        file
        for file in folder.rglob("*")
        if file.suffix.lower() in suffixes and not file.name.startswith(".") and file.is_file()
    )


def sound_of(
    folder: Path, stem: str, suffixes: tuple[str, ...] = (".m4a", ".wav", ".mp3", ".aac", ".flac")
) -> Path | None:
    """The sound file of that name in a folder, where there is one."""
    return next((file for s in suffixes if (file := folder / f"{stem}{s}").is_file()), None)
