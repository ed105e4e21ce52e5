"""The default renderer: warps the portrait by the tracked face mesh and paints what the photo does not show."""

from dreamtalk.render.mesh.animator import MeshAnimator, MeshRenderer

__all__ = ["MeshAnimator", "MeshRenderer"]
