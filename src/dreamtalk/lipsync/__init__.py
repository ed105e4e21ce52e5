"""The lip expert, which teaches the denoiser to keep lips right under any style."""

from dreamtalk.lipsync.expert import LipExpert, LipExpertConfig

__all__ = ["LipExpert", "LipExpertConfig"]
