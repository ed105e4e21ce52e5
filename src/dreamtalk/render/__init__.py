"""Motion to frames: the Renderer protocol, and the mesh renderer that is the default.

render/pirenderer holds the other one; it is imported only where it is asked for.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, runtime_checkable

from dreamtalk.render.mesh import MeshRenderer
from dreamtalk.types import Float, FrameStream, Image, Motion, Portrait

__all__ = ["Animator", "MeshRenderer", "Renderer", "SequenceAnimator", "animate"]


class Animator(Protocol):
    """A portrait that is ready to move."""

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the frames, px; both even."""

    def frame(self, expression: Float, rotation: Float, translation: Float, gaze: Float) -> Image:
        """One frame (H, W, 3) uint8 RGB of a Motion.

        expression: (E,). rotation: (3,) rad. translation: (3,) iod. gaze: (4,) iod.
        """


@runtime_checkable
class SequenceAnimator(Animator, Protocol):
    """An animator whose frames depend on those before and after them."""

    def frames(self, motion: Iterable[Motion]) -> FrameStream:
        """Frames (H, W, 3) uint8 RGB of a motion given in one or more chunks."""


class Renderer(Protocol):
    """Prepares portraits; the slow part happens once per portrait."""

    def prepare(self, portrait: Portrait, size: int | None = None) -> Animator:
        """size: None keeps the photo's own size, a number gives a square of that many px around the head."""


def animate(animator: Animator, motion: Iterable[Motion]) -> FrameStream:
    """Frames (H, W, 3) uint8 RGB of a motion given in one or more chunks, by whatever animator."""
    if isinstance(animator, SequenceAnimator):
        return animator.frames(motion)
    return (
        animator.frame(*row)
        for chunk in motion
        for row in zip(chunk.expression, chunk.rotation, chunk.translation, chunk.gaze, strict=True)
    )
