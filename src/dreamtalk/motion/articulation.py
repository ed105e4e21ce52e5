"""Tongue and lips that speech tells of and the motion model does not: th, l, n, t, d; f, v; p, b, m.

The reader (reader.py) hears which of them is spoken. Here its probabilities become gestures, smooth in time and without
lag, and gestures become expression: the lower lip under the upper teeth for f and v, lips that surely meet for p, b and
m. The tongue is a number of its own (Motion.tongue), drawn by the renderer.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dreamtalk.face.measures import MEASURES, Measure, Y
from dreamtalk.face.model import FaceModel
from dreamtalk.motion.reader import BILABIAL, FEATURES_PER_FRAME, GROUPS, LABIODENTAL, ArticulationReader
from dreamtalk.types import Float, SpeechFeatures

_KERNEL = np.array([1, 2, 3, 2, 1], np.float32) / 9.0
"""Weights of the features (20 ms) around a frame's own: a phone of 80 ms is a bump of three to five frames."""

_BITE, _SHUT, _RAISE = (0.3, 0.85), (0.75, 1.0), (0.15, 0.7)
"""Smoothed probabilities at which lower lip, both lips and tongue begin their gesture, and at which it is complete;
between them it is a smoothstep. Lips of real talkers meet for a shorter time than p, b and m are heard."""

_RAISED = {"th": 1.0, "l": 1.0, "n": 0.8, "t d": 0.6}
"""How far each group raises the tip of the tongue to where it can be seen. For n, t and d it is behind the teeth."""

_BITTEN = (
    (Measure(Y, (82, 13, 312), (6,)), -2.2),
    (Measure(Y, (37, 0, 267), (6,)), -1.2),
    (Measure(Y, (87, 14, 317), (6,)), 1.7),
    (Measure(Y, (84, 17, 314), (6,)), 2.2),
    (MEASURES["jaw"], 5.0),
)
"""Inner and outer edge of the upper lip, of the lower lip, and the chin in the middle of an f or v: % iod below where
they rest. About the mean of two means over aligned GRID talkers of the train split, s1's and all others'; the chin's is
that of s1. Upper lip up and thin, lower lip under the teeth although the jaw is down."""

_SHUT_APERTURE = 0.8
"""% iod to which lips are brought together in p, b and m where they are further apart: tracked ones have 0.5 to 1.0.
The motion model mostly does it by itself."""


@dataclass(frozen=True, slots=True)
class Gestures:
    """What tongue and lips do in each frame, 0 nothing to 1 fully. lips: (T,) pressed together, p b m. bite: (T,) lower
    lip under the upper teeth, f v. tongue: (T,) its tip raised, as in Motion.tongue."""

    lips: Float
    bite: Float
    tongue: Float


class Articulation:
    """Adds to an expression what speech says of tongue and lips. Nothing is remembered from call to call."""

    def __init__(self, reader: ArticulationReader, face: FaceModel) -> None:
        self._reader = reader
        self._heights = np.stack([measure(face.expression_basis) for measure, _ in _BITTEN], axis=1)  # (E, 5)
        self._bitten = np.array([height for _, height in _BITTEN], np.float32)
        with_width = np.concatenate([self._heights, face.measure("mouth_width")[:, None]], axis=1)
        self._to_heights = _least_change(with_width, face)[: len(_BITTEN)]  # the mouth stays as wide as it is
        self._aperture = face.measure("aperture")
        self._opening = _least_change(self._aperture[:, None], face)[0]

    @classmethod
    def load(cls, face: FaceModel) -> Articulation:
        """With the shipped reader."""
        return cls(ArticulationReader.load(), face)

    @property
    def encoder(self) -> str:
        """Whose features it hears."""
        return self._reader.config.encoder

    @property
    def reach(self) -> int:
        """Features (20 ms) heard before and after a frame's own."""
        half = len(_KERNEL) // 2
        return self._reader.config.reach + half

    def gestures(self, features: SpeechFeatures, start: int, frames: int, first_feature: int = 0) -> Gestures:
        """Gestures of frames start, start + 1, ... of a speech, given all its features, or those from first_feature on.

        Raises UnusableInput for features of another encoder.
        """
        half = len(_KERNEL) // 2
        count = FEATURES_PER_FRAME * (frames - 1) + len(_KERNEL)
        heard = self._reader.read(features, FEATURES_PER_FRAME * start - half, count, first_feature)
        around = np.lib.stride_tricks.sliding_window_view(heard, len(_KERNEL), axis=0)[::FEATURES_PER_FRAME]
        smooth = around @ _KERNEL  # (T, G)
        raised = np.array([_RAISED.get(name, 0.0) for name in GROUPS], np.float32)
        return Gestures(
            lips=_eased(smooth[:, BILABIAL].sum(axis=1), _SHUT),
            bite=_eased(smooth[:, LABIODENTAL].sum(axis=1), _BITE),
            tongue=_eased(smooth @ raised, _RAISE),
        )

    def shaped(self, expression: Float, gestures: Gestures) -> Float:
        """Expression (T, E) with the lips of f, v, p, b and m."""
        change = (self._bitten - expression @ self._heights) @ self._to_heights
        bitten = expression + gestures.bite[:, None] * change
        apart = np.maximum(bitten @ self._aperture - _SHUT_APERTURE, 0.0)
        return np.asarray(bitten - (gestures.lips * apart)[:, None] * self._opening, dtype=np.float32)


def _eased(probability: Float, limits: tuple[float, float]) -> Float:
    share = np.clip((probability - limits[0]) / (limits[1] - limits[0]), 0.0, 1.0)
    return np.asarray(share * share * (3.0 - 2.0 * share), dtype=np.float32)


def _least_change(measures: Float, face: FaceModel) -> Float:
    """(M, E) the most probable change of the lower face that changes one of M measures (E, M) by 1, the others by 0.

    Most probable under the face model's own spread of expressions: what usually moves along, moves along.
    """
    spread = np.where(np.arange(len(measures)) < face.lower_size, face.expression_std, 0.0)[:, None] ** 2 * measures
    return np.asarray(np.linalg.solve(measures.T @ spread, spread.T), dtype=np.float32)
