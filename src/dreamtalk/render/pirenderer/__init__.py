"""PIRenderer: frames painted by a network from one portrait and windows of motion coefficients."""

from dreamtalk.render.pirenderer.config import NetworkConfig
from dreamtalk.render.pirenderer.network import PIRendererNetwork
from dreamtalk.render.pirenderer.renderer import PIAnimator, PIRenderer

__all__ = ["NetworkConfig", "PIAnimator", "PIRenderer", "PIRendererNetwork"]
