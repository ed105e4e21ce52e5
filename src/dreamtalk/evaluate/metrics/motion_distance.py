"""MD: is it the same motion? Distance of expression coefficients, frame by frame."""

from __future__ import annotations

import numpy as np

from dreamtalk.evaluate.scoring import Metric
from dreamtalk.types import Float

METRIC = Metric(
    name="motion_distance",
    title="motion distance",
    unit="iod",
    span="0 and more",
    good="near 0; below the shuffled row",
    definition="Euclidean distance between the expression coefficients (mesh64, relative to the video's own neutral) "
    "of the video and the real one, mean over frames. A coefficient of 1 moves the weighted mesh by 1 iod in total.",
    reference="MD of DreamTalk's Table V: 0.23, in coefficients of another face model: not comparable.",
    pitfalls="Frames must go with each other: one frame of delay raises it as a wrong face does. A face that moves too "
    "little is nearer than one that moves rightly but a little late. A mean pose that is off outweighs all movement.",
)


def motion_distance(made: Float, real: Float) -> float:
    """Between two motions (T, E), in units of their coefficients. Raises ValueError for other lengths; nan for none."""
    if made.shape != real.shape:
        raise ValueError(f"motions of {made.shape} and {real.shape} cannot be compared frame by frame")
    if len(made) == 0:
        return float("nan")
    return float(np.linalg.norm(made.astype(np.float64) - real, axis=1).mean())
