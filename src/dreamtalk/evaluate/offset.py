"""Are the lips early or late? The shift at which generated and real aperture agree best."""

from __future__ import annotations

import numpy as np

from dreamtalk.evaluate.clips import Clip, Made
from dreamtalk.evaluate.correlation import pearson
from dreamtalk.evaluate.scoring import Metric, Score
from dreamtalk.types import Bool, Float

REACH = 8
"""Largest shift tried, frames either way."""

OFFSET = Metric(
    name="offset",
    title="offset",
    unit="frames",
    span=f"-{REACH} to {REACH}",
    good="0 ± 1",
    definition="Whole-frame shift with the highest Pearson correlation of aperture, generated against tracked; "
    "positive: ours is late. No interpolation. Median over clips.",
    reference="0 for a model in step with a clip in step. Clips of the web are often out of step themselves (talkset "
    "lags.csv), so raw rows show the clip's own error with its sign turned round.",
    pitfalls="Meaningless where the correlation is near chance (shuffled audio: a random number). One frame is 40 ms, "
    "people notice about 45 ms early and 125 ms late sound.",
    combine="median",
)


def best_shift(ours: Float, real: Float, valid: Bool) -> float:
    """Frames by which `ours` (T,) lags `real` (T,); NaN when either is constant. `valid` (T,) belongs to `real`."""
    shifts = list(range(-REACH, REACH + 1))
    scores = []
    for shift in shifts:
        late, now = slice(max(0, shift), len(ours) + min(0, shift)), slice(max(0, -shift), len(real) - max(0, shift))
        use = valid[now]
        scores.append(pearson(ours[late][use], real[now][use]))
    return float(shifts[int(np.nanargmax(scores))]) if np.isfinite(scores).any() else float("nan")


def offset_score(clip: Clip, made: Made) -> Score:
    """See OFFSET."""
    return Score(best_shift(made.mouth.aperture, clip.mouth.aperture, clip.valid))
