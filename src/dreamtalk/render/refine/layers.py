"""A frame with its layers apart: what the refinement is trained on and measured against."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dreamtalk.render.mesh.animator import ExpressionSpace, MeshAnimator
from dreamtalk.render.mesh.canvas import make_canvas
from dreamtalk.render.mesh.geometry import Shape
from dreamtalk.types import Float, Image, Portrait


@dataclass(frozen=True, slots=True)
class Layers:
    """Pictures (H, W, 3). rigid: the photo moved with the head, without expression. warped: the skin warped, nothing
    painted. drawn: with mouth and eyes, as the renderer shows it. shape: the mesh of the last two.
    """

    rigid: Image
    warped: Image
    drawn: Image
    shape: Shape


class LayeredAnimator(MeshAnimator):
    """The mesh renderer of one portrait in its own size, which also shows what it had before it painted."""

    def __init__(self, portrait: Portrait, space: ExpressionSpace) -> None:
        """The portrait's own expression is zero: motion is relative to it."""
        super().__init__(make_canvas(portrait, None), space, np.zeros_like(portrait.landmarks[:468]))

    def layers(self, expression: Float, rotation: Float, gaze: Float) -> Layers:
        """One frame, the head turned on the spot. expression: (E,). rotation: (3,) rad. gaze: (4,) iod."""
        still = np.zeros(3, np.float32)
        displacement, closure = self._space.displacement(expression), self._space.lid_closure(expression)
        turned = self._shape(np.zeros_like(displacement), np.zeros_like(closure), rotation, still)
        shape = self._shape(displacement, closure, rotation, still)
        self._paint_lids(np.zeros_like(closure))
        rigid, warped = self._warp(turned), self._warp(shape)
        drawn = self.frame_of(displacement, closure, rotation, still, gaze)
        return Layers(rigid, warped, drawn, shape)
