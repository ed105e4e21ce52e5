"""What a report shows beside its numbers: figures and further tables."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from dreamtalk.types import Image

_QUALITY = 88
"""Of the JPEG pictures in a report: a strip of ten frames takes about 60 KiB."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure. text: what it shows, also for those who cannot see it. image: bytes of a PNG or JPEG file; or svg: a
    drawing, made by plots.py, that follows the page's colours. clip: the clip it belongs to ("": the whole report);
    then it is shown with that clip's numbers. sets: those whose clip it is (none: whichever has such a clip)."""

    title: str
    text: str
    image: bytes = b""
    svg: str = ""
    clip: str = ""
    sets: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Table:
    """A table beside the report's own. heads: of the columns. lines: cells as they shall be read, the first one names
    the line. note: what readers have to know of it."""

    title: str
    heads: tuple[str, ...]
    lines: tuple[tuple[str, ...], ...]
    note: str = ""

    def markdown(self) -> str:
        """The table for reading, with its title and note."""
        rows = (self.heads, ("---",) * len(self.heads), *self.lines)
        texts = ("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows)
        return "\n".join([f"## {self.title}", "", *texts, "", *([self.note, ""] if self.note else [])])


def jpeg(picture: Image) -> bytes:
    """A picture (H, W, 3) as the bytes of a JPEG file, for Figure.image."""
    _, data = cv2.imencode(".jpg", np.ascontiguousarray(picture[..., ::-1]), [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    return data.tobytes()
