"""Styles kept as files: the expression clip that the model's style encoder is shown, independent of any weights.

A style saved by name lies in the user data folder and is used like one of the library.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import platformdirs

from dreamtalk.arrays import read_arrays
from dreamtalk.errors import UnusableInput
from dreamtalk.media.files import check_input, check_output, replacing
from dreamtalk.options import AUTO
from dreamtalk.store import EXPRESSION_SIZE, MAX_EXPRESSION, stamp_of
from dreamtalk.style.library import STYLES
from dreamtalk.types import Float

CLIP_FRAMES = 256
"""Frames (10.24 s) that the style encoder reads."""

_FORMAT = "dreamtalk-style-1"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


@dataclass(frozen=True, slots=True)
class StyleClip:
    """expression: (T, E) at 25 fps, T at most 256, as if somebody of average neutral talk spoke so
    (style/reference.py). source: for people."""

    expression: Float
    face_space: str
    source: str


def save_style(path: str | Path, clip: StyleClip) -> Path:
    """Write a style file. Raises UnusableOutput when it cannot be written."""
    path = check_output(path, ".npz")
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(
            file,
            kind=np.array(_FORMAT),
            style_expression=clip.expression.astype(np.float32),
            face_space=np.array(clip.face_space),
            source=np.array(clip.source),
        )
    return path


def is_style_file(path: str | Path) -> bool:
    """Whether that is a style file of ours."""
    return stamp_of(path) == _FORMAT


def load_style(path: str | Path) -> StyleClip:
    """Read a style file. Raises UnusableInput when it is none."""
    path = check_input(path)
    if not is_style_file(path):
        raise UnusableInput(f"{path} is not a style file of dreamtalk.")
    stored = read_arrays(path, "a style file")
    try:
        clip = StyleClip(stored["style_expression"], str(stored["face_space"]), str(stored["source"]))
    except KeyError as error:
        raise UnusableInput(f"{path} is a damaged style file.") from error
    values = clip.expression
    fits = values.dtype == np.float32 and values.ndim == 2 and values.shape[1:] == (EXPRESSION_SIZE,) and len(values)
    if not fits or not np.abs(values).max() <= MAX_EXPRESSION:
        raise UnusableInput(f"{path} does not hold {EXPRESSION_SIZE} numbers of a face per frame.")
    return clip


def user_folder() -> Path:
    """Where styles saved by name lie. Raises UnusableInput for users without a home, as in containers."""
    try:
        return platformdirs.user_data_path("dreamtalk", appauthor=False) / "styles"
    except RuntimeError as error:
        raise UnusableInput("There is no home folder to keep styles in. Set HOME, or use files.") from error


def saved_path(name: str) -> Path:
    """The file of a style saved by that name. Raises UnusableInput when a style cannot be called so."""
    if name in (*STYLES, AUTO):
        raise UnusableInput(f"{name!r} is a style of the library; choose another name.")
    if not _NAME.fullmatch(name):
        raise UnusableInput(f"A style's name has letters, digits, - and _, at most 64, not {name!r}.")
    return user_folder() / f"{name}.npz"


def saved_names() -> list[str]:
    """Names of the user's styles."""
    try:
        return sorted(file.stem for file in user_folder().glob("*.npz") if _NAME.fullmatch(file.stem))
    except UnusableInput:  # no home, no styles
        return []
