"""Contact sheets: portraits against expressions, to be looked at. They show people's faces: never commit them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np

from dreamtalk.errors import UnusableOutput
from dreamtalk.evaluate.drives import EXPRESSIONS
from dreamtalk.face.arkit import weights
from dreamtalk.face.model import FaceModel
from dreamtalk.media.files import replacing
from dreamtalk.render import Animator
from dreamtalk.types import Image

_CELL, _LABEL, _ROWS = 208, 18, 6
"""Side of a picture and height of its label, px; portraits per sheet."""
_WHITE = (255, 255, 255)


def row_of(name: str, animator: Animator, face: FaceModel, photo: Image) -> Image:
    """(226, 15 * 208, 3): the photo and its 14 expressions, with their names below."""
    nothing, gaze = np.zeros(3, np.float32), np.zeros(4, np.float32)
    cells = [_cell(photo, name)]
    for label, actions in EXPRESSIONS.items():
        frame = animator.frame(face.from_arkit(weights(**actions)), nothing, nothing, gaze)
        cells.append(_cell(frame[..., :3], label))
    return np.concatenate(cells, axis=1)


def write_sheets(folder: Path, rows: Sequence[Image]) -> list[Path]:
    """Writes sheet-1.png, sheet-2.png, ... with 6 portraits each. Raises UnusableOutput."""
    return [_write(folder / f"sheet-{number}.png", page) for number, page in enumerate(_pages(rows), start=1)]


def _pages(rows: Sequence[Image]) -> Iterator[Image]:
    for first in range(0, len(rows), _ROWS):
        yield np.concatenate(rows[first : first + _ROWS], axis=0)


def _cell(image: Image, label: str) -> Image:
    scale = _CELL / max(image.shape[:2])
    size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA if scale < 1.0 else cv2.INTER_CUBIC)
    cell = np.zeros((_CELL + _LABEL, _CELL, 3), np.uint8)
    cell[: size[1], : size[0]] = small
    place = (3, _CELL + _LABEL - 5)
    cv2.putText(cell, label, place, cv2.FONT_HERSHEY_SIMPLEX, 0.42, _WHITE, 1, cv2.LINE_AA)
    return cell


def _write(path: Path, page: Image) -> Path:
    done, data = cv2.imencode(".png", cv2.cvtColor(page, cv2.COLOR_RGB2BGR))
    if not done:
        raise UnusableOutput(f"{path} could not be encoded.")
    try:
        with replacing(path) as temporary:
            temporary.write_bytes(data.tobytes())
    except OSError as error:
        raise UnusableOutput(f"{path} cannot be written: {error.strerror}.") from error
    return path
