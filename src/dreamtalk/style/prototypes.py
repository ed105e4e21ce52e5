"""Facial-action prototypes of emotions, written in ARKit blendshape weights.

After the Facial Action Coding System's emotion prototypes (Ekman and Friesen; action units in the comments). They are
shapes, not manners of speaking: training mixes them into the motion of neutral talkers so that the denoiser learns to
carry any expression of a style clip into speech.
"""

from __future__ import annotations

import numpy as np

from dreamtalk.face.arkit import ARKIT, weights
from dreamtalk.types import Float

PROTOTYPES: dict[str, dict[str, float]] = {
    # AU 6 + 12
    "happy": {"mouthSmile": 0.7, "cheekSquint": 0.6, "eyeSquint": 0.3},
    # AU 1 + 4 + 15 + 17
    "sad": {"browInnerUp": 0.7, "browDown": 0.2, "mouthFrown": 0.6, "mouthShrugLower": 0.4},
    # AU 4 + 5 + 7 + 23
    "angry": {"browDown": 0.9, "eyeWide": 0.2, "eyeSquint": 0.5, "mouthPress": 0.5,
              "noseSneer": 0.4},
    # AU 1 + 2 + 4 + 5 + 20
    "fear": {"browInnerUp": 0.9, "browOuterUp": 0.5, "browDown": 0.2, "eyeWide": 0.7,
             "mouthStretch": 0.6},
    # AU 9 + 10 + 16
    "disgusted": {"noseSneer": 0.9, "mouthUpperUp": 0.5, "browDown": 0.5,
                  "mouthFrown": 0.3},
    # AU 12 + 14, one side
    "contempt": {"mouthSmileLeft": 0.4, "mouthDimpleLeft": 0.7, "mouthPressLeft": 0.3, "browOuterUpRight": 0.2},
    # AU 1 + 2 + 5 + 26
    "surprised": {"browInnerUp": 0.9, "browOuterUp": 0.9, "eyeWide": 0.7, "jawOpen": 0.15},
}  # fmt: skip

_RANDOM_ACTIONS = (
    "browDown", "browInnerUp", "browOuterUp", "eyeSquint", "eyeWide", "cheekSquint", "cheekPuff", "jawForward",
    "jawLeft", "jawRight", "jawOpen", "mouthDimple", "mouthFrown", "mouthFunnel", "mouthPucker", "mouthLeft",
    "mouthRight", "mouthLowerDown", "mouthPress", "mouthSmile", "mouthStretch", "mouthShrugLower", "mouthUpperUp",
    "noseSneer",
)  # fmt: skip
"""Actions that a random style may hold; blinks and gaze belong to nobody's style."""


def random_actions(rng: np.random.Generator) -> Float:
    """ARKit weights (52,) of a random style: usually one prototype at some strength, and a few actions of chance."""
    mixed = np.zeros(len(ARKIT), dtype=np.float32)
    if rng.random() < 0.6:
        name = list(PROTOTYPES)[rng.integers(len(PROTOTYPES))]
        mixed += rng.uniform(0.2, 1.3) * weights(**PROTOTYPES[name])
    for _ in range(rng.integers(1, 5)):
        action = _RANDOM_ACTIONS[rng.integers(len(_RANDOM_ACTIONS))]
        # The two sides of a face never move quite alike.
        mixed += rng.uniform(0.0, 0.6) * rng.uniform(0.7, 1.2, len(ARKIT)) * weights(**{action: 1.0})
    return np.asarray(np.clip(mixed, 0.0, 1.2), dtype=np.float32)
