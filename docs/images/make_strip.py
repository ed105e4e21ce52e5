"""Frames of a video as one picture: python docs/images/make_strip.py VIDEO.mp4 OUT.jpg (see `make picture`)."""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np

from dreamtalk.media import read_frames

ROWS, COLUMNS = 2, 4
SIDE = 300
"""Width of one frame in the picture, px."""


def main(video: Path, out: Path) -> None:
    """Write evenly spread frames of the video as one picture."""
    frames = list(read_frames(video))
    chosen = np.linspace(0, len(frames) - 1, ROWS * COLUMNS + 2).round().astype(int)[1:-1]
    height = round(SIDE * frames[0].shape[0] / frames[0].shape[1])
    small = [cv2.resize(frames[i], (SIDE, height), interpolation=cv2.INTER_AREA) for i in chosen]
    rows = [np.hstack(small[row * COLUMNS : (row + 1) * COLUMNS]) for row in range(ROWS)]
    cv2.imwrite(str(out), cv2.cvtColor(np.vstack(rows), cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 88])


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
