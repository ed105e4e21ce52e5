"""The linear algebra behind mesh64: masks, weights, authored combinations and weighted PCA.

The covariance that the PCA sees is a sum of two sources, so that 64 dimensions serve people who do what the clean clips
never show: tracked talkers (fine lip shape, lids) and authored ARKit actions with their combinations (emotion).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dreamtalk.face.align import FACE_POINTS, canonical_face
from dreamtalk.face.arkit import ARKIT, ARKIT_INDEX
from dreamtalk.face.measures import (
    BROWS,
    CREASE_ROWS,
    EYES,
    INNER_LIP_LOWER,
    INNER_LIP_UPPER,
    LASH_ROWS,
    LIPS,
    LOWER_LID_LEFT,
    LOWER_LID_RIGHT,
    UPPER_LID_LEFT,
    UPPER_LID_RIGHT,
)
from dreamtalk.types import Float

Matrix = NDArray[np.float64]
SIZE = FACE_POINTS * 3

_REGION_WEIGHTS = ((LIPS, 3.0), (EYES, 3.0), (BROWS, 2.0))
_FACE_WEIGHT = 0.5
_DEPTH_WEIGHT = 0.25
"""Factors on coordinates (feasibility study: with them 64 dimensions hold 0.9996 of lip and 0.996 of brow variance)."""

_SEAM, _SEAM_WIDTH = 0.20, 0.16
"""Height below the eye line, and half width, in iod, over which the upper face hands over to the lower."""

_FIELD_GROUPS = ("brow", "eye", "cheek", "jaw", "mouth", "nose")


def point_weights() -> Float:
    """(468, 3) factors of the PCA and of every fit: lips, eyes and brows matter, depth is noisy."""
    weight = np.full((FACE_POINTS, 3), _FACE_WEIGHT, dtype=np.float32)
    for points, value in _REGION_WEIGHTS:
        weight[list(points)] = value
    weight[:, 2] *= _DEPTH_WEIGHT
    return weight


def upper_mask(mean: Float) -> Float:
    """(468,) 1 in the upper face (brows, lids, forehead), 0 in the lower, smooth between; lower is 1 minus this."""
    eye_line = mean[[33, 133, 263, 362], 1].mean()
    ramp = np.clip((mean[:, 1] - eye_line - _SEAM + _SEAM_WIDTH) / (2 * _SEAM_WIDTH), 0, 1)
    mask = 1 - ramp * ramp * (3 - 2 * ramp)
    mask[list(EYES)] = 1
    return np.asarray(mask, dtype=np.float32)


def mirror_points() -> NDArray[np.int64]:
    """(468,) the point on the other half of the face."""
    face = canonical_face()
    centred = face - [face[4, 0], 0, 0]
    flipped = centred * [-1, 1, 1]
    return np.asarray(np.linalg.norm(flipped[:, None] - centred[None], axis=-1).argmin(axis=1))


def mirrored(displacement: Float) -> Float:
    """Displacements (..., 468, 3) of the same motion seen in a mirror."""
    return np.asarray(displacement[..., mirror_points(), :] * np.array([-1, 1, 1], np.float32), dtype=np.float32)


def symmetric_actions(actions: Float) -> Float:
    """ARKit actions (52, 468, 3) with left and right exact mirror images of each other."""
    other = [ARKIT_INDEX[other_side(name)] for name in ARKIT]
    return np.asarray((actions + mirrored(actions)[other]) / 2, dtype=np.float32)


def other_side(name: str) -> str:
    """The ARKit action on the other half of the face; itself when it has no side."""
    for side, other in (("Left", "Right"), ("Right", "Left")):
        if name.endswith(side):
            return name.removesuffix(side) + other
    return name


def shut_lids(actions: Float, mean: Float) -> Float:
    """The actions with eyeBlink replaced by lids that meet exactly on the mean face.

    The authored shapes were made for another head and overshoot. The upper lid does 88 % of the way; the lash row
    follows it by 95 %, the crease by 50 % (set by eye on portraits for the renderer).
    """
    out: Float = actions.copy()
    half = len(LASH_ROWS) // 2
    sides = (
        ("eyeBlinkRight", UPPER_LID_RIGHT, LOWER_LID_RIGHT, LASH_ROWS[:half], CREASE_ROWS[:half]),
        ("eyeBlinkLeft", UPPER_LID_LEFT, LOWER_LID_LEFT, LASH_ROWS[half:], CREASE_ROWS[half:]),
    )
    for name, upper, lower, lash, crease in sides:
        gap = mean[list(lower)] - mean[list(upper)]
        shape = np.zeros((FACE_POINTS, 3), dtype=np.float32)
        shape[list(upper)] = 0.88 * gap
        shape[list(lower[1:-1])] = -0.12 * gap[1:-1]
        shape[list(lash)] = 0.95 * 0.88 * gap
        shape[list(crease)] = 0.5 * 0.88 * gap
        out[ARKIT_INDEX[name]] = shape
    return out


def parted_lips(actions: Float, mean: Float) -> Float:
    """The actions without lips that pass through each other on the mean face, both sides of an action taken together.

    The authored shapes were made for other lips; what crosses is given back, half to the upper, half to the lower lip.
    """
    upper, lower = list(INNER_LIP_UPPER[1:-1]), list(INNER_LIP_LOWER[1:-1])
    out: Float = actions.copy()
    for index, name in enumerate(ARKIT):
        other = ARKIT_INDEX[other_side(name)]
        sides = 1 if other == index else 2
        face = mean + actions[index] + (actions[other] if sides == 2 else 0)
        crossing = np.maximum(0, face[upper, 1] - face[lower, 1]) if name != "mouthClose" else np.zeros(len(upper))
        out[index, upper, 1] -= crossing / (2 * sides)
        out[index, lower, 1] += crossing / (2 * sides)
    return out


def random_actions(count: int, rng: np.random.Generator) -> Float:
    """ARKit weights (count, 52) of plausible faces: few actions at once, mostly alike on both sides."""
    stems = sorted({name.removesuffix("Left").removesuffix("Right") for name in ARKIT if "Look" not in name})
    weights = np.zeros((count, len(ARKIT)), dtype=np.float32)
    for row in weights:
        for group in _FIELD_GROUPS:
            members = [s for s in stems if s.startswith(group)]
            for stem in rng.permutation(members)[: rng.integers(0, 3)]:
                amount = rng.uniform(0, 1)
                tilt = rng.uniform(-1, 1) if rng.random() < 0.35 else 0.0
                for side, factor in (("", 1.0), ("Left", 1 - max(tilt, 0)), ("Right", 1 + min(tilt, 0))):
                    if stem + side in ARKIT_INDEX:
                        row[ARKIT_INDEX[stem + side]] = amount * factor
    return weights


def covariance(displacement: Float | Matrix, weights: Float | None = None) -> Matrix:
    """Second moments (1404, 1404) about the neutral of displacements (F, 468, 3)."""
    flat = displacement.reshape(len(displacement), SIZE).astype(np.float64)
    scale = np.ones(len(flat)) if weights is None else weights.astype(np.float64)
    return np.asarray((flat * scale[:, None]).T @ flat / scale.sum())


def weighted_pca(moments: Matrix, mask: Float, weight: Float, size: int) -> tuple[Float, Matrix]:
    """Basis (size, 468, 3) of masked displacements, orthonormal in weighted coordinates, and its variances (size,)."""
    factor = (mask[:, None] * weight).reshape(-1).astype(np.float64)
    values, vectors = np.linalg.eigh(moments * factor[:, None] * factor[None, :])
    vectors = vectors[:, ::-1][:, :size].T
    largest = np.abs(vectors).argmax(axis=1)
    vectors *= np.sign(vectors[np.arange(size), largest])[:, None]  # the sign of an eigenvector is arbitrary: fix it
    basis = (vectors / weight.reshape(-1)).reshape(size, FACE_POINTS, 3)
    return basis.astype(np.float32), values[::-1][:size]


def combined(sources: list[tuple[Matrix, float]], mask: Float, weight: Float) -> Matrix:
    """Sum of covariances, each scaled so that its weighted, masked variance is the given share."""
    factor = ((mask[:, None] * weight).reshape(-1).astype(np.float64)) ** 2
    total = np.zeros((SIZE, SIZE))
    for moments, share in sources:
        total += share / float(np.diag(moments) @ factor) * moments
    return total
