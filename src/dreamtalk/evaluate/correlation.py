"""Do the lips move when and how the real lips do? Pearson correlation with the real clip, per clip."""

from __future__ import annotations

import numpy as np

from dreamtalk.evaluate.clips import Clip, Made
from dreamtalk.evaluate.scoring import Metric, Score
from dreamtalk.types import Float

_FLAT = 1e-3
"""Standard deviation in % iod below which a curve counts as constant: it has no correlation."""

_PITFALLS = (
    "Blind to offset and gain: a mouth that moves half as much, or hangs open, scores the same. High by chance on "
    "GRID, where all sentences open and close alike: read it against the shuffled-audio row. Sound and picture out of "
    "step by 2 frames cost about half of it."
)

APERTURE = Metric(
    name="aperture_correlation",
    title="aperture r",
    unit="",
    span="-1 to 1",
    good="1",
    definition="Pearson correlation of inner-lip aperture (mean height between 82, 13, 312 and 87, 14, 317 in the face "
    "frame), generated against tracked, over all frames of a clip; mean over clips.",
    reference="shared feasibility study: 0.94 s1, 0.89 unseen GRID, 0.55 other clips lag-corrected; shuffled 0.4 on "
    "GRID.",
    pitfalls=_PITFALLS,
)

WIDTH = Metric(
    name="width_correlation",
    title="width r",
    unit="",
    span="-1 to 1",
    good="1",
    definition="The same for mouth width (outer corners 61 to 291).",
    reference="shared feasibility study: 0.81 s1, 0.56 unseen GRID, 0.54 other clips lag-corrected.",
    pitfalls=_PITFALLS + " Smiles and head turns move the corners too.",
)


def pearson(a: Float, b: Float) -> float:
    """Correlation of two curves (T,); NaN when either is constant or there are fewer than 3 frames."""
    if len(a) < 3 or a.std() < _FLAT or b.std() < _FLAT:
        return float("nan")
    return float(np.corrcoef(a.astype(np.float64), b.astype(np.float64))[0, 1])


def aperture_score(clip: Clip, made: Made) -> Score:
    """See APERTURE."""
    return Score(pearson(made.mouth.aperture[clip.valid], clip.mouth.aperture[clip.valid]))


def width_score(clip: Clip, made: Made) -> Score:
    """See WIDTH."""
    return Score(pearson(made.mouth.width[clip.valid], clip.mouth.width[clip.valid]))
