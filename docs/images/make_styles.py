"""Draws docs/images/styles.jpg: `python docs/images/make_styles.py` in the root of the repository."""

from __future__ import annotations

from pathlib import Path

from dreamtalk.style.sheet import style_sheet, write_sheet
from dreamtalk.talker import load

if __name__ == "__main__":
    sheet = style_sheet(load("cpu"), "examples/portrait.jpg", "examples/speech.wav")
    write_sheet(Path("docs/images/styles.jpg"), sheet)
