"""Motion to frames: the Renderer protocol, and the mesh renderer that is the default."""

from __future__ import annotations

from typing import Protocol

from dreamtalk.render.mesh import MeshRenderer
from dreamtalk.types import Float, Image, Portrait

__all__ = ["Animator", "MeshRenderer", "Renderer"]


class Animator(Protocol):
    """A portrait that is ready to move."""

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the frames, px; both even."""

    def frame(self, expression: Float, rotation: Float, translation: Float, gaze: Float) -> Image:
        """One frame (H, W, 3) uint8 RGB of a Motion.

        expression: (E,). rotation: (3,) rad. translation: (3,) iod. gaze: (4,) iod.
        """


class Renderer(Protocol):
    """Prepares portraits; the slow part happens once per portrait."""

    def prepare(self, portrait: Portrait, size: int | None = None) -> Animator:
        """size: None keeps the photo's own size, a number gives a square of that many px around the head."""
