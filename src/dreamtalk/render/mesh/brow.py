"""Brows that travel as a piece: hair is neither squeezed when they come down nor spread when they rise."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from dreamtalk.render.mesh import topology as topo
from dreamtalk.render.mesh.canvas import Canvas
from dreamtalk.render.mesh.drawing import Double, Index, smoothstep
from dreamtalk.types import Float

_BEND = 2
"""Degree of the polynomial along a brow that its motion follows: it rises, tilts and bows, and does not wave."""
_LASH_EVEN = 0.5
"""How far the row of lashes goes from where it is told to where even stretching would put it: it belongs to the lid."""
_HAIR_BELOW = 0.7
"""How much of the skin half-way to the row below goes with a rising brow whose lower edge is dark: its hair reaches
further down than its points. Where the edge is on skin, what is dark further down may be a pair of glasses."""

_BROW_LUMA = (0.45, 0.75)
"""Brightness relative to the skin below which a point above the eye lies on a brow or glasses, and from which on it is
plain skin."""
_BROW_PATCH_MM = 0.8
"""Half width of the patches in which that is measured."""


@dataclass(frozen=True, slots=True)
class BrowBand:
    """Both brows of one portrait, each five columns of points from upper edge to lid.

    upper, lower, crease, lash, lid: (2, 5) numbers of the points in each row, the person's right brow first.
    below: (M, 2) numbers of the subdivided points between lower edge and crease, and of the lower edge's point that
    each goes with. hair: (M,) how much it does. steady: (2, 5, 5) what makes of five displacements along a brow the
    nearest polynomial. crease_even, lash_even: (2, 5, 1) where these rows lie in the photo, from the lid (0) to the
    brow (1). down: (3,) see Canvas.
    """

    upper: Index
    lower: Index
    crease: Index
    lash: Index
    lid: Index
    below: Index
    hair: Double
    steady: Double
    crease_even: Double
    lash_even: Double
    down: Double

    @classmethod
    def of(cls, canvas: Canvas, mesh: topo.Subdivision) -> BrowBand:
        """The brows of a picture; mesh: the subdivided face."""
        points = canvas.landmarks
        rows = [np.array(row, np.int32) for row in (topo.BROW_UPPER, topo.BROW_LOWER)]
        rows += [np.array([row[2:7] for row in both]) for both in (topo.CREASE_ROW, topo.LASH_ROW, topo.LID_UPPER)]
        upper, lower, crease, lash, lid = (row.astype(np.int32) for row in rows)
        height = np.maximum((points[lid] - points[lower]) @ canvas.down, 1e-3)
        crease_even, lash_even = (
            np.clip((points[lid] - points[row]) @ canvas.down / height, 0.0, 1.0)[..., None] for row in (crease, lash)
        )
        low, creases = set(lower.ravel().tolist()), set(crease.ravel().tolist())
        below = [
            (number, a if a in low else b)
            for (a, b), number in mesh.midpoints.items()
            if (a in low and b in creases) or (b in low and a in creases)
        ]
        steady = np.stack([_polynomial(line[:, :2]) for line in (points[upper] + points[lower]) / 2.0])
        numbers = np.array(below, np.int32).reshape(-1, 2)
        dark = np.zeros(len(points))
        for row in lower:
            dark[row] = 1.0 - plain_skin(canvas, tuple(row.tolist()), (0.0,))
        hair = _HAIR_BELOW * dark[numbers[:, 1]]
        return cls(upper, lower, crease, lash, lid, numbers, hair, steady, crease_even, lash_even, canvas.down)

    def carry(self, moved: Double) -> None:
        """Moves both edges of each brow by what its middle line is told to, in place; moved: (468, 3) px.

        The height of a brow, the mean of both edges, stays what it was; its edges no longer part or meet. The skin
        between brow and lid takes the stretch, evenly.
        """
        piece = self.steady @ ((moved[self.upper] + moved[self.lower]) / 2.0)
        moved[self.upper] = moved[self.lower] = piece
        lid = moved[self.lid]
        moved[self.crease] = lid + self.crease_even * (piece - lid)
        moved[self.lash] += _LASH_EVEN * (lid + self.lash_even * (piece - lid) - moved[self.lash])

    def hold(self, moved: Float) -> None:
        """Takes the hair below the edge of a rising brow along, in place; moved: (N, 3) px, of the subdivided mesh.

        Not of a falling one: there the skin has no room to give.
        """
        middle, edge = self.below.T
        rise = np.minimum(moved[edge] @ self.down, 0.0)
        behind = np.clip((moved[edge] - moved[middle]) @ self.down, rise, 0.0)
        moved[middle] += (self.hair * behind)[:, None] * self.down


def _polynomial(line: Double) -> Double:
    """(5, 5) what makes of five values along a line (5, 2) the nearest polynomial."""
    steps = np.linalg.norm(np.diff(line, axis=0), axis=1)
    along = np.concatenate([[0.0], np.cumsum(steps)]) / max(float(steps.sum()), 1e-6)
    powers = np.vander(along, _BEND + 1)
    return np.asarray(powers @ np.linalg.pinv(powers))


def plain_skin(canvas: Canvas, points: tuple[int, ...], above_mm: tuple[float, ...] = (0.0, 2.5)) -> Double:
    """How much the picture so far above each point is skin (1) and nothing dark (0): a low brow, glasses, a shadow."""
    reach = max(1, round(_BROW_PATCH_MM * canvas.mm))
    light = cv2.blur(canvas.image, (2 * reach + 1, 2 * reach + 1)).mean(axis=2) / max(float(canvas.skin.mean()), 1.0)
    shares = np.ones(len(points))
    for up in above_mm:
        at = np.rint(canvas.landmarks[list(points)] - up * canvas.mm * canvas.down).astype(int)
        rows, columns = (np.clip(at[:, axis], 0, light.shape[1 - axis] - 1) for axis in (1, 0))
        shares = np.minimum(shares, smoothstep(*_BROW_LUMA, light[rows, columns]))
    return np.convolve(np.pad(shares, 2, "edge"), np.full(5, 0.2), "valid")  # or single points would draw streaks
