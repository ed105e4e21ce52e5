"""Speech to face motion: the diffusion model, and what makes its motion natural."""

from dreamtalk.motion.model import MotionModel

__all__ = ["MotionModel"]
