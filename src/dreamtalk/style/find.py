"""What people write after --style, found: a name of the library, a saved style, or a file."""

from __future__ import annotations

from pathlib import Path

from dreamtalk.errors import UnusableInput
from dreamtalk.face.model import FaceModel
from dreamtalk.media.files import is_word
from dreamtalk.motion.model import MotionModel
from dreamtalk.options import AUTO
from dreamtalk.style.code_file import is_code_file, load_code
from dreamtalk.style.encode import style_of_clip
from dreamtalk.style.files import is_style_file, load_style, saved_names, saved_path
from dreamtalk.style.library import STYLES, is_named, named_style
from dreamtalk.types import Style


def find_style(given: str | Path, model: MotionModel, face: FaceModel) -> Style | None:
    """The style of a name or style file, as the model's own encoder sees it; None: it is some other file.

    Raises UnusableInput for a word that is neither a known name nor a file, and for a level or a style file that
    cannot be used.
    """
    text, path = str(given), Path(given)
    if text == AUTO:
        raise UnusableInput("The style auto is heard in speech: --style auto of generate and motion, or style predict.")
    if is_named(text):
        return named_style(text, model, face)
    if path.suffix.lower() == ".npz" and is_style_file(path):
        return style_of_file(path, model, face, text)
    if path.suffix.lower() == ".npz" and is_code_file(path):
        return load_code(path, model)
    if is_word(given):
        if text in saved_names():
            return style_of_file(saved_path(text), model, face, text)
        raise unknown(text)
    return None


def unknown(name: str) -> UnusableInput:
    """What to say of a word that is no style."""
    known = ", ".join((*STYLES, *saved_names()))
    return UnusableInput(f"There is no style called {name!r}. Use {known}, or a video or .npz file.")


def style_of_file(path: Path, model: MotionModel, face: FaceModel, source: str) -> Style:
    """The style of a style file. Raises UnusableInput when it is of another face space than the model."""
    clip = load_style(path)
    if clip.face_space != model.config.face_space:
        raise UnusableInput(f"{path} is made for the face space {clip.face_space}, not {model.config.face_space}.")
    return style_of_clip(clip, model, face, source)
