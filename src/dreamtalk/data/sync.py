"""Is the sound in step with the lips? The lip expert is asked at every offset, and believed when it is sure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from dreamtalk.data.quality import QualityLimits, Verdict
from dreamtalk.lipsync.expert import LipExpert
from dreamtalk.types import FEATURE_RATE, VIDEO_FPS, Float

REACH = 8
"""Frames of offset that are tried to either side."""

_PER_FRAME = FEATURE_RATE // VIDEO_FPS
_REFERENCE_FRAMES = 256
_MIN_WINDOWS = 8
"""Windows that every offset must have: fewer say nothing."""

_IN_STEP = 1.0
"""Frames: an offset this small is nobody's fault and is corrected if it is clear, else left."""


@dataclass(frozen=True, slots=True)
class SoundOffset:
    """frames: by which the sound must be taken later (positive: the sound is late) to fit best; multiples of a half.

    margin: mean P_sync there less the median over all offsets: how clear that is.
    """

    frames: float
    margin: float


@torch.inference_mode()
def offset_curve(expert: LipExpert, expression: Float, features: Float) -> Float | None:
    """Mean P_sync (4 REACH + 1,) of a clip with its sound moved by -REACH to REACH frames in steps of half a frame.

    expression: (T, E), its own style reference. features: (N, D) at 50 Hz, N >= 2 T. The windows are the same for all
    offsets, so that none has easier ones. None for a clip that is too short for that.
    """
    n, total = expert.config.frames, min(len(expression), len(features) // _PER_FRAME)
    at = np.arange(REACH, total - n - REACH + 1)
    if len(at) < _MIN_WINDOWS:
        return None
    motion = torch.from_numpy(expression[at[:, None] + np.arange(n)])
    code = expert.style(torch.from_numpy(expression[None, :_REFERENCE_FRAMES]))
    style = None if code is None else code.expand(len(at), -1)
    curve = []
    for shift in range(-_PER_FRAME * REACH, _PER_FRAME * REACH + 1):
        heard = _PER_FRAME * at[:, None] + np.arange(_PER_FRAME * n) + shift
        curve.append(float(expert(motion, torch.from_numpy(features[heard]).float(), style).mean()))
    return np.array(curve, dtype=np.float32)


def best_offset(curve: Float) -> SoundOffset:
    """The peak of a curve as from offset_curve."""
    middle = len(curve) // 2
    best = int(curve.argmax())
    return SoundOffset((best - middle) / _PER_FRAME, float(curve[best] - np.median(curve)))


def correction(offset: SoundOffset, limits: QualityLimits) -> float | Verdict:
    """Frames by which to take later sound, or why the clip is left out.

    Sure and small: corrected. Sure and large: left out. Unsure: kept as it is where it seems in step, else left out.
    """
    sure = offset.margin >= limits.min_sync_margin
    if abs(offset.frames) <= _IN_STEP:
        return offset.frames if sure else 0.0
    if sure and abs(offset.frames) <= limits.max_lag:
        return offset.frames
    doubt = "" if sure else ", unsure"
    return "out of step", f"sound {offset.frames:+.1f} frames late (margin {offset.margin:.2f}{doubt})"


def moved(features: Float, frames: float) -> Float:
    """Features (N, D) so that frame i has those of `frames` frames later; the ends are repeated."""
    index = np.clip(np.arange(len(features)) + round(frames * _PER_FRAME), 0, len(features) - 1)
    return np.asarray(features[index])
