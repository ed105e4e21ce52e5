"""How much of the photo is shown: all of it, or a square around the head; and what people should know about it."""

from __future__ import annotations

from collections.abc import Callable

from dreamtalk.options import TalkOptions
from dreamtalk.render.mesh.canvas import MAX_SIDE, cut_side
from dreamtalk.types import Portrait

_TINY = 0.05
"""A face lower than this share of the photo's shorter side is lost in it: the head alone is shown."""


def face_share(portrait: Portrait) -> float:
    """Height of the face over the photo's shorter side."""
    return float((portrait.box[3] - portrait.box[1]) / min(portrait.image.shape[:2]))


def shows_all(portrait: Portrait, options: TalkOptions) -> bool:
    """Whether the whole photo is shown."""
    if options.size != "native":
        return False
    return face_share(portrait) >= _TINY if options.full_frame is None else options.full_frame


def side_of(portrait: Portrait, options: TalkOptions, native: Callable[[Portrait], int] = cut_side) -> int | None:
    """Side of the square around the head, px; None: the whole photo. native: that of the square at its own resolution,
    which is the renderer's choice."""
    if options.size != "native":
        return int(options.size)
    return None if shows_all(portrait, options) else native(portrait)


def notes_of(portrait: Portrait, options: TalkOptions, size: tuple[int, int]) -> tuple[str, ...]:
    """What people should know about a picture whose frames have that width and height, px."""
    height, width = portrait.image.shape[:2]
    notes = []
    if shows_all(portrait, options) and max(height, width) > MAX_SIDE:
        notes.append(
            f"The photo ({width} × {height} px) is shown at {size[0]} × {size[1]}: "
            f"the longer side of a video is at most {MAX_SIDE} px."
        )
    if options.size == "native" and options.full_frame is None and not shows_all(portrait, options):
        notes.append(
            f"The face is tiny in the photo ({100 * face_share(portrait):.0f} % of its shorter side): "
            f"the head alone is shown, at {size[0]} × {size[1]} px. --full-frame shows the whole photo."
        )
    return tuple(notes)
