"""Draws the web page's pictures: `python docs/images/make_page.py` in the root of the repository.

styles.webp: the example portrait in every style, one row per level. welcome.mp4, welcome.jpg: it speaks, going through
styles. Both are drawn by the public face of the package, so they look as talks look.
"""

from __future__ import annotations

from pathlib import Path

import av
import cv2
import numpy as np

from dreamtalk.options import TalkOptions
from dreamtalk.style.library import LEVELS, STYLES
from dreamtalk.style.sheet import style_sheet
from dreamtalk.style.timeline import StyleKey, Timeline
from dreamtalk.talker import Talker, load
from dreamtalk.types import Image

PORTRAIT, SPEECH = "examples/portrait.jpg", "examples/speech.wav"
STATIC = Path("src/dreamtalk/serve/page/static/pictures")
CELL, LABEL = 144, 18
"""Side of a cell on the sheet of styles and height of the label below it, px."""
SHOWN, TOP = 112, 30
"""Side of a picture on the page's sheet, and how far it begins below the top of the cell (hair says nothing), px."""
QUALITY = 80
"""Of WebP and JPEG."""
KEYS = ((0.0, "warm:2"), (1.6, "happy:3"), (3.4, "surprised:3"), (4.9, "warm:2"))
"""Seconds and styles of the welcome; it ends as it begins, for it is shown again and again."""
SIDE = 384
"""Of the welcome, px."""


def styles_of_sheet(sheet: Image) -> Image:
    """(levels x SHOWN, styles x SHOWN, 3): the cells of docs/images/styles.jpg without their labels, turned."""
    per_column = -(-len(STYLES) // 2)
    rows = []
    for level in LEVELS:
        cells = []
        for place in range(len(STYLES)):
            top = (place % per_column) * (CELL + LABEL)
            left = (place // per_column) * (len(LEVELS) + 1) * CELL + (level - 1) * CELL
            face = left + (CELL - SHOWN) // 2
            cells.append(sheet[top + TOP : top + TOP + SHOWN, face : face + SHOWN])
        rows.append(np.concatenate(cells, axis=1))
    return np.concatenate(rows)


def welcome(talker: Talker) -> list[Image]:
    """The frames of the welcome, with the badge."""
    keys = tuple(StyleKey(start, talker.style(name), transition=0.9) for start, name in KEYS)
    options = TalkOptions(timeline=Timeline(keys), style=KEYS[0][1], size=512, seed=3)
    frames = [frame[..., :3].copy() for frame in talker.stream(PORTRAIT, SPEECH, options)]
    return [cv2.resize(frame, (SIDE, SIDE), interpolation=cv2.INTER_AREA) for frame in frames]


def write_silent(path: Path, frames: list[Image]) -> None:
    """A small film without sound, 25 frames per second."""
    with av.open(str(path), "w", options={"movflags": "+faststart"}) as film:
        stream = film.add_stream("libx264", rate=25, options={"crf": "29", "preset": "veryslow"})
        stream.width = stream.height = SIDE
        stream.pix_fmt = "yuv420p"
        for frame in frames:
            film.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        film.mux(stream.encode(None))


def write(path: Path, picture: Image) -> None:
    kind = cv2.IMWRITE_WEBP_QUALITY if path.suffix == ".webp" else cv2.IMWRITE_JPEG_QUALITY
    cv2.imwrite(str(path), cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), [kind, QUALITY])


if __name__ == "__main__":
    loaded = load("cpu", threads=1)
    STATIC.mkdir(parents=True, exist_ok=True)
    write(STATIC / "styles.webp", styles_of_sheet(style_sheet(loaded, PORTRAIT, SPEECH)))
    film = welcome(loaded)
    write(STATIC / "welcome.jpg", film[0])
    write_silent(STATIC / "welcome.mp4", film)
