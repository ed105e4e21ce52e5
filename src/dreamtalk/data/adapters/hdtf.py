"""HDTF (Zhang et al. 2021): 362 high-resolution talks from video sites, given as lists of addresses and times.

Two forms, which may be mixed:

    ROOT/RD_Radio1_000.mp4                       clips already cut by the authors' lists, any depth below ROOT
    ROOT/Radio1_0.mp4                            the same under the authors' names: needs the lists beside them
    ROOT/RD_Radio11.mp4 (or Radio11.mp4)         whole videos, cut here by the lists beside them:
    ROOT/RD_annotion_time.txt                    "Radio11.mp4 00:30-01:00 01:30-02:30" (the authors' spelling)
    ROOT/RD_crop_wh.txt                          "Radio11_0.mp4 412 599 0 599": x, width, y, height of clip 0

The lists may also lie in ROOT/HDTF_dataset. In the sets WDA and WRA a number after a person's name counts that
person's videos (WDA_MikeThompson0, WDA_MikeThompson1); in RD it counts people.
"""

from __future__ import annotations

import re
from pathlib import Path

from dreamtalk.data.source import UNCLEAR, Layout, Part, SourceClip, plain_name, table_text, videos_below
from dreamtalk.errors import UnusableInput

_CUT = re.compile(r"(.+)_(\d+)")
_SETS = ("RD", "WDA", "WRA")
_PREFIXES = tuple(f"{name}_" for name in _SETS)
_NUMBERED_TALKS = ("WDA", "WRA")
_LONGEST = 1e6
"""Seconds of a video."""


def _find(root: Path) -> list[SourceClip]:
    times = {name: _read_list(root, f"{name}_annotion_time.txt") for name in _SETS}
    titles = {Path(file).stem: f"{name}_{Path(file).stem}" for name, rows in times.items() for file in rows}
    clips = []
    whole: dict[str, Path] = {}
    for video in videos_below(root):
        match = _CUT.fullmatch(video.stem)
        title = match and (match[1] if match[1].startswith(_PREFIXES) else titles.get(match[1]))
        if match and title:
            clips.append(_clip(video, title, int(match[2])))
        else:
            whole[video.stem] = video
    for name, rows in times.items():
        clips += _cut_by_list(root, name, rows, whole)
    return clips


def _cut_by_list(root: Path, name: str, times: dict[str, list[str]], whole: dict[str, Path]) -> list[SourceClip]:
    """The clips that the list of a set cuts out of whole videos."""
    boxes = _read_list(root, f"{name}_crop_wh.txt")
    clips = []
    for file, spans in times.items():
        title = f"{name}_{Path(file).stem}"
        video = whole.get(title) or whole.get(Path(file).stem)
        if video is None:
            continue
        for number, span in enumerate(spans):
            box = boxes.get(f"{Path(file).stem}_{number}.mp4")
            clips.append(_clip(video, title, number, _part(root, span, box)))
    return clips


def _clip(video: Path, title: str, number: int, part: Part | None = None) -> SourceClip:
    person = title.rstrip("0123456789") if title.startswith(_NUMBERED_TALKS) else title
    return SourceClip(
        id=plain_name("hdtf", title, f"{number:03d}"),
        video=video,
        speaker=f"hdtf-{person}",
        dataset="HDTF",
        licence_class=UNCLEAR,
        part=part,
        language="en",
    )


def _read_list(root: Path, name: str) -> dict[str, list[str]]:
    """First word of each line to the others; empty where there is no such list."""
    file = next((f for f in (root / name, root / "HDTF_dataset" / name) if f.is_file()), None)
    lines = [line.split() for line in table_text(file).splitlines()] if file else []
    return {line[0]: line[1:] for line in lines if line}


def _part(root: Path, span: str, box: list[str] | None) -> Part:
    """ "00:30-01:00" and ["412", "599", "0", "599"] as a Part. Raises UnusableInput when they do not read so."""
    try:
        begin, end = (_seconds(text) for text in span.split("-"))
        x, width, y, height = (int(number) for number in box) if box else (0, 0, 0, 0)
        if not 0.0 <= begin < end < _LONGEST or min(x, y, width, height) < 0:
            raise ValueError("such a part there cannot be")
    except ValueError as error:
        raise UnusableInput(f"{root}: the lists of HDTF hold {span!r} {box}, which cannot be read.") from error
    return Part(begin, end, (x, y, width, height) if box else None)


def _seconds(text: str) -> float:
    """ "1:02:03" as 3723."""
    total = 0.0
    for number in text.split(":"):
        total = 60.0 * total + float(number)
    return total


LAYOUT = Layout(
    "HDTF",
    UNCLEAR,
    "lists CC BY 4.0; the videos belong to others",
    "RD_Radio1_000.mp4 (cut clips), or whole videos RD_Radio1.mp4 beside the authors' RD_annotion_time.txt",
    _find,
)
