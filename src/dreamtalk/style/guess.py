"""How far a face is from its own neutral, guessed without ever having seen that neutral.

Whether brows are low because somebody frowns or because they are built so cannot be known from one clip; it can be
guessed. The tracker's blendshape scores tell expression from identity well around the mouth; around eyes and brows the
shape itself tells more. Both go into one linear regression, learned on made faces (train/neutral_guess.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from safetensors.numpy import load_file

from dreamtalk import assets
from dreamtalk.face.align import FACE_POINTS, align
from dreamtalk.face.model import FaceModel
from dreamtalk.types import Float

GUESS = "neutral-guess-mesh64"
"""Asset: the regression, made by train/neutral_guess.py."""


@dataclass(frozen=True)
class NeutralGuess:
    """scores: (104, 64) of score_terms. shape: (1404, U) of the aligned face less the mean face, flattened, for the
    upper face alone. bias: (64,). talk: (64,) the mean pose of people who talk in neutral, relative to their resting
    faces."""

    scores: Float
    shape: Float
    bias: Float
    talk: Float

    def offset(self, landmarks: Float, blendshapes: Float, face: FaceModel) -> Float:
        """(64,) by which the mean pose of landmarks (T, 478, 3) px with blendshapes (T, 52) is likely to differ from
        the same person's in neutral talk."""
        aligned, _ = align(landmarks, face.mean)
        shape = (aligned[:, :FACE_POINTS].mean(axis=0) - face.mean).reshape(-1)
        offset = score_terms(blendshapes) @ self.scores + self.bias
        offset[list(face.upper)] += shape @ self.shape
        return np.asarray(offset, dtype=np.float32)


def score_terms(blendshapes: Float) -> Float:
    """(104,) what is read of scores (T, 52): their means, and the roots of these, because small scores tell much."""
    mean = blendshapes.mean(axis=0)
    return np.concatenate([mean, np.sqrt(np.clip(mean, 0.0, None))])


@lru_cache
def neutral_guess() -> NeutralGuess:
    """The shipped regression."""
    return NeutralGuess(**{name: value.astype(np.float32) for name, value in load_file(assets.path(GUESS)).items()})
