"""Style predictors on speech of people they never heard, as a report: predictors and their bounds, per utterance."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dreamtalk.evaluate.figures import Table
from dreamtalk.evaluate.metrics import motion_distance, style_code_distance
from dreamtalk.evaluate.predicted_motion import PredictedMotion
from dreamtalk.evaluate.prediction import Judge, Judged
from dreamtalk.evaluate.report import Report, Value, versions
from dreamtalk.evaluate.scoring import Metric, Score
from dreamtalk.face.model import FaceModel
from dreamtalk.motion.model import MotionModel
from dreamtalk.style.predictor import StylePredictor
from dreamtalk.train.style_pairs import Utterance, load_pairs
from dreamtalk.types import Float

SET = "speech of unseen people"
SHUFFLED, FACE, NEUTRAL = "shuffled audio", "another face of the right style", "neutral style"
LEGEND = {
    SHUFFLED: "The first predictor on the sound of another utterance: chance.",
    FACE: "The code of another face that goes with the utterance: a perfect prediction has this distance.",
    NEUTRAL: "No style at all.",
}

HEARD = Metric(
    "emotion_heard", "emotion right", "share", "0 to 1", "far above shuffled audio",
    "Share of utterances for which the named style nearest to the predicted code is that of the acted emotion.",
    "shuffled audio; one over the number of emotions.",
    "Emotions as actors play them for a microphone. A prediction between two styles counts as one or the other.",
)  # fmt: skip
SINGLE = Metric(
    "emotion_single", "emotion right, single draw", "share", "0 to 1", "near the row above",
    "The same for one draw of the diffusion in place of the densest of several.",
    "the same with several draws.", "As above.",
)  # fmt: skip
METRICS = (HEARD, SINGLE, style_code_distance.METRIC, motion_distance.METRIC)


def evaluate_predictors(
    dataset: Path,
    files: Sequence[Path],
    cache: Path,
    clean_only: bool = True,
    seed: int = 0,
    resamples: int = 1000,
    motions: int = 60,
) -> Report:
    """Predictors on the dev split: one row per file (none: the shipped one), the first also on shuffled audio and as a
    confusion matrix. motions: utterances that are said in the predicted styles, for MD. Raises UnusableInput where data
    or files are not usable."""
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
    judged[SHUFFLED] = judge.judge(first, shuffled=True, seed=seed)
    spoken = PredictedMotion.of(dataset, cache, pairs.utterances, judge.fitting(), model, motions)
    ids = [utterance.id for utterance in pairs.utterances]
    said = [ids[row] for row in spoken.rows]
    values: list[Value] = []
    for name, result in judged.items():
        values += _values(name, HEARD, ids, result.heard == result.emotion)
        values += _values(name, SINGLE, ids, result.single == result.emotion)
        values += _values(name, style_code_distance.METRIC, ids, result.distance)
        values += _values(name, motion_distance.METRIC, said, spoken.distances(result.code))
    values += _values(FACE, style_code_distance.METRIC, ids, judge.floor())
    values += _values(FACE, motion_distance.METRIC, said, spoken.distances(judge.fitting(1)))
    neutral = np.broadcast_to(model.neutral_style().code, judge.fitting().shape)
    values += _values(NEUTRAL, motion_distance.METRIC, said, spoken.distances(neutral))
    names = ", ".join(predictors)
    config = {"dataset": str(dataset), "predictors": names, "clean only": clean_only, "seed": seed}
    facts: dict[str, object] = {"config": config, "versions": versions()}
    tables = (_confusion(next(iter(judged.values()))), _by_speaker(pairs.utterances, judged))
    rows, bounds = (*judged, FACE, NEUTRAL), (SHUFFLED, FACE, NEUTRAL)
    return Report(
        METRICS, (SET,), rows, tuple(values), facts, resamples, seed, "Style predictor", LEGEND, bounds, tables
    )


def _values(row: str, metric: Metric, ids: Sequence[str], numbers: Float | NDArray[np.bool_]) -> Iterator[Value]:
    for name, number in zip(ids, numbers.tolist(), strict=True):
        yield Value(SET, row, name, metric.name, Score(float(number)))


def _confusion(judged: Judged) -> Table:
    rows = zip(judged.emotions, judged.confusion, strict=True)
    lines = tuple((name, *map(str, row)) for name, row in rows)
    return Table("Acted (down) and heard (across), utterances", ("acted", *judged.emotions), lines)


def _by_speaker(utterances: Sequence[Utterance], judged: Mapping[str, Judged]) -> Table:
    """How the speakers differ, which is what the interval over utterances does not show."""
    speakers = np.array([u.speaker for u in utterances])
    names = sorted(set(speakers.tolist()))
    lines = []
    for name, result in judged.items():
        right = [100.0 * float((result.heard == result.emotion)[speakers == s].mean()) for s in names]
        lines.append((name, *(f"{share:.0f}" for share in right)))
    return Table("Emotion right by speaker, %", ("", *names), tuple(lines), "The interval over utterances hides this.")
