"""What lies on bone and gristle gives way less than the face model says: nose and upper cheeks, which are who one is.

The face model's authored actions raise the cheeks by up to 10 mm and widen the nose by a fifth, and a disgusted face
gets somebody else's nose. In tracked videos of strong emotions (MEAD, two people of the training split) skin below the
eyes rises by 1 to 3 mm, and noses get 5 to 14 % wider.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dreamtalk.render.mesh import topology as topo
from dreamtalk.render.mesh.canvas import Canvas
from dreamtalk.render.mesh.drawing import Double, Index

_NOSE = np.array([1, 2, 4, 48, 49, 64, 98, 115, 131, 278, 279, 294, 327, 344, 360], np.int32)
"""Tip and wings of the nose."""
_CHEEKS = np.array([36, 50, 101, 116, 117, 118, 119, 120, 266, 280, 330, 345, 346, 347, 348, 349], np.int32)
"""Below the eyes and over the cheekbones."""
_NOSE_MM, _CHEEK_MM = (0.8, 2.0), (1.5, 3.5)
"""How far each goes as told, and how far at most."""
_NOSE_SPREAD_MM, _CHEEK_SPREAD_MM = 4.0, 8.0
"""How far around its points each reaches (standard deviation)."""


@dataclass(frozen=True, slots=True)
class FirmParts:
    """One portrait's. nose, cheeks: (468, 1) how much each point belongs to them. mm: px per mm."""

    nose: Double
    cheeks: Double
    mm: float

    @classmethod
    def of(cls, canvas: Canvas) -> FirmParts:
        """The nose and cheeks of a picture."""
        upright = (canvas.landmarks[: topo.LANDMARKS] @ canvas.rotation)[:, :2] / canvas.mm
        free = [*topo.LIP_UPPER, *topo.LIP_LOWER, *topo.LIP_OUTER, *topo.HOLES[1], *topo.HOLES[2]]

        def near(points: Index, spread_mm: float) -> Double:
            distance = np.linalg.norm(upright[:, None] - upright[points][None], axis=2).min(axis=1)
            share = np.exp(-0.5 * (distance / spread_mm) ** 2)
            share[free] = 0.0
            return np.asarray(share[:, None])

        return cls(near(_NOSE, _NOSE_SPREAD_MM), near(_CHEEKS, _CHEEK_SPREAD_MM), canvas.mm)

    def hold(self, moved: Double) -> None:
        """Small displacements stay as they are and large ones approach a limit, in place; moved: (468, 3) px."""
        for share, (plain, most) in ((self.nose, _NOSE_MM), (self.cheeks, _CHEEK_MM)):
            length = np.linalg.norm(moved[:, :2], axis=1, keepdims=True) / self.mm
            beyond = np.maximum(length - plain, 0.0)
            shown = np.minimum(length, plain) + (most - plain) * np.tanh(beyond / (most - plain))
            moved *= 1.0 - share * (1.0 - shown / np.maximum(length, 1e-9))
