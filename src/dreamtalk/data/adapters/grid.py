"""GRID (Cooke et al. 2006): 34 talkers, 1,000 six-word sentences each, 25 frames per second, neutral.

    ROOT/s1/bbaf2n.mpg                    (or ROOT/s1/video/mpg_6000/bbaf2n.mpg: any depth below sN/)
    ROOT/s1/align/bbaf2n.align            (optional; also ROOT/align/s1/ and ROOT/alignments/s1/)

A file is named after its sentence: command, colour, preposition, letter, digit, adverb.
"""

from __future__ import annotations

import re
from pathlib import Path

from dreamtalk.data.source import CLEAN, Layout, SourceClip, plain_name, table_text, videos_below

_SPEAKER = re.compile(r"s\d{1,2}")
_NAME = re.compile(r"[bpls][bgrw][abiw][a-z][1-9z][anps]")
_DIGITS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "zero")
_WORDS: tuple[dict[str, str], ...] = (
    {"b": "bin", "l": "lay", "p": "place", "s": "set"},
    {"b": "blue", "g": "green", "r": "red", "w": "white"},
    {"a": "at", "b": "by", "i": "in", "w": "with"},
    {},
    dict(zip("123456789z", _DIGITS, strict=True)),
    {"a": "again", "n": "now", "p": "please", "s": "soon"},
)


def _find(root: Path) -> list[SourceClip]:
    clips = []
    for folder in sorted(root.iterdir()):
        if not folder.is_dir() or _SPEAKER.fullmatch(folder.name) is None:
            continue
        for video in videos_below(folder):
            clips.append(
                SourceClip(
                    id=plain_name("grid", folder.name, video.stem),
                    video=video,
                    speaker=f"grid-{folder.name}",
                    dataset="GRID",
                    licence_class=CLEAN,
                    emotion="neutral",
                    language="en",
                    transcript=_aligned(root, folder, video.stem) or _sentence(video.stem),
                )
            )
    return clips


def _aligned(root: Path, speaker: Path, stem: str) -> str:
    """The words of the .align file (start, end, word per line), without its silences; "" where there is none."""
    for folder in (speaker / "align", root / "align" / speaker.name, root / "alignments" / speaker.name):
        file = folder / f"{stem}.align"
        if file.is_file():
            words = [line.split()[-1] for line in table_text(file).splitlines() if line.strip()]
            return " ".join(word for word in words if word not in ("sil", "sp"))
    return ""


def _sentence(stem: str) -> str:
    """The sentence that a file name stands for; "" for other names."""
    if _NAME.fullmatch(stem) is None:
        return ""
    return " ".join(words.get(letter, letter) for words, letter in zip(_WORDS, stem, strict=True))


LAYOUT = Layout("GRID", CLEAN, "CC BY 4.0; credit the authors", "s1/bbaf2n.mpg or s1/video/mpg_6000/bbaf2n.mpg", _find)
