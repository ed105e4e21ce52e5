"""What a face does, in numbers: linear measures of landmarks, in % of the outer-eye-corner distance (% iod).

Each measure is a weighted sum of coordinates in the face frame, so the measure of a face is that of its neutral plus
that of its displacement, and on the expression of a face model it is a dot product (`FaceModel.measure`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dreamtalk.types import Float

X, Y = 0, 1
"""Axes of the face frame: the picture's right, down."""

INNER_LIP_UPPER = (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308)
INNER_LIP_LOWER = (78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308)
"""Inner lip contour from the person's right corner to the left one; same order, 11 pairs."""

OUTER_LIP = (61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291, 375, 321, 405, 314, 17, 84, 181, 91, 146)

UPPER_LID_RIGHT = (33, 246, 161, 160, 159, 158, 157, 173, 133)
LOWER_LID_RIGHT = (33, 7, 163, 144, 145, 153, 154, 155, 133)
UPPER_LID_LEFT = (263, 466, 388, 387, 386, 385, 384, 398, 362)
LOWER_LID_LEFT = (263, 249, 390, 373, 374, 380, 381, 382, 362)
"""Lid margins from the outer to the inner eye corner; the first and last point are the corners."""

LASH_ROWS = (130, 247, 30, 29, 27, 28, 56, 190, 243, 359, 467, 260, 259, 257, 258, 286, 414, 463)
CREASE_ROWS = (226, 113, 225, 224, 223, 222, 221, 189, 244, 446, 342, 445, 444, 443, 442, 441, 413, 464)
"""Second and third row of points above the upper lid margins, right then left."""

BROW_RIGHT = (70, 63, 105, 66, 107, 46, 53, 52, 65, 55)
BROW_LEFT = (300, 293, 334, 296, 336, 276, 283, 282, 295, 285)
"""Upper then lower edge of each brow, outer to inner."""

IRIS_RIGHT, IRIS_LEFT = 468, 473
"""Iris centres."""

LIPS = tuple(sorted({*INNER_LIP_UPPER, *INNER_LIP_LOWER, *OUTER_LIP}))
EYES = tuple(sorted({*UPPER_LID_RIGHT, *LOWER_LID_RIGHT, *UPPER_LID_LEFT, *LOWER_LID_LEFT}))
BROWS = tuple(sorted({*BROW_RIGHT, *BROW_LEFT}))


@dataclass(frozen=True, slots=True)
class Measure:
    """Mean of coordinate `axis` over `plus` less that over `minus`, times 100."""

    axis: int
    plus: tuple[int, ...]
    minus: tuple[int, ...]

    def __call__(self, points: Float) -> Float:
        """(...) in % iod, of points (..., >= 468, 3) in the face frame; of a displacement, its change."""
        along = points[..., self.axis]
        value = along[..., list(self.plus)].mean(axis=-1) - along[..., list(self.minus)].mean(axis=-1)
        return np.asarray(100.0 * value, dtype=np.float32)


def _inside(contour: Sequence[int]) -> tuple[int, ...]:
    """The five middle points of a lid margin: the corners hardly move."""
    return tuple(contour[2:7])


MEASURES: dict[str, Measure] = {
    "aperture": Measure(Y, (87, 14, 317), (82, 13, 312)),
    "mouth_width": Measure(X, (291,), (61,)),
    "jaw": Measure(Y, (152,), (6,)),
    "corner_height": Measure(Y, (13, 14), (61, 291)),
    "eye_opening_right": Measure(Y, _inside(LOWER_LID_RIGHT), _inside(UPPER_LID_RIGHT)),
    "eye_opening_left": Measure(Y, _inside(LOWER_LID_LEFT), _inside(UPPER_LID_LEFT)),
    "brow_height_right": Measure(Y, (33, 133), BROW_RIGHT),
    "brow_height_left": Measure(Y, (263, 362), BROW_LEFT),
}
"""aperture: opening of the inner lips at their middle. mouth_width: between the outer corners. jaw: nose root to chin.
corner_height: mouth corners above the middle of the lips. The rest per eye, of the person's right and left."""


def aperture(points: Float) -> Float:
    """Inner-lip aperture (...) in % iod of points (..., >= 468, 3) in the face frame."""
    return MEASURES["aperture"](points)


def mouth_width(points: Float) -> Float:
    """Distance of the outer mouth corners (...) in % iod of points (..., >= 468, 3) in the face frame."""
    return MEASURES["mouth_width"](points)


def eye_opening(points: Float) -> Float:
    """Opening (..., 2) of the person's right and left eye in % iod of points (..., >= 468, 3) in the face frame."""
    return np.stack([MEASURES["eye_opening_right"](points), MEASURES["eye_opening_left"](points)], axis=-1)


def brow_height(points: Float) -> Float:
    """Height (..., 2) of the person's right and left brow above the eye corners in % iod."""
    return np.stack([MEASURES["brow_height_right"](points), MEASURES["brow_height_left"](points)], axis=-1)
