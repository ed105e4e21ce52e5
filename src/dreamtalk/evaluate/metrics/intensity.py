"""Intensity: does more intensity show more? For videos of one talk in one style at rising intensity."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dreamtalk.errors import UnusableInput
from dreamtalk.evaluate.scoring import Metric
from dreamtalk.face.align import FACE_POINTS
from dreamtalk.types import Float

ORDER = Metric(
    name="intensity_order",
    title="intensity in order",
    unit="share",
    span="0 to 1",
    good="at least 0.95, chance 0.5",
    definition="Mean tracked face (head pose removed) of each video; how far it is from that of the weakest, root mean "
    "square over points. Share of the pairs of the other videos in which the one of higher intensity is further.",
    reference="Paper IV-E and Fig. 14 show it on pictures.",
    pitfalls="It lies below the tracker's noise: steps of less than about 0.1 % iod are in order by chance. Growth "
    "into nonsense counts as well as growth of an emotion, and the words' own mouth is part of the mean face, so all "
    "videos must be of the same speech and portrait. With three videos there is one pair.",
)
SIZE = Metric(
    name="intensity_size",
    title="change from weakest to strongest",
    unit="% iod",
    span="0 and more",
    good="above 0.5, below what breaks the face",
    definition="That distance, of the strongest video.",
    reference="Ours.",
    pitfalls="As for the order. More is not better: look at the strongest video.",
)
METRICS = (ORDER, SIZE)

LEAST = 3
"""Videos that make a pair beside the weakest."""


def mean_face(face: Float) -> Float:
    """(468, 2) in % iod of landmarks (T, 478, 3) in the face frame; the irises belong to the gaze."""
    return np.asarray(100.0 * face[:, :FACE_POINTS, :2].mean(axis=0), dtype=np.float32)


def distances(faces: Sequence[Float]) -> NDArray[np.float64]:
    """How far every mean face (468, 2) is from the first, % iod."""
    apart = np.stack(faces).astype(np.float64) - faces[0]
    return np.asarray(np.sqrt((apart**2).sum(axis=-1).mean(axis=-1)))


def intensity_order(faces: Sequence[Float]) -> float:
    """Of mean faces at rising intensity. Raises UnusableInput for fewer than three."""
    if len(faces) < LEAST:
        raise UnusableInput(f"The order of intensities needs at least {LEAST} videos of a talk, not {len(faces)}.")
    size = distances(faces)[1:]
    first, second = np.triu_indices(len(size), k=1)
    return float((size[second] > size[first]).mean())


def intensity_size(faces: Sequence[Float]) -> float:
    """Of mean faces at rising intensity, % iod."""
    return float(distances(faces)[-1])
