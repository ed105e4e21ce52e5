"""Figures of the video evaluation: strips of frames, and the lips' opening over the sound."""

from __future__ import annotations

import io

import cv2
import numpy as np

from dreamtalk.evaluate.page import Figure
from dreamtalk.evaluate.watching import Watched
from dreamtalk.face.measures import aperture
from dreamtalk.types import SAMPLE_RATE, VIDEO_FPS

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
    _, png = cv2.imencode(".png", np.vstack(rows)[..., ::-1])
    times = ", ".join(f"{i / VIDEO_FPS:.1f}" for i in shown)
    return Figure(f"{made.name}: frames", f"Above {name}, below the real video, at {times} s.", png.tobytes())


def lips_over_sound(name: str, made: Watched, real: Watched) -> Figure:
    """The inner lips' opening of both over the waveform."""
    from matplotlib.figure import Figure as Drawing

    frames = min(len(made), len(real))
    drawing = Drawing(figsize=(9, 2.6), dpi=110, layout="constrained")
    axes = drawing.add_subplot()
    sound = real.samples if len(real.samples) else made.samples
    if len(sound):
        step = SAMPLE_RATE // 200  # 200 points per second are more than the picture has
        loudest = np.abs(sound[: len(sound) // step * step]).reshape(-1, step).max(axis=1)
        time = np.arange(len(loudest)) * step / SAMPLE_RATE
        behind = axes.twinx()
        behind.fill_between(time, -loudest, loudest, color="0.8", linewidth=0)
        behind.set_yticks([])
        axes.set_zorder(behind.get_zorder() + 1)
        axes.patch.set_visible(False)
    time = np.arange(frames) / VIDEO_FPS
    axes.plot(time, aperture(real.face[:frames]), color="#2e9e5b", label="real video")
    axes.plot(time, aperture(made.face[:frames]), color="#2a6fdb", label=name)
    axes.set(xlabel="s", ylabel="opening, % iod", xlim=(0, max(frames / VIDEO_FPS, 0.04)))
    axes.legend(loc="upper right", fontsize=8)
    file = io.BytesIO()
    drawing.savefig(file, format="png")
    text = f"Inner-lip opening of {name} and the real video over the waveform."
    return Figure(f"{made.name}: lips over the sound", text, file.getvalue())
