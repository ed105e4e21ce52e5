"""Head motion: how far and fast the head goes, and whether it goes with the speech."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dreamtalk.evaluate.scoring import Metric
from dreamtalk.types import SAMPLE_RATE, VIDEO_FPS, Float

DIVERSITY = Metric(
    name="head_diversity",
    title="head diversity",
    unit="degrees",
    span="0 and more",
    good="the real row",
    definition="Standard deviation over time of the three head angles, mean of the three.",
    reference="As in SadTalker and KDTalker, there on other features.",
    pitfalls="A drifting tracker counts as motion. More is not better.",
)
SPEED = Metric(
    name="head_speed",
    title="head speed",
    unit="degrees per second",
    span="0 and more",
    good="the real row",
    definition="Mean length of the change of the three head angles per frame, after a mean over 3 frames, times 25.",
    reference="Ours.",
    pitfalls="The tracker's noise is part of it.",
)
BEAT = Metric(
    name="beat_alignment",
    title="beat alignment",
    unit="",
    span="0 to 1",
    good="the real row, above shuffled audio",
    definition="Mean over onsets of the speech of exp(-d² / 2σ²), d the time to the nearest turning point (local "
    "minimum of the speed) of the head, σ = 0.1 s.",
    reference="Siyao et al. 2022 (Bailando), for heads in KDTalker and DAWN (BAS 0.31 on HDTF).",
    pitfalls="Many turning points reach any beat: a trembling head scores well. Look at the shuffled row.",
)

_SIGMA_S = 0.1
_ONSET_RISE = 2.0
"""Times the mean rise of the loudness from which a rise is an onset."""
_SMOOTH = 9
"""Measurements in the window that smooths the loudness."""
_HOP = SAMPLE_RATE // 100
"""Samples (10 ms) between loudness measurements."""


def head_diversity(rotation: Float) -> float:
    """Of head angles (T, 3) in radians."""
    return float(np.degrees(rotation.std(axis=0)).mean())


def head_speed(rotation: Float) -> float:
    """Of head angles (T, 3) in radians at 25 fps; nan below five frames."""
    return float(_speed(rotation).mean()) if len(rotation) >= 5 else float("nan")


def beat_alignment(rotation: Float, samples: Float) -> float:
    """Of head angles (T, 3) at 25 fps and the sound (S,) at 16 kHz; nan without onsets or turning points."""
    beats = onsets(samples[: len(rotation) * SAMPLE_RATE // VIDEO_FPS])
    if len(rotation) < 5 or len(beats) == 0:
        return float("nan")
    speed = _speed(rotation)
    inner = speed[1:-1]
    turns = (np.flatnonzero((inner < speed[:-2]) & (inner <= speed[2:])) + 2.5) / VIDEO_FPS
    if len(turns) == 0:
        return float("nan")
    nearest = np.abs(beats[:, None] - turns[None]).min(axis=1)
    return float(np.exp(-(nearest**2) / (2 * _SIGMA_S**2)).mean())


def onsets(samples: Float) -> NDArray[np.float64]:
    """Times (s) at which the speech suddenly gets louder."""
    steps = len(samples) // _HOP
    if steps < 8:
        return np.zeros(0)
    power = (samples[: steps * _HOP].reshape(steps, _HOP).astype(np.float64) ** 2).mean(axis=1)
    window = np.hanning(_SMOOTH + 2)[1:-1]
    padded = np.pad(np.log10(power + 1e-7), _SMOOTH // 2, mode="edge")
    level = np.convolve(padded, window / window.sum(), mode="valid")
    rise = np.maximum(np.diff(level), 0.0)
    high = np.flatnonzero(rise > _ONSET_RISE * rise.mean())
    runs = np.split(high, np.flatnonzero(np.diff(high) > 1) + 1)  # one onset per stretch of rising loudness
    return np.array([run[rise[run].argmax()] + 1 for run in runs if len(run)]) * _HOP / SAMPLE_RATE


def _speed(rotation: Float) -> NDArray[np.float64]:
    """Degrees per second between smoothed frames (T - 3,)."""
    smooth = (rotation[:-2] + rotation[1:-1] + rotation[2:]) / 3
    return np.asarray(np.linalg.norm(np.degrees(np.diff(smooth, axis=0)), axis=1) * VIDEO_FPS)
