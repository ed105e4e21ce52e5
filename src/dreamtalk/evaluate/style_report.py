"""What the style code says, as pictures: style codes on a map and a portrait by guidance scale, in one report page."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

from dreamtalk.errors import UnusableInput
from dreamtalk.evaluate.omega_strip import omega_strip
from dreamtalk.evaluate.page import tables_page
from dreamtalk.evaluate.plots import standalone
from dreamtalk.evaluate.report import csv_text, versions, write_files
from dreamtalk.evaluate.stamps import shipped
from dreamtalk.evaluate.style_codes import style_points
from dreamtalk.evaluate.style_map import csv_lines, style_map
from dreamtalk.examples import example
from dreamtalk.media.files import check_output
from dreamtalk.motion.model import MotionModel
from dreamtalk.talker import Talker
from dreamtalk.types import SAMPLE_RATE, Speech

_SPEECHES, _SECONDS = 2, 4
"""Pieces of the speech that are spoken in every style, and seconds of each: codes differ a little with the words."""


@dataclass(frozen=True, slots=True)
class StyleMapEvaluation:
    """What to draw."""

    data: Path
    """A talkset (clips.csv with rows of kind style), or a folder made by `dreamtalk prepare`."""
    out: Path
    """Folder for report.html, table.md, style_map.svg, style_map.csv and omega.jpg."""
    model: Path | None = None
    """A motion model file (.safetensors) instead of the shipped one."""
    tracks: Path | None = None
    """Folder of ready <id>.npz track files; what is not there is tracked and kept in the user's cache."""
    portrait: Path | None = None
    """Picture for the guidance scales. None: the example."""
    speech: Path | None = None
    """Speech for the generated talks and the guidance scales. None: the example."""
    styles: tuple[str, ...] = ("happy", "angry", "sad")
    """Styles for the guidance scales: names, or videos of somebody."""
    limit: int | None = None
    """Clips on the map, at most."""
    seed: int = 0
    """Of the map and of the motion."""


def evaluate_style_map(config: StyleMapEvaluation) -> str:
    """Writes the files and returns the tables as Markdown. Raises UnusableInput or UnusableOutput."""
    if config.limit is not None and config.limit < 1:
        raise UnusableInput(f"--limit must be at least 1, not {config.limit}.")
    check_output(config.out / "table.md", ".md")
    talker = Talker(device="cpu", threads=1)
    if config.model is not None:
        talker.motion_model = MotionModel.load(config.model)
    model, face = talker.motion_model, talker.face_model
    speech = talker.speech(config.speech or example("speech.wav"))
    length = _SECONDS * SAMPLE_RATE
    pieces = [Speech(speech.samples[i * length : (i + 1) * length]) for i in range(_SPEECHES)]
    heard = [talker.encoder.encode(piece) for piece in pieces if len(piece.samples) > length // 2] or [
        talker.encoder.encode(speech)
    ]
    points = style_points(config.data, config.tracks, model, face, heard, _SECONDS, config.limit, config.seed)
    mapped, codes = style_map(points, config.seed)
    styles = {Path(name).stem: talker.style(name) for name in config.styles}
    portrait = talker.portrait(config.portrait or example("portrait.jpg"))
    strip, scales = omega_strip(portrait, heard[0], styles, model, face, seed=config.seed)
    facts = {
        "config": {f.name: str(getattr(config, f.name)) for f in fields(config)},
        "versions": versions(),
        "weights": shipped(),
    }
    tables = (codes, scales)
    heads, *lines = csv_lines(points, config.seed)
    files: list[tuple[str, str | bytes]] = [
        ("report.html", tables_page("Styles", tables, (mapped, strip), facts)),
        ("table.md", "\n".join(table.markdown() for table in tables)),
        ("style_map.svg", standalone(mapped.svg)),
        ("style_map.csv", csv_text([str(head) for head in heads], lines)),
        ("omega.jpg", strip.image),
    ]
    write_files(config.out, files)
    return "\n".join(table.markdown() for table in tables)
