"""The suite: every metric that `evaluate videos` and `evaluate protocol` score a video by, in the order of the table.

TO ADD A METRIC: write evaluate/metrics/NAME.py (a Metric, which holds its title, unit, direction and traps in words,
and a function of plain arrays that computes it), then add ONE line to SUITE below:

    Measure((name.METRIC,), lambda case: (name.score(case.clip.face, case.label.emotion),), "label"),

Nothing else: table, page, LaTeX, CSV, bootstrap, resuming and Ray follow from that line. The function gives one number
per Metric of the line: a float, a Score (value and weight: events behind a share), or nan where a clip has none. The
same videos must give the same number in any process. What it may look at is a Case; the word at the end says what it
needs, and so in which rows it makes sense (see Asks). A network that it needs is loaded once per process: lru_cache.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, TypeAlias

import numpy as np

from dreamtalk.evaluate.correlation import pearson
from dreamtalk.evaluate.emotion_judge import EmotionJudge
from dreamtalk.evaluate.judges import PICTURE_EVERY, Judges, mean_of
from dreamtalk.evaluate.metrics import (
    bilabials,
    blink_shape,
    blinks,
    expression_distance,
    head_motion,
    jitter,
    landmark_distance,
    motion_distance,
    psnr_ssim,
    silence_openness,
    style_code_distance,
)
from dreamtalk.evaluate.metrics import cpbd as sharpness
from dreamtalk.evaluate.metrics.emotion_accuracy import emotion_metrics
from dreamtalk.evaluate.metrics.style_accuracy import style_metrics
from dreamtalk.evaluate.scoring import Metric, Score
from dreamtalk.evaluate.watching import Watched
from dreamtalk.face.measures import aperture, eye_opening
from dreamtalk.types import Float

Asks: TypeAlias = Literal["itself", "sound", "lips", "landmarks", "manner", "picture", "person", "label"]
"""What a measure needs besides the video itself.

itself: nothing. sound: the sound it should be in step with. lips: the real lips at the same words, of anybody, whose
opening is compared. landmarks: the real face at the same words, of the same person, whose points are compared (in the
shuffled row another one's). manner: the real talk, as a whole. picture: the real pixels. person: the portrait.
label: the emotion that is meant.
"""

EVERYTHING: frozenset[Asks] = frozenset(
    ("itself", "sound", "lips", "landmarks", "manner", "picture", "person", "label")
)
"""Of a video of the same person, words and manner as the real one."""
CHANCE: frozenset[Asks] = frozenset(("sound", "lips", "landmarks"))
"""Of a video beside somebody else's real face and sound."""
OTHER_MANNER: frozenset[Asks] = EVERYTHING - {"manner"}
"""Of a video of the same person and words in a manner that is somebody else's."""
OTHER_PERSON: frozenset[Asks] = frozenset(("itself", "sound", "lips", "person", "label"))
"""Of a video in which somebody else says the same."""
NO_REAL: frozenset[Asks] = frozenset(("itself", "sound", "person", "label"))
"""Of a video whose manner and looks nobody has filmed with these words."""

APERTURE = Metric(
    name="aperture_with_real",
    title="aperture r with the real lips",
    unit="",
    span="-1 to 1",
    good="near 1",
    definition="Pearson correlation over frames of the inner-lip aperture with that of the real video.",
    reference="Ours, as in evaluate motion; 1 for the real row.",
    pitfalls="Blind to size. Sentences of one kind correlate by chance.",
)

_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)
"""Shares of red, green and blue in the brightness (BT.601)."""


@dataclass(frozen=True, slots=True)
class Label:
    """What is known of a clip besides picture and sound; "" where it is not.

    emotion: that the face should show, by our names (neutral, angry, ...): of the style reference where there is one.
    intensity: of it, as the data set counts. speaker: whose face it is. transcript: the words.
    """

    emotion: str = ""
    intensity: str = ""
    speaker: str = ""
    transcript: str = ""


@dataclass(frozen=True)
class Case:
    """One video to score, and what it is compared with, all of the same length.

    clip: the video; clip.samples is the sound it should be in step with. truth: the real video of the same words (in
    the shuffled row: another one). person: a video of which the first frame with a face is the portrait.
    """

    clip: Watched
    truth: Watched
    person: Watched
    label: Label
    judges: Judges

    @cached_property
    def features(self) -> Float:
        """Speech features (N, D) of clip.samples at 50 Hz, as our judges hear them; none in a silent video."""
        return self.judges.hear(self.clip.samples)

    @cached_property
    def shown(self) -> range:
        """Frames whose pictures are looked at: neighbours tell the same."""
        return range(0, len(self.clip), PICTURE_EVERY)


@dataclass(frozen=True, slots=True)
class Measure:
    """A line of the suite: metrics that are computed together, how, and what for."""

    metrics: tuple[Metric, ...]
    of: Callable[[Case], Sequence[float | Score]]
    asks: Asks


def suite(judges: Judges) -> tuple[Measure, ...]:
    """SUITE, with what the user's own networks add."""
    return (*SUITE, *_given(judges))


def metrics_of(measures: Sequence[Measure]) -> tuple[Metric, ...]:
    """All metrics, in the order of the table."""
    return tuple(metric for measure in measures for metric in measure.metrics)


def score(case: Case, asked: frozenset[Asks]) -> dict[str, Score]:
    """By the metric's name: all scores of a video whose measures' needs are met."""
    found: dict[str, Score] = {}
    for measure in suite(case.judges):
        if measure.asks not in asked or (measure.asks == "sound" and len(case.clip.samples) == 0):
            continue
        values = measure.of(case)
        for metric, value in zip(measure.metrics, values, strict=True):
            found[metric.name] = value if isinstance(value, Score) else Score(float(value))
    return found


def _psnr_ssim(case: Case) -> tuple[float, float]:
    made, real = case.clip.crops, case.truth.crops
    return (
        mean_of([psnr_ssim.psnr(made[i], real[i]) for i in case.shown]),
        mean_of([psnr_ssim.ssim(made[i], real[i]) for i in case.shown]),
    )


def _sharpness(case: Case) -> tuple[float]:
    grey = (np.rint(case.clip.crops[i].astype(np.float32) @ _LUMA).astype(np.uint8) for i in case.shown)
    return (mean_of([sharpness.cpbd(picture) for picture in grey]),)


def _landmarks(case: Case) -> tuple[float, ...]:
    """Mouth and whole face: in px of the crop, and in % iod with the head's pose removed."""
    sides = list(landmark_distance.MOUTH_20), list(landmark_distance.FACE_68)
    seen, real = case.clip.points, case.truth.points
    own, other = 100 * case.clip.face[..., :2], 100 * case.truth.face[..., :2]
    distance = landmark_distance.landmark_distance
    return (
        *(distance(seen[:, points], real[:, points], centred=True) for points in sides),
        *(distance(own[:, points], other[:, points], centred=False) for points in sides),
    )


def _bilabials(case: Case) -> tuple[Score]:
    if len(case.clip.samples) == 0:
        return (Score(float("nan"), 0.0),)
    heard = bilabials.heard_bilabials(case.judges.reader, case.features, len(case.clip))
    return (bilabials.bilabials_closed(aperture(case.clip.face), aperture(case.truth.face), heard),)


def _manner(case: Case) -> tuple[float]:
    made, real = case.clip.track.expression, case.truth.track.expression
    return (style_code_distance.style_code_distance(made, real),)


def _blinks(case: Case) -> tuple[float, ...]:
    opening = eye_opening(case.clip.face).mean(axis=-1)
    return (
        blinks.blink_rate(opening),
        blinks.blink_length(opening),
        blink_shape.blink_depth(opening),
        blink_shape.blink_asymmetry(opening),
    )


def _head(case: Case) -> tuple[float, float]:
    rotation = case.clip.track.pose[:, :3]
    return head_motion.head_diversity(rotation), head_motion.head_speed(rotation)


SUITE: tuple[Measure, ...] = (
    Measure((psnr_ssim.PSNR, psnr_ssim.SSIM), _psnr_ssim, "picture"),
    Measure((sharpness.METRIC,), _sharpness, "itself"),
    Measure(
        (
            landmark_distance.MOUTH,
            landmark_distance.FACE,
            landmark_distance.MOUTH_NORMALISED,
            landmark_distance.FACE_NORMALISED,
        ),
        _landmarks,
        "landmarks",
    ),
    Measure((APERTURE,), lambda case: (pearson(aperture(case.clip.face), aperture(case.truth.face)),), "lips"),
    Measure((bilabials.METRIC,), _bilabials, "lips"),
    Measure(
        (silence_openness.METRIC,),
        lambda case: (silence_openness.silence_openness(aperture(case.clip.face), case.clip.samples),),
        "sound",
    ),
    Measure(Judges.SYNC_JUDGE, lambda case: case.judges.sync(case.clip.track.expression, case.features), "sound"),
    Measure(
        (expression_distance.METRIC,),
        lambda case: (expression_distance.frechet_distance(case.clip.track.expression, case.truth.track.expression),),
        "manner",
    ),
    Measure((style_code_distance.METRIC,), _manner, "manner"),
    Measure(
        (motion_distance.METRIC,),
        lambda case: (motion_distance.motion_distance(case.clip.track.expression, case.truth.track.expression),),
        "landmarks",
    ),
    Measure((jitter.METRIC,), lambda case: (jitter.jitter(case.clip.face),), "itself"),
    Measure((blinks.RATE, blinks.LENGTH, blink_shape.DEPTH, blink_shape.ASYMMETRY), _blinks, "itself"),
    Measure((head_motion.DIVERSITY, head_motion.SPEED), _head, "itself"),
    Measure(
        (head_motion.BEAT,),
        lambda case: (head_motion.beat_alignment(case.clip.track.pose[:, :3], case.clip.samples),),
        "sound",
    ),
)
"""Add yours here: one line."""


def _given(judges: Judges) -> tuple[Measure, ...]:
    """Measures of networks that the user brought."""
    found = []
    if judges.identity is not None:
        found.append(Measure(judges.csim_metrics, lambda case: (case.judges.csim(case.clip, case.person),), "person"))
    if judges.lpips is not None:
        found.append(Measure(Judges.LPIPS, lambda case: (case.judges.apart(case.clip, case.truth),), "picture"))
    if judges.syncnet is not None:
        found.append(Measure(Judges.SYNCNET, lambda case: case.judges.syncnet_scores(case.clip), "sound"))
    if (emotion := judges.emotion) is not None:
        found.append(Measure(emotion_metrics(emotion), lambda case: _meant(case, emotion), "label"))
    if (style := judges.style) is not None:
        found.append(Measure(style_metrics(style), lambda case: _meant(case, style)[:1], "label"))
    return tuple(found)


def _meant(case: Case, judge: EmotionJudge) -> tuple[float, float]:
    label = case.label
    labels = {"emotion": label.emotion, "intensity": label.intensity, "speaker": label.speaker}
    return case.judges.meant(judge, case.clip, labels)
