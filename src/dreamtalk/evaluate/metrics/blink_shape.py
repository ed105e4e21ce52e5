"""The shape of blinks: how far the eyes close, and how much slower they open than they close."""

from __future__ import annotations

import numpy as np

from dreamtalk.evaluate.metrics.blinks import OPEN, blinks, usual_opening
from dreamtalk.evaluate.scoring import Metric
from dreamtalk.types import Float

_PITFALLS = (
    "A blink is 4 to 9 frames: one clip's number is rough. It lies where the eyes look down (a slow, shallow 'blink'), "
    "where faces are small (lids tracked apart although shut, so real depth differs from film to film), and at rates "
    "other than 25 fps, whose repeated frames make steps. Compare with the real row of the same films alone."
)

DEPTH = Metric(
    name="blink_depth",
    title="opening left in a blink",
    unit="share",
    span="0 to 0.5",
    good="the real row",
    definition="Smallest opening of the eyes in a blink as a share of the usual one (80th percentile of the clip), "
    "mean over blinks; none where there are no blinks.",
    reference="Ours. Real talkers (44 clips): median 0.16, 0.05 to 0.34.",
    pitfalls=_PITFALLS,
)
ASYMMETRY = Metric(
    name="blink_asymmetry",
    title="opening by closing time",
    unit="ratio",
    span="0.1 to 10",
    good="the real row, above 1",
    definition="Time from the last frame in which the eyes are as good as shut (within 0.1 of the usual opening of the "
    "smallest one) until they are open by 0.7 again, by the time from 0.7 to the first such frame; crossings "
    "interpolated between frames, geometric mean over blinks. Blinks cut off by the clip's ends do not count.",
    reference="Lids close about twice as fast as they open (Evinger et al. 1991: peak speeds). Real talkers (39 "
    "clips): median 1.9, 1.2 to 2.9.",
    pitfalls=_PITFALLS,
)

_AS_SHUT = 0.1
"""Share of the usual opening above the smallest one up to which the eyes are as good as shut."""


def blink_depth(opening: Float) -> float:
    """Of openings (T,) at 25 fps; nan without blinks."""
    usual = usual_opening(opening)
    lowest = [float(opening[first : last + 1].min()) / usual for first, last in blinks(opening)]
    return float(np.mean(np.clip(lowest, 0.0, None))) if lowest else float("nan")


def blink_asymmetry(opening: Float) -> float:
    """Of openings (T,) at 25 fps; nan without whole blinks."""
    found = [
        np.log(times[1] / times[0])
        for first, last in blinks(opening)
        if (times := blink_times(opening, first, last)) is not None
    ]
    return float(np.exp(np.mean(found))) if found else float("nan")


def blink_times(opening: Float, first: int, last: int) -> tuple[float, float] | None:
    """Frames that closing and opening take in the blink of frames first to last; None where the clip cuts it off."""
    if first == 0 or last == len(opening) - 1:
        return None
    share = opening / usual_opening(opening)
    shut = first + np.flatnonzero(share[first : last + 1] <= share[first : last + 1].min() + _AS_SHUT)
    down = first - (OPEN - share[first]) / (share[first - 1] - share[first])
    up = last + (OPEN - share[last]) / (share[last + 1] - share[last])
    return float(shut[0] - down), float(up - shut[-1])
