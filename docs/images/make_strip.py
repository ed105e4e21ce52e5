"""Frames of a video side by side: python docs/images/make_strip.py VIDEO.mp4 OUT.jpg (see `make picture`)."""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np

from dreamtalk.media import read_frames

FRAMES = 6
SIDE = 220
"""Width of one frame in the strip, px."""


def main(video: Path, out: Path) -> None:
    """Write evenly spread frames of the video as one picture."""
    frames = list(read_frames(video))
    chosen = np.linspace(0, len(frames) - 1, FRAMES + 2).round().astype(int)[1:-1]
    height = round(SIDE * frames[0].shape[0] / frames[0].shape[1])
    small = [cv2.resize(frames[i], (SIDE, height), interpolation=cv2.INTER_AREA) for i in chosen]
    strip = cv2.cvtColor(np.hstack(small), cv2.COLOR_RGB2BGR)
    cv2.imwrite(str(out), strip, [cv2.IMWRITE_JPEG_QUALITY, 88])


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
