"""The motion protocol: dev clips, rows of ours, the real motion and three baselines, all metrics, per set.

    report = evaluate_motion(MotionEvaluation(dataset=Path("talkset"), out=Path("out/evaluation")))

A model in memory is evaluated by passing `generate`; nothing then comes from the shipped assets but the face model and
the speech encoder, unless they are passed too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from rich.progress import track as progress

from dreamtalk.errors import UnusableInput
from dreamtalk.evaluate import closure, correlation, landmark_error, offset, silence
from dreamtalk.evaluate.clips import SETS, Clip, Made, Portraits, load_clips, with_silence
from dreamtalk.evaluate.figures import Figure
from dreamtalk.evaluate.mouth import FaceSpace, moved_mouth
from dreamtalk.evaluate.plots import lip_curves
from dreamtalk.evaluate.report import Report, Value, versions
from dreamtalk.evaluate.scoring import Metric, Score
from dreamtalk.evaluate.sources import (
    Encode,
    Generate,
    Listening,
    Remembering,
    Source,
    constant,
    partners,
    real,
    shuffled,
    swapped,
    training_mean,
)
from dreamtalk.motion.schedule import TRAIN_STEPS
from dreamtalk.types import Latency

if TYPE_CHECKING:
    from dreamtalk.audio import SpeechEncoder
    from dreamtalk.motion import MotionModel
    from dreamtalk.motion.spoken import MotionParts
    from dreamtalk.types import Float, Speech, SpeechFeatures, Style

METRICS: tuple[Metric, ...] = (
    correlation.APERTURE,
    correlation.WIDTH,
    landmark_error.RAW,
    landmark_error.CENTRED,
    offset.OFFSET,
    silence.APERTURE,
    *closure.BILABIAL,
    closure.ANY,
    closure.FALSE,
)

_SILENCE_CLIPS = 12
"""Clips per set that are also spoken between digital silence, which is the same for all and costs as much again."""

OURS, REAL, SHUFFLED, SWAPPED, MEAN = "ours", "real", "shuffled audio", "another clip", "mean motion"
LEGEND = {
    OURS: "The motion model, for the clip's own sound.",
    REAL: "The tracked motion of the real clip through the face space: the best any model can do.",
    SHUFFLED: "The model for the sound of another clip of the set: what sounding like speech is worth.",
    SWAPPED: "The real motion of that other clip: chance, for lively motion.",
    MEAN: "The mean face of the training speakers, held: what can be had without listening or moving.",
}
"""The rows, and what they are."""
BOUNDS = (REAL, SHUFFLED, SWAPPED, MEAN)


@dataclass(frozen=True, slots=True)
class MotionEvaluation:
    """What to evaluate on, and how."""

    dataset: Path
    """Folder of the talkset (clips.csv, lags.csv, video/)."""
    model: Path | None = None
    """A motion model file (.safetensors) instead of the shipped one, for example a training run's."""
    out: Path | None = None
    """Folder for table.md, report.json, metrics.csv and clips.csv; none: only the screen."""
    tracks: Path | None = None
    """Folder of ready <id>.npz track files; what is not there is tracked and kept in the user's cache."""
    limit: int | None = None
    """At most so many clips per set."""
    portrait: Portraits = "first-frame"
    """Generated motion is put on the resting face guessed from the clip's first frame, as in use; or on the speaker's
    own, found in all clips."""
    rest: bool = True
    """Let the mouth rest in silence, as generate does."""
    articulation: bool = True
    """Shape f, v, p, b and m by what is heard, as generate does."""
    intensity: float = 1.0
    """Of the style."""
    steps: int | None = None
    """Of the sampler. None: as many as the model is for."""
    latency: Latency = "quality"
    """live: as in a live talk (docs/live.md)."""
    seed: int = 0
    """Of the motion, the shuffling and the bootstrap."""
    resamples: int = 1000
    """Of the bootstrap."""
    label: str | None = None
    """What the row ours is, for the report. None: the file's name, or "shipped model"."""


def evaluate_motion(
    config: MotionEvaluation,
    generate: Generate | None = None,
    face: FaceSpace | None = None,
    encode: Encode | None = None,
    clips: Sequence[Clip] | None = None,
    mean: Float | None = None,
) -> Report:
    """Measures a motion model on the dev clips against the real motion and three baselines.

    generate: the model (default: the shipped one in its neutral style). face, encode: face model and speech encoder
    (default: shipped). clips, mean: ready clips and mean expression (E,), so that several evaluations in one process
    load them once.
    Raises UnusableInput when a number makes no sense or the data set is not where it should be.
    """
    check_numbers(config)
    face = face or _shipped_face()
    clips = clips or load_clips(config.dataset, config.tracks, face, config.limit, config.portrait)
    model = Listening(generate or _shipped_model(config, face), Remembering(encode or _shipped_encoder(config)))
    if mean is None:
        mean = training_mean(config.dataset, config.tracks, face)
    others = partners(clips, config.seed)
    rows: dict[str, Source] = {
        OURS: model,
        REAL: real,
        SHUFFLED: shuffled(model, others),
        SWAPPED: swapped(others),
        MEAN: constant(mean),
    }
    spoken_in_silence = {c.id for name in SETS for c in [c for c in clips if c.set == name][:_SILENCE_CLIPS]}
    values: list[Value] = []
    figures: list[Figure] = []
    for clip in progress(clips, description="Evaluating", transient=True):
        made = {row: _made(clip, row, s, face, clip.id in spoken_in_silence) for row, s in rows.items()}
        values += _values(clip, made)
        figures.append(_curves(clip, made))
    facts = {"config": plain(config), "versions": versions(), "lags": {c.id: c.lag for c in clips if c.lag}}
    report = Report(
        METRICS, SETS, tuple(rows), tuple(values), facts, config.resamples, config.seed, legend=LEGEND, bounds=BOUNDS
    )
    if config.out is not None:
        report.write(config.out, figures)
    return report


def check_numbers(config: MotionEvaluation) -> None:
    """Raises UnusableInput for numbers out of their range."""
    for name, least, largest in (
        ("steps", 1, TRAIN_STEPS),
        ("resamples", 1, None),
        ("limit", 1, None),
        ("seed", 0, None),
    ):
        value = getattr(config, name)
        if value is not None and (value < least or (largest is not None and value > largest)):
            range_ = f"from {least} to {largest}" if largest else f"at least {least}"
            raise UnusableInput(f"--{name} must be {range_}, not {value}.")
    if config.latency == "live" and config.steps is not None:
        raise UnusableInput("--steps goes with --latency quality.")
    if config.intensity < 0:
        raise UnusableInput(f"--intensity must be 0 or more, not {config.intensity}.")


def scores(clip: Clip, made: Made, row: str = OURS) -> list[Score]:
    """All metrics of one clip, in the order of METRICS."""
    rest = silence.real_rest_score(clip) if row == REAL else silence.silence_score(clip, made)
    return [
        correlation.aperture_score(clip, made),
        correlation.width_score(clip, made),
        landmark_error.raw_score(clip, made),
        landmark_error.centred_score(clip, made),
        offset.offset_score(clip, made),
        rest,
        *closure.bilabial_scores(clip, made),
        closure.any_score(clip, made),
        closure.false_score(clip, made),
    ]


def model_source(model: MotionModel, style: Style, config: MotionEvaluation, face: FaceSpace) -> Generate:
    """A MotionModel as something to evaluate, with the lips of `articulation` and the resting mouth of `natural` when
    config says so."""
    from dreamtalk.face.model import FaceModel
    from dreamtalk.motion.articulation import Articulation
    from dreamtalk.motion.rest import at_rest, speech_activity
    from dreamtalk.motion.spoken import MotionParts

    face_model = FaceModel.load()
    reader = Articulation.load(face_model) if config.articulation else None
    if config.latency == "live":
        return _live_source(MotionParts(_encoder(), model, face_model, reader), style, config)

    def generate(features: SpeechFeatures, speech: Speech) -> Float:
        made = model.generate(features, style, speech.frames, config.intensity, config.seed, config.steps)
        if reader is not None:
            made = reader.shaped(made, reader.gestures(features, 0, speech.frames))
        return at_rest(made, speech_activity(speech.samples), face.lower) if config.rest else made

    return generate


def _values(clip: Clip, made: Mapping[str, Made]) -> Iterator[Value]:
    for row, one in made.items():
        for metric, score in zip(METRICS, scores(clip, one, row), strict=True):
            yield Value(clip.set, row, clip.id, metric.name, score)


def _curves(clip: Clip, made: Mapping[str, Made]) -> Figure:
    """For the clip's panel in the report page."""
    lines = {row: made[row].mouth.aperture for row in (OURS, REAL, SHUFFLED)}
    return replace(lip_curves(clip.id, lines, clip.samples, tuple(made)), sets=(clip.set,))


def _live_source(parts: MotionParts, style: Style, config: MotionEvaluation) -> Generate:
    """The same as it is in a live talk, which hears the speech itself, piece by piece."""
    from dreamtalk.motion.rest import at_rest, speech_activity
    from dreamtalk.motion.spoken import MotionChoices, SpokenStream

    known: dict[bytes, Float] = {}

    def generate(features: SpeechFeatures, speech: Speech) -> Float:
        key = speech.samples.tobytes()
        if key not in known:
            choices = MotionChoices(style, config.intensity, config.seed, latency="live")
            stream, made = SpokenStream(parts, choices), []
            stream.add(speech.samples)
            stream.close()
            while (spoken := stream.next()) is not None:
                made.append(spoken.expression)
            known[key] = np.concatenate(made)
        made_now = known[key]
        return at_rest(made_now, speech_activity(speech.samples), parts.face.lower) if config.rest else made_now

    return generate


def _made(clip: Clip, row: str, source: Source, face: FaceSpace, silent: bool) -> Made:
    """The mouth that a source gives a clip; with silence around it, if `silent`, where that means something."""
    neutral = clip.neutral if row == REAL else clip.portrait
    mouth = moved_mouth(face, neutral, source(clip))
    if silent and row in (OURS, MEAN):
        return Made(mouth, moved_mouth(face, neutral, source(with_silence(clip))))
    return Made(mouth)


def plain(config: MotionEvaluation) -> dict[str, object]:
    """The configuration for the report: numbers and words."""
    values = {field.name: getattr(config, field.name) for field in fields(MotionEvaluation)}
    values["label"] = config.label or (config.model.name if config.model else "shipped model")
    return {name: str(value) if isinstance(value, Path) else value for name, value in values.items()}


def _shipped_face() -> FaceSpace:
    from dreamtalk.face.model import FaceModel

    return FaceModel.load()


def _encoder() -> SpeechEncoder:
    from dreamtalk.audio import SpeechEncoder

    return SpeechEncoder.load()


def _shipped_encoder(config: MotionEvaluation) -> Encode:
    """The shipped encoder; in live mode nothing, for there the model's source hears the speech itself."""
    from dreamtalk.types import SpeechFeatures

    if config.latency == "live":
        return lambda speech: SpeechFeatures(np.zeros((0, 0), np.float32), "")
    return _encoder().encode


def _shipped_model(config: MotionEvaluation, face: FaceSpace) -> Generate:
    from dreamtalk.motion import MotionModel

    model = MotionModel.load(config.model) if config.model else MotionModel.load()
    return model_source(model, model.neutral_style(), config, face)
