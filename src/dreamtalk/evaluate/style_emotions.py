"""Which emotion does a mean pose show? A linear classifier that learned it from other people's motion."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dreamtalk.errors import UnusableInput
from dreamtalk.evaluate.style_references import EMOTIONS, StyleReference, windows
from dreamtalk.style.guess import neutral_guess
from dreamtalk.types import Float

_RIDGE = 0.1
"""Chosen on the two people of the train split, each classified by the other: 0.85 and 1.00 right."""


@dataclass(frozen=True)
class EmotionClassifier:
    """weights: (65, 7), the last row for 1. Only the direction of an offset counts, not its size."""

    weights: Float

    @classmethod
    def trained(cls, references: Sequence[StyleReference]) -> EmotionClassifier:
        """On the 2 s windows of clips with a known neutral; every emotion counts alike.

        Raises UnusableInput when there are no such clips.
        """
        offsets, labels = [], []
        for reference in references:
            if reference.known is None or not reference.emotion:
                continue
            seen = windows(reference.known.expression - neutral_guess().talk)
            offsets.append(seen)
            labels += [EMOTIONS.index(reference.emotion)] * len(seen)
        if len(set(labels)) < len(EMOTIONS):
            raise UnusableInput("No clips of every emotion (and of the same people in neutral) to learn from.")
        terms = _terms(np.concatenate(offsets)).astype(np.float64)
        wanted = np.eye(len(EMOTIONS))[labels] - 1.0 / len(EMOTIONS)
        weight = 1.0 / np.bincount(labels, minlength=len(EMOTIONS))[labels]
        ridge = np.full(terms.shape[1], _RIDGE)
        ridge[-1] *= 1e-3
        normal = (terms * weight[:, None]).T @ terms + np.diag(ridge)
        return cls(np.linalg.solve(normal, (terms * weight[:, None]).T @ wanted).astype(np.float32))

    def emotions(self, offsets: Float) -> NDArray[np.int64]:
        """(N,) index in EMOTIONS of offsets (N, 64) from neutral talk."""
        return np.asarray((_terms(offsets) @ self.weights).argmax(axis=1))

    def share(self, offsets: Float, emotion: str) -> float:
        """Share of the 2 s windows of offsets (T, 64) that show the emotion; NaN when it has no name."""
        if not emotion:
            return float("nan")
        return float((self.emotions(windows(offsets)) == EMOTIONS.index(emotion)).mean())


def _terms(offsets: Float) -> Float:
    length = np.linalg.norm(offsets, axis=1, keepdims=True)
    return np.concatenate([offsets / np.maximum(length, 1e-6), np.ones_like(length)], axis=1)
