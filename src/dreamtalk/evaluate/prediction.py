"""How well does the style predictor hear? Emotion and distance of the styles it predicts for speech it never heard."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dreamtalk.evaluate.metrics.style_code_distance import code_distance
from dreamtalk.face.model import FaceModel
from dreamtalk.motion.model import MotionModel
from dreamtalk.style.around import REACH, Surroundings
from dreamtalk.style.library import LEVELS, STYLES, named_style
from dreamtalk.style.predictor import StylePredictor, densest
from dreamtalk.style.speech_style import DRAWS
from dreamtalk.train.style_pairs import Face, Utterance
from dreamtalk.types import Float

_DERANGEMENT_SEED = 1
_QUICK_DRAWS = 4
"""Draws for each utterance while a training goes on."""


@dataclass(frozen=True, slots=True)
class Judged:
    """One row per utterance. emotion, heard: (U,) index into `emotions` of what was acted, and of the named style
    nearest to the predicted code. single: (U,) the same for one draw in place of the densest of several. code: (U, D)
    the predicted codes. distance: (U,) style code distance (SCD) from them to those of the faces that go with the
    utterance, mean.
    """

    emotions: tuple[str, ...]
    emotion: NDArray[np.int64]
    heard: NDArray[np.int64]
    single: NDArray[np.int64]
    code: Float
    distance: Float

    @property
    def confusion(self) -> NDArray[np.int64]:
        """(K, K) how often emotion (row) was heard as (column)."""
        table = np.zeros((len(self.emotions),) * 2, np.int64)
        np.add.at(table, (self.emotion, self.heard), 1)
        return table


class Judge:
    """Utterances with the faces that go with them, ready to be compared with what a predictor says."""

    def __init__(
        self, utterances: Sequence[Utterance], faces: Sequence[Face], model: MotionModel, face_model: FaceModel
    ) -> None:
        self._utterances, self._faces = list(utterances), faces
        self._model, self._face_model = model, face_model
        self.emotions = tuple(name for name in STYLES if name in {u.emotion for u in utterances})
        names = [n if n == "neutral" else f"{n}:{level}" for n in self.emotions for level in LEVELS]
        self._codes = np.stack([named_style(name, model, face_model).code for name in names])
        self._owners = np.repeat(np.arange(len(self.emotions)), len(LEVELS))

    def score(self, predictor: StylePredictor) -> dict[str, float]:
        """Shares of emotions heard right (densest of several draws, single draw), and the mean distance."""
        judged = self.judge(predictor, draws=_QUICK_DRAWS)
        return {
            "emotion": round(float((judged.heard == judged.emotion).mean()), 4),
            "emotion_single": round(float((judged.single == judged.emotion).mean()), 4),
            "distance": round(float(judged.distance.mean()), 3),
        }

    def judge(self, predictor: StylePredictor, shuffled: bool = False, seed: int = 0, draws: int = DRAWS) -> Judged:
        """What the predictor says of every utterance. shuffled: of the sound of another one, drawn by chance."""
        rng = np.random.default_rng(seed)
        count = len(self._utterances)
        source = np.arange(count)
        if shuffled:
            source = np.random.default_rng(_DERANGEMENT_SEED).permutation(count)
        portraits = np.stack([self._portrait(u, rng) for u in self._utterances])
        speech = [self._utterances[i].versions[0].astype(np.float32) for i in source]
        codes = predictor.draw(speech, portraits, draws, seed)
        around = Surroundings(predictor, self._model, self._face_model)
        codes = around.followed(codes.reshape(-1, codes.shape[2])).reshape(codes.shape)
        chosen = np.stack([drawn[densest(drawn, REACH)] for drawn in codes])
        distance = [self._distance(code, u) for code, u in zip(chosen, self._utterances, strict=True)]
        return Judged(
            self.emotions,
            np.array([self.emotions.index(u.emotion) for u in self._utterances]),
            self._nearest(chosen),
            self._nearest(codes[:, 0]),
            chosen,
            np.array(distance, np.float32),
        )

    def floor(self) -> Float:
        """(U,) the distance of a perfect prediction: from one of the faces that go with an utterance to the others."""
        return np.array([self._distance(self._faces[u.faces[0]].code, u) for u in self._utterances], np.float32)

    def fitting(self, nth: int = 0) -> Float:
        """(U, D) the code of one of the faces that go with each utterance."""
        return np.stack([self._faces[u.faces[nth % len(u.faces)]].code for u in self._utterances])

    def _portrait(self, utterance: Utterance, rng: np.random.Generator) -> Float:
        others = self._faces[utterance.faces[rng.integers(len(utterance.faces))]].others
        return np.asarray(others[rng.integers(len(others))])

    def _distance(self, code: Float, utterance: Utterance) -> float:
        return code_distance(code, np.stack([self._faces[i].code for i in utterance.faces]))

    def _nearest(self, codes: Float) -> NDArray[np.int64]:
        apart = np.linalg.norm(codes[:, None] - self._codes[None], axis=2)
        return np.asarray(self._owners[apart.argmin(axis=1)])
