"""A plain folder of videos, at any depth.

    ROOT/anna/holiday.mp4           a speaker per folder
    ROOT/holiday.mp4                videos directly in ROOT: everyone is somebody else
    ROOT/clips.csv                  optional; columns: file (or id: the same without its ending), speaker, emotion,
                                    intensity, language, transcript, split, licence_class; all but the first optional

Without the table a clip's licence class is "unclear": training of weights that are shipped does not use it.
"""

from __future__ import annotations

from pathlib import Path

from dreamtalk.data.source import (
    CLEAN,
    RESEARCH,
    UNCLEAR,
    Layout,
    SourceClip,
    plain_name,
    sound_of,
    table_rows,
    videos_below,
)
from dreamtalk.errors import UnusableInput

_TABLE = "clips.csv"


def _find(root: Path) -> list[SourceClip]:
    table = _read_table(root / _TABLE)
    clips = []
    for video in videos_below(root):
        place = video.relative_to(root)
        row = table.get(place.as_posix()) or table.get(place.with_suffix("").as_posix()) or {}
        name = plain_name(*place.with_suffix("").parts)
        folder = plain_name(*place.parent.parts)
        clips.append(
            SourceClip(
                id=name,
                video=video,
                speaker=row.get("speaker") or folder or name,
                dataset=row.get("dataset") or root.resolve().name,
                licence_class=_class(root, row.get("licence_class") or UNCLEAR),
                split=row.get("split") or "train",
                sound=sound_of(video.parent, video.stem),
                emotion=row.get("emotion", ""),
                intensity=row.get("intensity", ""),
                language=row.get("language", ""),
                transcript=row.get("transcript", ""),
            )
        )
    return clips


def _read_table(file: Path) -> dict[str, dict[str, str]]:
    """Rows by their column file or id; empty without a table. Raises UnusableInput when it has neither column."""
    if not file.is_file():
        return {}
    rows = table_rows(file)
    if not rows:
        return {}
    names = [name for name in rows[0] if name]
    key = next((name for name in ("file", "id") if name in names), None)
    if key is None:
        raise UnusableInput(f"{file} needs a column called file or id; it has: {', '.join(names)}.")
    return {row[key]: {k: v or "" for k, v in row.items() if k} for row in rows}


def _class(root: Path, name: str) -> str:
    if name not in (CLEAN, RESEARCH, UNCLEAR):
        raise UnusableInput(f"{root / _TABLE}: licence_class is clean, research or unclear, not {name!r}.")
    return name


LAYOUT = Layout("folder", UNCLEAR, "as its clips.csv says", "videos at any depth, and an optional clips.csv", _find)
