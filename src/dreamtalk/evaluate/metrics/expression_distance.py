"""Is the range of expressions that of the real video? A Fréchet distance of expression coefficients."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dreamtalk.evaluate.scoring import Metric
from dreamtalk.types import Float

METRIC = Metric(
    name="expression_frechet",
    title="expression Fréchet",
    unit="",
    span="0 and more",
    good="near 0",
    definition="Fréchet distance between normal distributions fitted to the expression coefficients (face space "
    "mesh64, each relative to its own person's neutral) of all frames of the clip and of the real one.",
    reference="After EMO's E-FID, which takes Deep3DFaceRecon's coefficients over a whole set: not comparable with it. "
    "The distance over all clips together stands in the notes. Two real clips of 3 s of one GRID speaker, other words: "
    "0.12; of two speakers: 0.19; 20 clips against 20 of one speaker: 0.006.",
    pitfalls="Not unbiased: few frames make it large (75 frames drawn twice from the same pool are 0.025 apart, "
    "1500 are 0.0015), so compare rows of the same length alone, and the whole set with what two halves of the "
    "real videos are apart. It lies where neutrals differ: each is found in its own clip, so that a face that smiles "
    "throughout has a smiling neutral. Blind to the order of frames: shuffled frames score 0.",
)


def frechet_distance(made: Float, truth: Float) -> float:
    """Between rows (N, D) and (M, D): |m1 - m2|² + tr(C1 + C2 - 2 (C1 C2)^½). nan below two rows.

    The trace of the root is taken from eigenvalues of C1^½ C2 C1^½, which is symmetric and never complex.
    """
    if min(len(made), len(truth)) < 2:
        return float("nan")
    a, b = made.astype(np.float64), truth.astype(np.float64)
    first, second = np.atleast_2d(np.cov(a, rowvar=False)), np.atleast_2d(np.cov(b, rowvar=False))
    root = _root(first)
    cross = np.sqrt(np.clip(np.linalg.eigvalsh(root @ second @ root), 0, None)).sum()
    shift = float(((a.mean(axis=0) - b.mean(axis=0)) ** 2).sum())
    return max(0.0, float(shift + np.trace(first) + np.trace(second) - 2 * cross))


def _root(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """Square root of a symmetric matrix without negative eigenvalues."""
    values, vectors = np.linalg.eigh(matrix)
    return np.asarray((vectors * np.sqrt(np.clip(values, 0, None))) @ vectors.T)
