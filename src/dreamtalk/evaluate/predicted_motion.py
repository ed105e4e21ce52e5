"""MD of a style predictor: is what is said in the predicted style the right motion? (paper IV-C, Table V)"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dreamtalk.data.cache import make_features
from dreamtalk.data.manifest import is_prepared
from dreamtalk.data.shards import read_shards
from dreamtalk.data.talkset import read_talkset
from dreamtalk.evaluate.metrics.motion_distance import motion_distance
from dreamtalk.motion.model import MotionModel
from dreamtalk.train.style_pairs import Utterance
from dreamtalk.types import Float, SpeechFeatures, Style

_SEED = 0
"""Of what speech and style leave open in the motion: the same for all, so that it is no distance."""


@dataclass(frozen=True)
class PredictedMotion:
    """Utterances for the motion model to say. rows: (M,) their numbers. right: (T, E) each, the motion to come near."""

    model: MotionModel
    rows: NDArray[np.intp]
    heard: tuple[SpeechFeatures, ...]
    right: tuple[Float, ...]

    @classmethod
    def of(
        cls, data: Path, cache: Path, utterances: Sequence[Utterance], fitting: Float, model: MotionModel, most: int
    ) -> PredictedMotion:
        """At most so many of the utterances, evenly chosen.

        fitting: (U, D) codes of faces that go with them. In a prepared folder the right motion is the real one, as in
        the paper. Voices of a talkset were not filmed: there it is what the same model says in the fitting style.
        """
        count = min(most, len(utterances))
        rows = np.unique(np.linspace(0, len(utterances) - 1, count).round().astype(np.intp))
        names = [utterances[row].id for row in rows]
        if is_prepared(data):
            clips = {h.info.id: h for h in read_shards(data) if h.info.id in names}
            features = [np.asarray(clips[name].array("features"), np.float32) for name in names]
            right = tuple(np.asarray(clips[name].array("expression"), np.float32) for name in names)
            return cls(model, rows, _heard(features, model), right)
        talks = {clip.id: clip for clip in read_talkset(data)}
        features = list(make_features([talks[name] for name in names], cache / "features", model.config.encoder))
        said = cls(model, rows, _heard(features, model), ())
        return cls(model, rows, said.heard, tuple(said.in_styles(fitting)))

    def in_styles(self, codes: Float) -> list[Float]:
        """(T, E) each: the utterances said in styles (U, D), one for each of all utterances."""
        return [
            self.model.generate(heard, Style(code, "predicted"), len(heard.values) // 2, seed=_SEED)
            for heard, code in zip(self.heard, codes[self.rows], strict=True)
        ]

    def distances(self, codes: Float) -> Float:
        """(M,) MD of these styles (U, D)."""
        found = []
        for made, right in zip(self.in_styles(codes), self.right, strict=True):
            frames = min(len(made), len(right))  # features and frames of a clip may end 20 ms apart
            found.append(motion_distance(made[:frames], right[:frames]))
        return np.array(found, np.float32)


def _heard(features: Sequence[Float], model: MotionModel) -> tuple[SpeechFeatures, ...]:
    return tuple(SpeechFeatures(values, model.config.encoder) for values in features)
