"""ARKit's 52 blendshapes: names, and how the tracker's scores relate to them."""

from __future__ import annotations

import numpy as np

from dreamtalk.face.blendshapes import BLENDSHAPES
from dreamtalk.types import Float

ARKIT: tuple[str, ...] = (*BLENDSHAPES[1:], "tongueOut")
"""The 52 names: the tracker's 51 in its order, then tongueOut, which face points cannot show (always 0)."""

ARKIT_INDEX: dict[str, int] = {name: index for index, name in enumerate(ARKIT)}


def scores_to_arkit(scores: Float) -> Float:
    """Tracker scores (..., 52), whose first is unused, in the order of ARKIT (..., 52)."""
    return np.concatenate([scores[..., 1:], np.zeros_like(scores[..., :1])], axis=-1)


def weights(**actions: float) -> Float:
    """ARKit weights (52,) from names, e.g. weights(jawOpen=0.5).

    A name without its side means both: weights(eyeBlink=1). Raises KeyError for a name that ARKit does not have.
    """
    values = np.zeros(len(ARKIT), dtype=np.float32)
    for name, value in actions.items():
        if name in ARKIT_INDEX:
            values[ARKIT_INDEX[name]] = value
        else:
            values[ARKIT_INDEX[name + "Left"]] = values[ARKIT_INDEX[name + "Right"]] = value
    return values
