"""Files of other programs: motion in and out, official checkpoints in.

`read_motion` and `export_motion` know every kind of motion file (docs/motion_formats.md).
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dreamtalk.convert.motion_files import MOTION_INPUTS, MOTION_OUTPUTS, export_motion, read_motion

__all__ = ["MOTION_INPUTS", "MOTION_OUTPUTS", "export_motion", "read_motion"]


def __getattr__(name: str) -> Any:
    """Loaded when asked for: face.bfm64 needs convert.matlab, and motion files need face.bfm64."""
    if name in __all__:
        return getattr(import_module("dreamtalk.convert.motion_files"), name)
    raise AttributeError(name)
