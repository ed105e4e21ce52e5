"""Jitter: does the face tremble?"""

from __future__ import annotations

import numpy as np

from dreamtalk.evaluate.scoring import Metric
from dreamtalk.types import Float

METRIC = Metric(
    name="jitter",
    title="jitter",
    unit="% iod per frame²",
    span="0 and more",
    good="the real row",
    definition="Length of the second difference over time of the landmarks in the face frame (head pose removed), mean "
    "over the points that speech hardly moves (brows, eyes' corners, nose, jaw line) and frames.",
    reference="Ours; the real row is the bound, which holds the tracker's own noise.",
    pitfalls="A still photo scores nearly 0. A real face filmed with noise scores worse than a rendered one.",
)

_CALM = (127, 234, 93, 132, 361, 323, 454, 356, 70, 63, 105, 66, 107, 336, 296, 334, 293, 300, 168, 197, 5, 4, 33, 133)


def jitter(face: Float) -> float:
    """Of landmarks (T, 478, 3) in the face frame, iod; nan below three frames."""
    if len(face) < 3:
        return float("nan")
    second = np.diff(face[:, list(_CALM), :2], n=2, axis=0)
    return float(100.0 * np.linalg.norm(second, axis=-1).mean())
