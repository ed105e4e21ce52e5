"""Blinks: how often, and how long."""

from __future__ import annotations

import numpy as np

from dreamtalk.evaluate.scoring import Metric
from dreamtalk.types import VIDEO_FPS, Float

RATE = Metric(
    name="blink_rate",
    title="blinks",
    unit="per second",
    span="0 to about 2",
    good="the real row",
    definition="Falls of the eyes' mean opening below half of its usual value (the 80th percentile of the clip), "
    "ending when it is above 0.7 of it.",
    reference="Real HDTF 0.75 per second (DAWN), talkers in the literature 0.3 to 0.5.",
    pitfalls="Looking down counts as a blink. Short clips hold none or one.",
)
LENGTH = Metric(
    name="blink_seconds",
    title="length of a blink",
    unit="s",
    span="0.04 and more",
    good="0.1 to 0.4",
    definition="Mean time between the two crossings of 0.7 of the usual opening around a blink.",
    reference="Ours: real blinks close in 2 to 3 frames, are shut for 1 or 2, open in 3 to 5.",
    pitfalls="As the rate.",
)

_USUAL = 80
"""Percentile."""
_SHUT, OPEN = 0.5, 0.7
"""Shares of the usual opening."""


def usual_opening(opening: Float) -> float:
    """How open the eyes of openings (T,) are when they do not blink."""
    return float(np.percentile(opening, _USUAL))


def blinks(opening: Float) -> list[tuple[int, int]]:
    """First and last frame of every blink in openings (T,)."""
    usual = usual_opening(opening)
    low, down = opening < OPEN * usual, opening < _SHUT * usual
    edges = np.diff(np.concatenate([[0], low.astype(np.int8), [0]]))
    spans = zip(np.flatnonzero(edges == 1), np.flatnonzero(edges == -1) - 1, strict=True)
    return [(int(first), int(last)) for first, last in spans if down[first : last + 1].any()]


def blink_rate(opening: Float) -> float:
    """Blinks per second of openings (T,) at 25 fps."""
    return len(blinks(opening)) * VIDEO_FPS / max(1, len(opening))


def blink_length(opening: Float) -> float:
    """Mean length, s; nan without blinks."""
    found = blinks(opening)
    return float(np.mean([last - first + 1 for first, last in found]) / VIDEO_FPS) if found else float("nan")
