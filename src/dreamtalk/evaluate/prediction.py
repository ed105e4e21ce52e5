"""How well does the style predictor hear? Emotion and distance of the styles it predicts for speech it never heard."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dreamtalk.evaluate.metrics.style_code_distance import code_distance
from dreamtalk.evaluate.predicted_motion import PredictedMotion
from dreamtalk.evaluate.scoring import Score, combine
from dreamtalk.face.model import FaceModel
from dreamtalk.motion.model import MotionModel
from dreamtalk.style.around import REACH, Surroundings
from dreamtalk.style.library import LEVELS, STYLES, named_style
from dreamtalk.style.predictor import StylePredictor, densest
from dreamtalk.style.speech_style import DRAWS
from dreamtalk.train.style_pairs import Face, Utterance, load_pairs
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


def evaluate_predictors(
    dataset: Path,
    files: Sequence[Path],
    cache: Path,
    clean_only: bool = True,
    seed: int = 0,
    resamples: int = 1000,
    motions: int = 60,
) -> str:
    """Tables, as Markdown, of predictors on the dev split: one row per file (none: the shipped one), the first also on
    shuffled audio and as a confusion matrix. motions: utterances that are said in the predicted styles, for MD. Raises
    UnusableInput where data or files are not usable."""
    predictors = {f.parent.name if f.stem == "model" else f.stem: StylePredictor.load(f) for f in files}
    predictors = predictors or {"shipped": StylePredictor.load()}
    model, face_model = MotionModel.load(), FaceModel.load()
    first = next(iter(predictors.values()))
    pairs = load_pairs(dataset, cache, model, face_model, first.config.stride, "dev", False, clean_only)
    judge = Judge(pairs.utterances, pairs.faces, model, face_model)
    judged = {}
    for name, predictor in predictors.items():
        predictor.check_fits(model)
        judged[name] = judge.judge(predictor, seed=seed)
    judged["shuffled audio"] = judge.judge(first, shuffled=True, seed=seed)
    spoken = PredictedMotion.of(dataset, cache, pairs.utterances, judge.fitting(), model, motions)
    lines = ["| | emotion right, % | single draw, % | SCD | MD, iod |", "|---|---|---|---|---|"]
    for name, result in judged.items():
        columns = [
            (100.0 * (result.heard == result.emotion), 1),
            (100.0 * (result.single == result.emotion), 1),
            (result.distance, 2),
            (spoken.distances(result.code), 3),
        ]
        lines.append(f"| {name} | {' | '.join(_cell(values, resamples, digits) for values, digits in columns)} |")
    floors = _cell(judge.floor(), resamples, 2), _cell(spoken.distances(judge.fitting(1)), resamples, 3)
    lines.append(f"| another face of the right style | 100 | 100 | {' | '.join(floors)} |")
    neutral = np.broadcast_to(model.neutral_style().code, judge.fitting().shape)
    lines.append(f"| the neutral style | | | | {_cell(spoken.distances(neutral), resamples, 3)} |")
    counts = f"{len(pairs.utterances)} utterances, {len(spoken.rows)} of them for MD"
    lines += ["", f"{counts}; in brackets: 95 % bootstrap interval over them.", ""]
    return "\n".join([*lines, *_confusions(next(iter(judged.values()))), "", *_by_speaker(pairs.utterances, judged)])


def _cell(values: NDArray[np.floating], resamples: int, digits: int = 1) -> str:
    estimate = combine([Score(float(value)) for value in values], "mean", resamples, 0)
    if estimate is None:
        return "none"
    return f"{estimate.value:.{digits}f} [{estimate.low:.{digits}f}, {estimate.high:.{digits}f}]"


def _confusions(judged: Judged) -> list[str]:
    lines = ["| acted \\ heard | " + " | ".join(judged.emotions) + " |", "|---" * (len(judged.emotions) + 1) + "|"]
    rows = zip(judged.emotions, judged.confusion, strict=True)
    return lines + [f"| {name} | " + " | ".join(map(str, row)) + " |" for name, row in rows]


def _by_speaker(utterances: Sequence[Utterance], judged: Mapping[str, Judged]) -> list[str]:
    """How the speakers differ, which is what the interval over utterances does not show."""
    speakers = np.array([u.speaker for u in utterances])
    lines = ["| emotion right, % | " + " | ".join(sorted(set(speakers))) + " |"]
    lines.append("|---" * (len(set(speakers)) + 1) + "|")
    for name, result in judged.items():
        right = [100.0 * float((result.heard == result.emotion)[speakers == s].mean()) for s in sorted(set(speakers))]
        lines.append(f"| {name} | " + " | ".join(f"{share:.0f}" for share in right) + " |")
    return lines
