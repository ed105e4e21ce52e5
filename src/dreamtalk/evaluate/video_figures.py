"""Figures of the video evaluation, of one clip each: strips of frames, and the lips' opening over the sound."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import cv2
import numpy as np

from dreamtalk.evaluate.figures import Figure, jpeg
from dreamtalk.evaluate.plots import lip_curves
from dreamtalk.evaluate.watching import Watched
from dreamtalk.face.measures import aperture
from dreamtalk.types import VIDEO_FPS

_FRAMES = 9
"""Pictures in a strip."""
_SIDE = 112
"""px of one: a strip of four rows is about 60 KB, so that a report can show every clip."""


def strip(videos: Mapping[str, Watched]) -> Figure:
    """Frames of the videos, by row, one above the other at the same times; their names are in the text."""
    shown = np.linspace(0, min(map(len, videos.values())) - 1, _FRAMES).astype(int)
    rows = [
        np.hstack([cv2.resize(video.crops[int(i)], (_SIDE, _SIDE), interpolation=cv2.INTER_AREA) for i in shown])
        for video in videos.values()
    ]
    times = ", ".join(f"{i / VIDEO_FPS:.1f}" for i in shown)
    return Figure("Frames", f"From above: {', '.join(videos)}; at {times} s.", jpeg(np.vstack(rows)))


def lips_over_sound(videos: Mapping[str, Watched], rows: Sequence[str] = ()) -> Figure:
    """The inner lips' opening in the videos, by row, over the waveform of the last. rows: of the report."""
    frames, last = min(map(len, videos.values())), list(videos.values())[-1]
    lines = {row: aperture(video.face[:frames]) for row, video in videos.items()}
    return lip_curves(last.name, lines, last.samples, rows)
