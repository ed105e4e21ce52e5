"""Tongue and lips that speech tells of and the motion model does not: th, l, n, t, d; f, v; p, b, m.

The reader (reader.py) hears which of them is spoken. Here its probabilities become gestures, smooth in time and without
lag, and gestures become expression: the lower lip under the upper teeth for f and v, lips that surely meet and are
rolled in a little for p, b and m. The tongue is a number of its own (Motion.tongue), drawn by the renderer.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dreamtalk.face.arkit import weights
from dreamtalk.face.model import FaceModel
from dreamtalk.motion.reader import BILABIAL, FEATURES_PER_FRAME, GROUPS, LABIODENTAL, ArticulationReader
from dreamtalk.types import Float, SpeechFeatures

_KERNEL = np.array([1, 2, 3, 2, 1], np.float32) / 9.0
"""Weights of the features (20 ms) around a frame's own: a phone of 80 ms is a bump of three to five frames."""

_FROM, _FULL = 0.15, 0.75
"""Smoothed probabilities at which a gesture begins and is complete; between them it is a smoothstep."""

_RAISED = {"th": 1.0, "l": 1.0, "n": 0.8, "t d": 0.6}
"""How far each group raises the tip of the tongue to where it can be seen. For n, t and d it is behind the teeth."""

_BITE_APERTURE = 4.0
"""% iod between the lips in f and v, upper teeth on the lower lip: tracked GRID talkers have 4.5 to 4.9 in the middle
of these phones, the motion model gives strangers 1.9."""

_BITE = {"mouthRollLower": 0.3, "mouthUpperUp": 0.15}
"""ARKit actions of f and v: the lower lip goes in and under the teeth, the upper lip bares them."""

_PRESS = {"mouthRollLower": 0.12, "mouthRollUpper": 0.06}
"""ARKit actions of p, b and m. Tracked lower lips are 0.5 % iod thinner in them than the motion model's."""

_SHUT_APERTURE = 0.0
"""% iod to which lips are brought together in p, b and m, where they are further apart."""


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
        self._aperture = face.measure("aperture")
        self._opening = _lower(face.from_arkit(weights(jawOpen=1.0)), face)
        self._opening /= self._opening @ self._aperture
        self._bite = self._without_opening(_lower(face.from_arkit(weights(**_BITE)), face))
        self._press = self._without_opening(_lower(face.from_arkit(weights(**_PRESS)), face))

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
            lips=_eased(smooth[:, BILABIAL].sum(axis=1)),
            bite=_eased(smooth[:, LABIODENTAL].sum(axis=1)),
            tongue=_eased(smooth @ raised),
        )

    def shaped(self, expression: Float, gestures: Gestures) -> Float:
        """Expression (T, E) with the lips of f, v, p, b and m."""
        bitten = expression + gestures.bite[:, None] * self._bite
        now = bitten @ self._aperture
        wanted = now + gestures.bite * (_BITE_APERTURE - now)
        wanted += gestures.lips * (np.minimum(wanted, _SHUT_APERTURE) - wanted)
        shaped = bitten + (wanted - now)[:, None] * self._opening + gestures.lips[:, None] * self._press
        return np.asarray(shaped, dtype=np.float32)

    def _without_opening(self, shape: Float) -> Float:
        """A shape (E,) that leaves the aperture as it is."""
        return np.asarray(shape - (shape @ self._aperture) * self._opening, dtype=np.float32)


def _eased(probability: Float) -> Float:
    share = np.clip((probability - _FROM) / (_FULL - _FROM), 0.0, 1.0)
    return np.asarray(share * share * (3.0 - 2.0 * share), dtype=np.float32)


def _lower(expression: Float, face: FaceModel) -> Float:
    """The lower face of an expression (E,) alone."""
    kept = np.zeros_like(expression)
    kept[list(face.lower)] = expression[list(face.lower)]
    return kept
