"""How a face lives in each named style: blinks, eyes, brow accents, nods, how far and how fast the head moves.

Authored. Measured is only that angry and happy talkers move their heads about twice as fast as calm ones, and that
angry ones blink about half as often (docs/natural_motion.md); half of that is taken, for the mesh renderer shows small
turns only. The rest is what people agree on: sad is slow and looks down, fear glances about, anger stares.
"""

from __future__ import annotations

import numpy as np

from dreamtalk.style.timeline import mixed_liveliness
from dreamtalk.types import Liveliness

LIVELINESS: dict[str, Liveliness] = {
    "angry": Liveliness(
        blink_rate=0.5, glance_rate=0.3, brow_accent=0.6, nod=1.4, head_range=1.3, head_pace=1.3, head_drop=2.0
    ),
    "contempt": Liveliness(
        blink_rate=0.8, gaze_pace=0.8, brow_accent=0.7, nod=0.7, head_range=0.9, head_pace=0.8, head_drop=-1.5
    ),
    "disgusted": Liveliness(glance_rate=1.6, brow_accent=0.6, nod=0.8, head_pace=0.9, head_drop=-1.0),
    "fear": Liveliness(
        blink_rate=1.4, gaze_pace=1.5, glance_rate=2.0, nod=0.6, head_range=0.8, head_pace=1.4, head_drop=-0.5
    ),
    "happy": Liveliness(
        blink_rate=1.1, gaze_pace=1.1, brow_accent=1.2, nod=1.3, head_range=1.3, head_pace=1.2, head_drop=-0.5
    ),
    "sad": Liveliness(
        blink_rate=0.8,
        gaze_pace=0.6,
        glance_rate=1.5,
        brow_accent=0.5,
        nod=0.6,
        head_range=0.7,
        head_pace=0.6,
        head_drop=3.0,
        gaze_drop=3.0,
    ),
    "surprised": Liveliness(
        blink_rate=0.6, glance_rate=0.5, brow_accent=1.4, head_range=1.1, head_pace=1.2, head_drop=-1.0
    ),
    "calm": Liveliness(
        blink_rate=0.85, gaze_pace=0.8, glance_rate=0.8, brow_accent=0.7, nod=0.7, head_range=0.7, head_pace=0.7
    ),
    "excited": Liveliness(
        blink_rate=1.3, gaze_pace=1.3, brow_accent=1.7, nod=1.6, head_range=1.6, head_pace=1.4, head_drop=-0.5
    ),
    "serious": Liveliness(
        blink_rate=0.8, gaze_pace=0.9, glance_rate=0.6, brow_accent=0.7, head_range=0.8, head_pace=0.85, head_drop=0.8
    ),
    "warm": Liveliness(gaze_pace=0.9, glance_rate=0.8, brow_accent=1.1, nod=1.1, head_pace=0.85, head_drop=0.5),
}
"""Of the named styles at level 2 and intensity 1; a name that is not here lives as usual."""


def liveliness_of(name: str, share: float = 1.0) -> Liveliness:
    """The liveliness of a named style. share: how much of it, 1 at level 2."""
    return mixed_liveliness([LIVELINESS.get(name, Liveliness())], np.array([share]))
