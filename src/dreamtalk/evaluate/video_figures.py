"""Figures of the video evaluation, of one clip each: strips of frames, and the lips' opening over the sound."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from dreamtalk.evaluate.figures import Figure, jpeg
from dreamtalk.evaluate.plots import lip_curves
from dreamtalk.evaluate.watching import Watched
from dreamtalk.face.measures import aperture
from dreamtalk.types import VIDEO_FPS

_FRAMES = 10
"""Pictures in a strip."""
_SIDE = 128
"""px of one."""


def strip(name: str, made: Watched, real: Watched) -> Figure:
    """Frames of the video (above) and the real one (below) at the same times."""
    shown = np.linspace(0, min(len(made), len(real)) - 1, _FRAMES).astype(int)
    rows = [
        np.hstack([cv2.resize(video.crops[i], (_SIDE, _SIDE), interpolation=cv2.INTER_AREA) for i in shown])
        for video in (made, real)
    ]
    times = ", ".join(f"{i / VIDEO_FPS:.1f}" for i in shown)
    text = f"Above {name}, below the real video, at {times} s."
    return Figure("Frames", text, jpeg(np.vstack(rows)), clip=made.name)


def lips_over_sound(name: str, made: Watched, real: Watched, rows: Sequence[str] = ()) -> Figure:
    """The inner lips' opening of both over the waveform. rows: of the report, for the colours."""
    frames = min(len(made), len(real))
    sound = real.samples if len(real.samples) else made.samples
    lines = {name: aperture(made.face[:frames]), "real video": aperture(real.face[:frames])}
    return lip_curves(made.name, lines, sound, rows)
