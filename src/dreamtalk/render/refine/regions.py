"""The three places that are refined, and how a square is cut out of the picture around each of them.

A crop is 96 x 96 px whatever the picture's size. It is centred on the lips or the lids of the rendered frame and turned
with the eyes; its side is a fixed share of the distance of the outer eye corners, so that it does not breathe.
The left eye is mirrored: one network serves both.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from dreamtalk.render.mesh import topology as topo
from dreamtalk.render.mesh.drawing import SUBPIXEL, Double, fixed_point, smoothstep
from dreamtalk.types import Float, Image

SIDE = 96
"""Side of a crop, px."""
MAPS = 4
"""Maps drawn of the mesh: inside of the hole, signed distances to its edge and to the outer edge, opening."""

_DISTANCE = 16.0
"""Signed distances are given in this many px of the crop, and are no longer than one of it."""
_REACH = 12.0
"""How far beyond the outer edge the picture may change, px of the crop."""
_BORDER = 6.0
"""Over this many px the change fades towards the border of the crop."""


@dataclass(frozen=True, slots=True)
class Region:
    """hole: closed inner outline. outer: closed outer outline. sides: upper and lower edge of the hole, in pairs.

    side_iod: side of the crop in distances of the outer eye corners. mirrored: whether it is flipped.
    """

    name: str
    hole: tuple[int, ...]
    outer: tuple[int, ...]
    sides: tuple[tuple[int, ...], tuple[int, ...]]
    side_iod: float
    mirrored: bool = False


def _eye(name: str, side: int) -> Region:
    outer = topo.LASH_ROW[side] + topo.LID_LOWER[side][-2:0:-1]
    edges = (topo.LID_UPPER[side], topo.LID_LOWER[side])
    return Region(name, topo.HOLES[1 + side], outer, edges, 0.55, mirrored=side == 1)


REGIONS = (
    Region("mouth", topo.HOLES[0], topo.LIP_OUTER, (topo.LIP_UPPER, topo.LIP_LOWER), 0.95),
    _eye("right eye", 0),
    _eye("left eye", 1),
)
"""In the order in which crops of one frame are stacked: R = 3."""


def crop_matrix(region: Region, points: Double | Float, iod: float) -> Double:
    """(2, 3) from px of the crop to px of the picture that shows the face points (468 or more, 2 or 3)."""
    right, left = points[topo.EYE_CORNERS[0], :2], points[topo.EYE_CORNERS[1], :2]
    across = np.asarray(left - right, np.float64)
    across /= max(float(np.hypot(*across)), 1e-6)
    down = np.array([-across[1], across[0]])
    scale = region.side_iod * iod / SIDE
    centre = points[list(region.outer), :2].astype(np.float64).mean(axis=0)
    axes = np.column_stack([across * (-scale if region.mirrored else scale), down * scale])
    return np.column_stack([axes, centre - axes @ np.full(2, (SIDE - 1) / 2)])


def cut(picture: Image, matrix: Double) -> Image:
    """The crop (96, 96, 3) of a picture. Large pictures are averaged, not picked from."""
    scale = float(np.hypot(matrix[0, 0], matrix[1, 0]))
    steps = int(np.floor(scale))
    if steps >= 2:
        size = (max(1, picture.shape[1] // steps), max(1, picture.shape[0] // steps))
        factors = np.array([[size[0] / picture.shape[1]], [size[1] / picture.shape[0]]])
        picture = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
        matrix = matrix * factors + np.column_stack([np.zeros((2, 2)), 0.5 * factors - 0.5])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    found = cv2.warpAffine(picture, matrix, (SIDE, SIDE), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(found, np.uint8)


def to_crop(matrix: Double, points: Double | Float) -> Float:
    """Points (N, 2) of the picture in px of the crop."""
    axes = np.linalg.inv(matrix[:, :2])
    return np.asarray((points[:, :2] - matrix[:, 2]) @ axes.T, np.float32)


def outlines(region: Region, matrix: Double, points: Double | Float) -> tuple[Float, Float, float]:
    """Hole (H, 2) and outer edge (O, 2) in px of the crop, and the opening of the hole in sides of the crop."""
    placed = to_crop(matrix, points)
    upper, lower = (placed[list(edge), 1] for edge in region.sides)
    return placed[list(region.hole)], placed[list(region.outer)], float(max(0.0, (lower - upper).max()) / SIDE)


def maps(hole: Float, outer: Float, opening: float) -> Float:
    """(4, 96, 96): see MAPS; the hole's inside 0 to 1, distances -1 (inside) to 1, opening in sides of the crop."""
    inside = _filled(hole)
    return np.stack(
        [
            inside.astype(np.float32) / np.float32(255.0),
            _signed(inside) if opening > 0.0 else np.ones((SIDE, SIDE), np.float32),
            _signed(_filled(outer)),
            np.full((SIDE, SIDE), opening, np.float32),
        ]
    )


def window(outer: Float) -> Float:
    """(96, 96) where the picture may change: 1 within the outer edge, 0 a little beyond it and at the crop's border."""
    distance = cv2.distanceTransform(255 - _filled(outer), cv2.DIST_L2, 3)
    near = 1.0 - smoothstep(0.0, _REACH, distance)
    ramp = smoothstep(0.0, _BORDER, np.minimum(np.arange(SIDE), np.arange(SIDE)[::-1]))
    return np.asarray(near * ramp[None] * ramp[:, None], np.float32)


def _filled(outline: Float) -> Image:
    mask = np.zeros((SIDE, SIDE), np.uint8)
    cv2.fillPoly(mask, [fixed_point(outline.astype(np.float64))], 255, cv2.LINE_AA, SUBPIXEL)
    return mask


def _signed(filled: Image) -> Float:
    """Distance to the edge of what is filled, negative inside, in _DISTANCE px."""
    within = (filled > 127).astype(np.uint8)
    distance = cv2.distanceTransform(1 - within, cv2.DIST_L2, 3) - cv2.distanceTransform(within, cv2.DIST_L2, 3)
    return np.asarray(np.clip(distance / _DISTANCE, -1.0, 1.0), np.float32)
