"""What a mouth does over time: the common ground of all lip metrics.

Tracked and generated faces are measured alike, by the linear measures of `dreamtalk.face.measures` on points in the
face frame (head pose removed). Lengths are in % of iod, the distance between the outer eye corners.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from dreamtalk.face.align import FACE_POINTS
from dreamtalk.face.measures import LIPS, aperture, mouth_width
from dreamtalk.types import Bool, Float

_PERCENT = np.float32(100.0)
"""From iod to % iod."""


class FaceSpace(Protocol):
    """What the evaluation needs of a face model; dreamtalk.face.FaceModel has it."""

    @property
    def lower(self) -> tuple[int, ...]:
        """Expression dimensions of the lower face."""
        ...

    def displacement(self, expression: Float) -> Float:
        """Expression (..., E) to displacement (..., 468, 3) in iod, face frame."""
        ...

    def neutral(self, landmarks: Float, blendshapes: Float | None = None) -> Float:
        """Landmarks (478, 3) px and scores (52,) of one picture to the person's resting face (478, 3)."""
        ...

    def fit(self, landmarks: Float, neutral: Float) -> tuple[Float, Float, Float]:
        """Landmarks (T, 478, 3) px of somebody with this neutral (478, 3) to expression (T, E), pose, gaze."""
        ...


@dataclass(frozen=True, slots=True)
class Mouth:
    """aperture: (T,) % iod, height of the inner-lip opening; 0 touching, slightly negative where landmarks overlap.
    width: (T,) % iod, corner to corner. lips: (T, 40, 2) % iod, lip points in the face frame.
    """

    aperture: Float
    width: Float
    lips: Float


def mouth_of(points: Float) -> Mouth:
    """Measures the mouths of faces (T, >= 468, 3) given in iod in the face frame."""
    lips = points[:, list(LIPS), :2] * _PERCENT
    return Mouth(aperture(points), mouth_width(points), lips.astype(np.float32))


def moved_mouth(face: FaceSpace, neutral: Float, expression: Float) -> Mouth:
    """The mouth of a person with this neutral (>= 468, 3) iod whose face makes the expressions (T, E)."""
    return mouth_of(neutral[None, :FACE_POINTS] + face.displacement(expression))


def spells(flags: Bool) -> list[tuple[int, int]]:
    """Start and end (exclusive) of every run of True in flags (T,)."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flags.astype(np.int8), [0]])))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]
