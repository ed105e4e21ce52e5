"""Lips that were shut stay shut, whatever style is put on a talk: in training as in the named styles."""

from __future__ import annotations

import numpy as np

from dreamtalk.face.arkit import weights
from dreamtalk.face.model import FaceModel
from dreamtalk.types import Float

CLOSURE_SCALE = 2.0
"""% iod: an aperture this small is worth restoring at weight exp(-1)."""


def closures_kept(styled: Float, wanted: Float, aperture: Float, opening: Float) -> Float:
    """The styled talk (T, E), its lips put back to the aperture `wanted` (T,) % iod where that is small.

    aperture: (E,) as FaceModel.measure("aperture"). opening: (E,) how a mouth opens by 1 % iod.
    """
    shut = np.exp(-((wanted / CLOSURE_SCALE) ** 2))
    missing = wanted - styled @ aperture
    return np.asarray(styled + (shut * missing)[:, None] * opening, dtype=np.float32)


def opening_of(face: FaceModel) -> Float:
    """(E,) opens the mouth by 1 % iod and leaves brows and eyes alone."""
    opening = face.from_arkit(weights(jawOpen=1.0))
    opening[list(face.upper)] = 0.0
    return np.asarray(opening / (opening @ face.measure("aperture")), dtype=np.float32)
