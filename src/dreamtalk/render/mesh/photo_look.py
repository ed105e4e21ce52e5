"""What the photo looks like where it shows a face: how blurred it is, and how dark its darkest parts are.

What is painted into a photo has to be as soft and no darker, or it looks pasted in.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from dreamtalk.render.mesh import topology as topo
from dreamtalk.render.mesh.canvas import Canvas
from dreamtalk.render.mesh.drawing import Double, fill, region
from dreamtalk.types import Float

_LUMA = np.array([0.299, 0.587, 0.114], np.float32)
_FINE_PX, _COARSE_PX = 0.5, 1.5
"""The face is blurred by each: the sharper an edge, the more of its slope the second blur takes."""
_EDGES = 80.0
"""Percentile of slopes from which on a ridge of them is an edge."""
_LEAST_SLOPE, _FEWEST = 12.0, 8
"""Flatter slopes (Sobel, of brightness 0 to 255) are no edges; with fewer px of edges there is nothing to measure."""
_MOST_PX = 3.0
"""Blurrier than this no picture is taken to be: fog and brush strokes are not blur."""
_SHARP_PX = 0.8
"""Edges of sharp photos measure this, because of the first blur and of the width that edges of skin have."""
_DARKEST = 1.0
"""Percentile of the face's brightness that counts as its darkest: pupils, nostrils, lashes."""


@dataclass(frozen=True, slots=True)
class PhotoLook:
    """blur: standard deviation, px, of the blur of a picture that should be sharp; 0 for a sharp one. darkest: its
    darkest brightness in the face, 0 to 255.
    """

    blur: float
    darkest: float


def photo_look(canvas: Canvas) -> PhotoLook:
    """Measured on the face alone. The blur is found by blurring once more (Zhuo and Sim 2011, section 3)."""
    outline: Double = canvas.landmarks[list(topo.OVAL), :2]
    box = region(outline, 0.0, canvas.image.shape)
    if box is None:
        return PhotoLook(0.0, 0.0)
    x0, y0, x1, y1 = box
    grey: Float = canvas.image[y0:y1, x0:x1].astype(np.float32) @ _LUMA
    face = cv2.erode(fill(grey.shape, outline, x0, y0), np.ones((7, 7), np.uint8)) > 0.5
    twice = float(np.hypot(_FINE_PX, _COARSE_PX))
    fine, coarse = (_slope(np.asarray(cv2.GaussianBlur(grey, (0, 0), blur))) for blur in (_FINE_PX, twice))
    darkest = float(np.percentile(grey[face], _DARKEST)) if face.any() else 0.0
    ridge = face & (fine >= cv2.dilate(fine, np.ones((3, 3), np.uint8))) & (fine > _LEAST_SLOPE)
    if ridge.sum() < _FEWEST:
        return PhotoLook(0.0, darkest)
    edge = ridge & (fine >= np.percentile(fine[ridge], _EDGES))
    ratio = np.maximum(fine[edge] / np.maximum(coarse[edge], 1e-3), 1.001)
    width = float(np.median(_COARSE_PX / np.sqrt(ratio**2 - 1.0)))
    return PhotoLook(min(_MOST_PX, float(np.sqrt(max(0.0, width**2 - _SHARP_PX**2)))), darkest)


def _slope(grey: Float) -> Float:
    return np.asarray(np.hypot(cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1)), np.float32)
