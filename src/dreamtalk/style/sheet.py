"""A sheet of thumbnails: a portrait speaking in every style known by name, as the motion model makes it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from dreamtalk.errors import UnusableOutput
from dreamtalk.media.files import check_output, replacing
from dreamtalk.render import Animator
from dreamtalk.style.files import saved_names, saved_path
from dreamtalk.style.find import style_of_file
from dreamtalk.style.library import DEFAULT_LEVEL, LEVELS, STYLES, named_style
from dreamtalk.types import Float, Image, Speech, Style

if TYPE_CHECKING:
    from dreamtalk.talker import Talker

SHEETS = (".png", ".jpg")
"""Endings of a sheet."""

_CELL, _LABEL = 144, 18
"""Side of a thumbnail and height of its label, px."""
_QUALITY = 76
"""Of JPEG: the sheet of docs/style.md stays below 300 KiB."""
_COLUMNS = 2
"""Blocks of styles beside each other."""
_FRAMES = 100
"""Frames of the speech (4 s) that are made, to choose a moment from."""
_OPEN = 65.0
"""Percentile of the lip aperture at the moment shown: speaking, but not shouting."""
_INTENSITIES = (0.5, 1.0, 1.5)
"""At which the user's own styles are shown."""
_ZOOM = 0.62
"""Share of the renderer's square around the head that is shown."""


def style_sheet(talker: Talker, portrait: str | Path, audio: str | Path | Speech) -> Image:
    """(H, W, 3): per style the three levels at one moment of the speech, and the default level at rest; of the user's
    own styles three intensities.

    Raises UnusableInput, FaceNotFound and UnusableAudio.
    """
    from dreamtalk.render import MeshRenderer

    model, face = talker.motion_model, talker.face_model
    speech = talker.speech(audio)
    animator = MeshRenderer(face, 1).prepare(talker.portrait(portrait), 2 * _CELL)
    heard, frames = talker.encoder.encode(speech), min(_FRAMES, speech.frames)

    def talk(style: Style, intensity: float = 1.0) -> Float:
        return model.generate(heard, style, frames, intensity)

    aperture = talk(model.neutral_style()) @ face.measure("aperture")
    moment = int(np.argmin(np.abs(aperture - np.percentile(aperture, _OPEN))))

    def row(shown: dict[str, tuple[Style, float]], silent: str, rest: Float | None) -> Image:
        cells = [_cell(animator, talk(*asked)[moment], label) for label, asked in shown.items()]
        cells.append(_cell(animator, np.zeros(len(face.expression_std), np.float32) if rest is None else rest, silent))
        return np.concatenate(cells, axis=1)

    rows = []
    for name in STYLES:
        levels = {f"{name}:{level}": (named_style(f"{name}:{level}", model, face), 1.0) for level in LEVELS}
        rows.append(row(levels, f"{name}, silent", levels[f"{name}:{DEFAULT_LEVEL}"][0].rest))
    for name in saved_names():
        own = style_of_file(saved_path(name), model, face, name)
        rows.append(row({f"{name} x {much:g}": (own, much) for much in _INTENSITIES}, f"{name}, silent", own.rest))
    return _columns(rows)


def write_sheet(path: Path, sheet: Image) -> None:
    """Write the picture (.png or .jpg), whole or not at all. Raises UnusableOutput."""
    path = check_output(path, SHEETS, numbered=False)
    options = [] if path.suffix.lower() == ".png" else [cv2.IMWRITE_JPEG_QUALITY, _QUALITY]
    done, data = cv2.imencode(path.suffix, cv2.cvtColor(sheet, cv2.COLOR_RGB2BGR), options)
    if not done:
        raise UnusableOutput(f"{path} could not be encoded.")
    with replacing(path) as temporary:
        temporary.write_bytes(data.tobytes())


def _cell(animator: Animator, expression: Float, label: str) -> Image:
    """(162, 144, 3): the head, and the label below."""
    still, gaze = np.zeros(3, np.float32), np.zeros(4, np.float32)
    frame = animator.frame(expression, still, still, gaze)[..., :3]
    height, width = frame.shape[:2]
    side = round(_ZOOM * min(height, width))
    top, left = (height - side) * 2 // 5, (width - side) // 2
    cell = np.zeros((_CELL + _LABEL, _CELL, 3), np.uint8)
    cut = np.ascontiguousarray(frame[top : top + side, left : left + side])
    cell[:_CELL] = cv2.resize(cut, (_CELL, _CELL), interpolation=cv2.INTER_AREA)
    cv2.putText(cell, label, (3, _CELL + _LABEL - 5), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (255,) * 3, 1, cv2.LINE_AA)
    return cell


def _columns(rows: list[Image]) -> Image:
    per_column = -(-len(rows) // _COLUMNS)
    rows = rows + [np.zeros_like(rows[0])] * (per_column * _COLUMNS - len(rows))
    blocks = [np.concatenate(rows[first : first + per_column]) for first in range(0, len(rows), per_column)]
    return np.concatenate(blocks, axis=1)
