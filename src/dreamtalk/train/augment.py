"""Style augmentation: neutral talkers made to speak in thousands of manners, so that a style clip means something.

A style is an offset of the resting face, a gain of the movements and a gain per dimension. The talk and the reference
clip of a training pair share one; the speaker's own mean mouth pose is taken out of both, so that a mean pose can only
be learned from the reference. Lips that were shut stay shut (feasibility.md, sections 7 and 8).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dreamtalk.data.statistics import measure_talkers
from dreamtalk.data.talkers import TalkingClip
from dreamtalk.face.model import FaceModel
from dreamtalk.style.closures import closures_kept
from dreamtalk.style.prototypes import random_actions
from dreamtalk.types import Float

_ACTIONS = 0.7
"""Share of styles that come from facial actions; the rest are drawn from clip statistics."""

_ACTION_STRENGTH = (0.3, 1.3)
_STATISTICS_STRENGTH = (0.5, 1.5)
_GAIN_SPREAD = 0.2
_DIMENSION_GAIN_SPREAD = 0.12
"""Standard deviations of the logarithm of the gains."""


@dataclass(frozen=True, slots=True)
class DrawnStyle:
    """offset: (E,) added to the mean pose. gain: (E,) of movements about the mean pose."""

    offset: Float
    gain: Float


class StyleAugmentation:
    """Draws styles and applies them to clips."""

    no_style_share = 0.2
    """Share of training talks without any style; they go with the null style code."""

    def __init__(self, talkers: list[TalkingClip], face_model: FaceModel) -> None:
        self._face_model = face_model
        self.aperture = face_model.measure("aperture")
        measured = measure_talkers((t for t in talkers if not t.rest), self.aperture)
        self._speaker_mean = measured.speaker_means
        between = np.stack(list(self._speaker_mean.values()))
        self.mean = between.mean(axis=0).astype(np.float32)
        # How the mean pose differs from clip to clip and from speaker to speaker.
        own = np.stack([self._speaker_mean[owner] for owner in measured.owners])
        between = between - self.mean
        within = np.cov((measured.clip_means - own).T, bias=True)  # a single clip spreads by nothing
        covariance = within + between.T @ between / len(between)
        values, vectors = np.linalg.eigh(covariance)
        self._spread = (vectors * np.sqrt(np.clip(values, 0.0, None))).astype(np.float32)
        # How a mouth opens by 1 % iod, upper face left out.
        direction = measured.opening.copy()
        direction[list(face_model.upper)] = 0.0
        self.opening = (direction / (direction @ self.aperture)).astype(np.float32)

    @property
    def none(self) -> DrawnStyle:
        """The population's mean pose and its own movements."""
        return DrawnStyle(np.zeros_like(self.mean), np.ones_like(self.mean))

    def draw(self, rng: np.random.Generator) -> DrawnStyle:
        """A random style."""
        size = len(self.mean)
        offset = self._spread @ rng.standard_normal(size).astype(np.float32)
        if rng.random() < _ACTIONS:
            actions = self._face_model.from_arkit(random_actions(rng))
            offset = 0.5 * offset + rng.uniform(*_ACTION_STRENGTH) * actions
        else:
            offset = rng.uniform(*_STATISTICS_STRENGTH) * offset
        gain = np.exp(rng.normal(0.0, _GAIN_SPREAD) + rng.normal(0.0, _DIMENSION_GAIN_SPREAD, size))
        return DrawnStyle(offset.astype(np.float32), gain.astype(np.float32))

    def apply(self, talker: TalkingClip, style: DrawnStyle) -> Float:
        """The clip's expression (T, E) spoken in that style, by nobody in particular, with its lip closures kept."""
        own = self._speaker_mean[talker.speaker]
        styled = self.mean + style.offset + style.gain * (talker.expression - own)
        return closures_kept(styled, talker.closure, self.aperture, self.opening)
