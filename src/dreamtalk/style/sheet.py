"""A sheet of thumbnails: a portrait speaking in every style of the library, as the motion model makes it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from dreamtalk.errors import UnusableOutput
from dreamtalk.media.files import check_output, replacing
from dreamtalk.render import Animator
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
_ZOOM = 0.62
"""Share of the renderer's square around the head that is shown."""


def style_sheet(talker: Talker, portrait: str | Path, audio: str | Path | Speech) -> Image:
    """(H, W, 3): per style the three levels at one moment of the speech, and the default level at rest.

    Raises UnusableInput, FaceNotFound and UnusableAudio.
    """
    from dreamtalk.render import MeshRenderer

    model, face = talker.motion_model, talker.face_model
    speech = talker.speech(audio)
    animator = MeshRenderer(face, 1).prepare(talker.portrait(portrait), 2 * _CELL)
    heard, frames = talker.encoder.encode(speech), min(_FRAMES, speech.frames)

    def talk(style: Style) -> Float:
        return model.generate(heard, style, frames)

    aperture = talk(model.neutral_style()) @ face.measure("aperture")
    moment = int(np.argmin(np.abs(aperture - np.percentile(aperture, _OPEN))))
    rows = []
    for name in STYLES:
        styles = [named_style(f"{name}:{level}", model, face) for level in LEVELS]
        rest = styles[DEFAULT_LEVEL - 1].rest
        cells = [_cell(animator, talk(s)[moment], f"{name}:{n}") for n, s in zip(LEVELS, styles, strict=True)]
        cells.append(_cell(animator, np.zeros_like(aperture, shape=64) if rest is None else rest, f"{name}, silent"))
        rows.append(np.concatenate(cells, axis=1))
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
