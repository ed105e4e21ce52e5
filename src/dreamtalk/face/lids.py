"""Blinks taken out of tracked expression: what belongs to a manner of speaking stays, what comes and goes does not."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dreamtalk.face.arkit import weights
from dreamtalk.face.model import FaceModel
from dreamtalk.types import VIDEO_FPS, Float

_BLINK_SECONDS = 1.0
"""A lid lower than its running median over this time is blinking."""


def remove_blinks(expression: Float, face_model: FaceModel) -> Float:
    """Expression (T, E) with each lid held at its running median where it closes further.

    Blinks are added by their own generator: a denoiser that sees frames one by one could only flicker.
    """
    frames = round(_BLINK_SECONDS * VIDEO_FPS)
    result = expression.copy()
    for side in ("Right", "Left"):
        direction = face_model.from_arkit(weights(**{f"eyeBlink{side}": 1.0}))
        lid = face_model.measure(f"eye_opening_{side.lower()}")
        opening = result @ lid
        shortfall = np.clip(running_median(opening, frames) - opening, 0.0, None)
        result += (shortfall / (direction @ lid))[:, None] * direction
    return np.asarray(result, dtype=np.float32)


def running_median(values: NDArray[np.floating], width: int) -> Float:
    """Median (T,) over `width` frames around each, the ends repeated."""
    padded = np.pad(values, (width // 2, width - 1 - width // 2), mode="edge")
    return np.asarray(np.median(np.lib.stride_tricks.sliding_window_view(padded, width), axis=1), dtype=np.float32)
