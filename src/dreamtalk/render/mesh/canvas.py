"""The picture that will move: the photo itself, or a square cut around the head, with its landmarks and measures."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from dreamtalk.errors import UnusableInput
from dreamtalk.render.mesh import topology as topo
from dreamtalk.render.mesh.drawing import Box, Double, finer
from dreamtalk.types import Float, Image, Portrait

MAX_SIDE = 2048
"""Longest side of a native-size picture, px."""
MIN_SIDE = 16
"""Smallest side that can be rendered, px."""

_CROP_FACE_HEIGHTS = 2.05
"""Side of the square cut around the head, in face heights (forehead to chin)."""
_LEAST_FACE_HEIGHTS = 1.25
"""A photo narrower than the cut, but not than this, is cut as wide as it is, rather than continued by mirroring."""
_CROP_SHIFT = 0.02
"""How far above the middle of the face the cut is centred, in face heights: hair needs more room than the neck."""

_FINE_PX_PER_MM, _FINEST = 2.5, 4
"""The mouth is painted with at least the first resolution, but at most so many times the picture's own."""
_IRIS_MM = 11.7
"""Diameter of a human iris."""
_EYE_CORNERS_MM = 91.0
"""Distance of the outer eye corners of an adult, as the face mesh sees it."""
_LUMA = np.array([0.299, 0.587, 0.114])
_GREY_SATURATION = 0.06
"""Skin less colourful than this (range over maximum) belongs to a monochrome picture."""


@dataclass(frozen=True, slots=True)
class Canvas:
    """A picture ready to be warped; all lengths in its own pixels.

    image: (H, W, 3) uint8 RGB. landmarks: (478, 3). rotation: (3, 3) face frame to picture axes. down: (3,) the
    face's down direction in the picture, without depth, of length 1. iod: outer eye corner
    distance. mm: px per millimetre of face. centre: (3,) of the face. width: face width. skin: (3,) typical colour of
    the skin. grey: whether the picture is monochrome. zoom: px per px of the photo, at least 1: how
    blurred the picture is.
    """

    image: Image
    landmarks: Double
    rotation: Double
    down: Double
    iod: float
    mm: float
    centre: Double
    width: float
    skin: Double
    grey: bool
    zoom: float

    @property
    def fine(self) -> int:
        """Into how many parts a pixel is divided, each way, where the mouth is painted: more for small faces."""
        return int(np.clip(np.ceil(_FINE_PX_PER_MM / self.mm), 1, _FINEST))

    def enlarged(self, box: Box) -> Canvas:
        """A region alone, `fine` times larger."""
        x0, y0, x1, y1 = box
        landmarks = self.landmarks * self.fine
        landmarks[:, :2] = finer(self.landmarks[:, :2], x0, y0, self.fine)
        size = ((x1 - x0) * self.fine, (y1 - y0) * self.fine)
        patch = cv2.resize(self.image[y0:y1, x0:x1], size, interpolation=cv2.INTER_CUBIC)
        return replace(self, image=np.asarray(patch, np.uint8), landmarks=landmarks, mm=self.mm * self.fine)

    @property
    def luma(self) -> float:
        """Brightness of the skin, 0 to 255."""
        return float(self.skin @ _LUMA)


def cut_side(portrait: Portrait) -> int:
    """Side of the square around the head at the photo's own resolution, px: even, 16 to 2048."""
    side = _side(portrait.landmarks, portrait.image.shape)
    return max(MIN_SIDE, min(MAX_SIDE, int(side) // 2 * 2))


def make_canvas(portrait: Portrait, size: int | None) -> Canvas:
    """The whole photo (size None; even sides, the longest at most 2048 px) or a size x size cut around the head.

    Raises UnusableInput for a size below 16 px or a picture too small to hold one.
    """
    image, landmarks, zoom = portrait.image, portrait.landmarks.astype(np.float64), 1.0
    if size is None:
        image, landmarks = _whole(image, landmarks)
    elif size < MIN_SIDE:
        raise UnusableInput(f"The picture size {size} is too small. Use {MIN_SIDE} or more, for example 512.")
    else:
        image, landmarks, zoom = _square(image, landmarks, size - size % 2)
    if min(image.shape[:2]) < MIN_SIDE:
        raise UnusableInput(
            f"The portrait is too small to animate; use one of at least {MIN_SIDE} by {MIN_SIDE} pixels."
        )
    return _measure(image, landmarks, portrait.rotation.astype(np.float64), max(1.0, zoom))


def _whole(image: Image, landmarks: Double) -> tuple[Image, Double]:
    height, width = image.shape[:2]
    scale = min(1.0, MAX_SIDE / max(height, width))
    if scale < 1.0:
        even = (max(2, round(width * scale / 2) * 2), max(2, round(height * scale / 2) * 2))
        resized = cv2.resize(image, even, interpolation=cv2.INTER_AREA)
        factors = np.array([even[0] / width, even[1] / height, scale])
        half = np.array([0.5, 0.5, 0.0])  # a pixel's centre, not its corner, is its coordinate
        return np.asarray(resized, np.uint8), (landmarks + half) * factors - half
    return np.ascontiguousarray(image[: height - height % 2, : width - width % 2]), landmarks


def _side(landmarks: Double | Float, shape: tuple[int, ...]) -> float:
    """Side of the square around the head, px of the photo."""
    height, width = shape[:2]
    span = landmarks[topo.CHIN, :2] - landmarks[topo.FOREHEAD, :2]
    tall = max(float(np.linalg.norm(span)), float(np.ptp(landmarks[:, 0])), 1.0)
    side = _CROP_FACE_HEIGHTS * tall
    if side > min(height, width) >= _LEAST_FACE_HEIGHTS * tall:
        side = float(min(height, width))
    return side


def _square(image: Image, landmarks: Double, size: int) -> tuple[Image, Double, float]:
    height, width = image.shape[:2]
    top, bottom = landmarks[topo.FOREHEAD, :2], landmarks[topo.CHIN, :2]
    side = _side(landmarks, image.shape)
    corner = (top + bottom) / 2 + _CROP_SHIFT * (top - bottom) - side / 2
    for axis, length in enumerate((width, height)):
        if side <= length:
            corner[axis] = min(max(corner[axis], 0.0), length - side)
    scale = size / side
    if scale < 1.0:  # warpAffine does not average, so shrink by area first
        step = (max(1, round(width * scale)), max(1, round(height * scale)))
        shrunk = np.asarray(cv2.resize(image, step, interpolation=cv2.INTER_AREA), np.uint8)
        factors = np.array([step[0] / width, step[1] / height])
        image = shrunk
    else:
        factors = np.array([1.0, 1.0])
    # out = zoom (in + 0.5) + offset - 0.5, from the shrunk picture to the cut
    zoom = scale / factors
    offset = -corner * scale
    matrix = np.array([[zoom[0], 0, 0.5 * zoom[0] + offset[0] - 0.5], [0, zoom[1], 0.5 * zoom[1] + offset[1] - 0.5]])
    cut = cv2.warpAffine(image, matrix, (size, size), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101)
    moved = landmarks * scale
    moved[:, :2] += 0.5 * scale + offset - 0.5
    return np.asarray(cut, np.uint8), moved, scale


def _measure(image: Image, landmarks: Double, rotation: Double, zoom: float) -> Canvas:
    corners = landmarks[list(topo.EYE_CORNERS)]
    iod = max(float(np.linalg.norm(corners[0] - corners[1])), 1e-3)
    rims = [landmarks[list(iris)] for iris in topo.IRIS]
    iris = (
        np.mean([np.linalg.norm(rim[1, :2] - rim[3, :2]) + np.linalg.norm(rim[2, :2] - rim[4, :2]) for rim in rims]) / 2
    )
    sides = landmarks[list(topo.FACE_SIDES)]
    skin = _skin_colour(image, landmarks)
    down = rotation[:, 1] * (1.0, 1.0, 0.0)
    return Canvas(
        image=image,
        landmarks=landmarks,
        rotation=rotation,
        down=np.asarray(down / max(float(np.linalg.norm(down)), 1e-6)),
        iod=iod,
        mm=float(0.5 * iris / _IRIS_MM + 0.5 * iod / _EYE_CORNERS_MM),
        centre=landmarks[list(topo.CENTRE)].mean(axis=0),
        width=float(np.linalg.norm(sides[0] - sides[1])),
        skin=skin,
        grey=bool(np.ptp(skin) <= _GREY_SATURATION * max(float(skin.max()), 1.0)),
        zoom=zoom,
    )


def _skin_colour(image: Image, landmarks: Double) -> Double:
    """Median colour of small patches on cheeks and nose."""
    height, width = image.shape[:2]
    patches = []
    for x, y in np.rint(landmarks[list(topo.CHEEKS), :2]).astype(int):
        x, y = min(max(x, 0), width - 1), min(max(y, 0), height - 1)
        patches.append(image[max(0, y - 2) : y + 3, max(0, x - 2) : x + 3].reshape(-1, 3))
    return np.asarray(np.median(np.concatenate(patches), axis=0), np.float64)
