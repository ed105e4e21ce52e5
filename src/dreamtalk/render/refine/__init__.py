"""A small learned refinement of mouth and eyes on top of the mesh renderer. Off by default: see docs/refinement.md."""

from __future__ import annotations

from dreamtalk.render.refine.network import RefineConfig, RefineNetwork
from dreamtalk.render.refine.refiner import Refiner

__all__ = ["RefineConfig", "RefineNetwork", "Refiner"]
