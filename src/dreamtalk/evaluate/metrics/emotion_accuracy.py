"""Emotion accuracy: does a judge see the emotion that was meant?

Only with a judge of the user's (`dreamtalk train emotion-judge`): its own accuracy on real people stands in the
definition below every table, and the row of real videos shows it on these very clips.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from dreamtalk.evaluate.emotion_judge import EmotionJudge
from dreamtalk.evaluate.scoring import Metric
from dreamtalk.types import Float

PITFALLS = (
    "No figure is better than the judge: read it between the real row and chance, never alone, never beside another "
    "judge's. Labels that it cannot tell are refused and have no value, so a set of them has none. It lies for a face "
    "that exaggerates (a caricature is easier to tell than a person), for people built like somebody's emotion (low "
    "brows are angry, a smiling photo is happy), for films unlike those it learned from, and upwards where the same "
    "people taught it. Where the portrait is the first frame of an emotional video, as in the paper's protocol, the "
    "still photo shows the emotion as well as the video does (4 of 4 real MEAD clips): only cross-ID rows tell whether "
    "a style arrived. "
)

EMOTION = Metric(
    name="emotion_accuracy",
    title="emotion accuracy",
    unit="share",
    span="0 to 1",
    good="the real row",
    definition="Share of the videos whose most probable emotion, mean over windows of 2 s, is the one that was meant "
    "(of the style reference, where there is one). ",
    reference="After EAT and others, there with a picture classifier (emotion-FAN): not comparable. ",
    pitfalls=PITFALLS,
)
PROBABILITY = Metric(
    name="emotion_probability",
    title="probability of the emotion",
    unit="",
    span="0 to 1",
    good="the real row",
    definition="Mean probability that the judge gives the emotion that was meant. ",
    reference="Ours. ",
    pitfalls=PITFALLS + "It grows with how plainly an emotion is shown, and is not calibrated for made faces.",
)


def emotion_metrics(judge: EmotionJudge) -> tuple[Metric, ...]:
    """EMOTION and PROBABILITY with what this judge is worth."""
    return tuple(believed(metric, judge) for metric in (EMOTION, PROBABILITY))


def emotion_accuracy(judge: EmotionJudge, probabilities: Float, labels: Mapping[str, str]) -> tuple[float, float]:
    """Whether the meant class is the most probable of (C,), 0 or 1, and its probability; nan for one that is unknown
    to the judge or refused."""
    meant = judge.class_of(labels)
    if meant not in judge.told:
        return float("nan"), float("nan")
    index = judge.config.classes.index(meant)
    return float(int(np.argmax(probabilities)) == index), float(probabilities[index])


def believed(metric: Metric, judge: EmotionJudge) -> Metric:
    """The metric with what this judge is worth in its title and definition."""
    held = judge.config.held_out
    title = f"{metric.title} (judge {held.accuracy:.2f} [{held.low:.2f}, {held.high:.2f}])"
    return replace(metric, title=title, definition=metric.definition + judge.words())
