"""A face drawn from the mean of the face model: something to measure and test on that nobody owns."""

from __future__ import annotations

import cv2
import numpy as np

from dreamtalk.face.model import FaceModel
from dreamtalk.types import Float, Image

_IOD_SHARE = 0.22
"""Distance between the outer eye corners as a share of the picture's side."""

_IRIS = 0.06
"""Radius of an iris, in iod."""

_OVAL = (10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377,
         152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109)  # fmt: skip
_LIPS = (61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291, 375, 321, 405, 314, 17, 84, 181, 91, 146)
_EYES = (
    (33, 246, 161, 160, 159, 158, 157, 173, 133, 155, 154, 153, 145, 144, 163, 7),
    (263, 466, 388, 387, 386, 385, 384, 398, 362, 382, 381, 380, 374, 373, 390, 249),
)
_BROWS = ((70, 63, 105, 66, 107, 55, 65, 52, 53, 46), (300, 293, 334, 296, 336, 285, 295, 282, 283, 276))
_NOSE = (98, 97, 2, 326, 327)

_WALL, _HAIR, _SKIN, _WHITE, _BROWN = (150, 170, 190), (60, 40, 30), (225, 180, 155), (245, 245, 245), (70, 45, 35)
_RED, _SHADE = (190, 90, 90), (170, 120, 100)


def drawn_face(model: FaceModel, side: int = 512) -> Image:
    """A frontal, resting face as a (side, side, 3) RGB picture, plain as a cartoon; the tracker finds it."""
    iod = _IOD_SHARE * side
    points = (model.mean[:, :2] * iod + (0.5 * side, 0.47 * side)).astype(np.float32)
    image = np.full((side, side, 3), _WALL, np.uint8)
    oval = points[list(_OVAL)]
    middle = oval.mean(axis=0)
    _fill(image, (oval - middle) * 1.18 + middle - (0.0, 0.1 * iod), _HAIR)
    _fill(image, oval, _SKIN)
    for eye, brow in zip(_EYES, _BROWS, strict=True):
        lids = points[list(eye)]
        _fill(image, lids, _WHITE)
        x, y = lids.mean(axis=0)
        cv2.circle(image, (round(float(x)), round(float(y))), round(_IRIS * iod), _HAIR, -1, cv2.LINE_AA)
        _fill(image, points[list(brow)], _BROWN)
    _fill(image, points[list(_LIPS)], _RED)
    cv2.polylines(
        image, [np.rint(points[list(_NOSE)]).astype(np.int32)], False, _SHADE, max(1, side // 170), cv2.LINE_AA
    )
    return np.asarray(cv2.GaussianBlur(image, (0, 0), side / 340), dtype=np.uint8)


def _fill(image: Image, outline: Float, colour: tuple[int, int, int]) -> None:
    """A polygon (N, 2) px, to a sixteenth of a pixel."""
    cv2.fillPoly(image, [np.rint(outline * 16).astype(np.int32)], colour, cv2.LINE_AA, 4)
