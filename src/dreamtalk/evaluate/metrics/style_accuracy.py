"""Style Accuracy (SA): is a video sorted into the group of speaking styles that was meant?

The paper divides MEAD into groups of about the same style and lets a classifier sort (IV-A). Here groups are labels:
`dreamtalk train emotion-judge MEAD --layout mead --groups emotion intensity --sees motion` makes such a classifier.
"""

from __future__ import annotations

from dreamtalk.evaluate.emotion_judge import EmotionJudge
from dreamtalk.evaluate.metrics.emotion_accuracy import PITFALLS, believed
from dreamtalk.evaluate.scoring import Metric

METRIC = Metric(
    name="style_accuracy",
    title="SA",
    unit="share",
    span="0 to 1",
    good="the real row",
    definition="Style Accuracy: share of the videos that a classifier of speaking styles sorts into the group that was "
    "meant, groups by the labels that the judge was made with (emotion; emotion and level; or speaker, emotion and "
    "level, as the released code divides MEAD). ",
    reference="DreamTalk IV-A and Table I: 0.867, real video 0.925, on motion coefficients. Classifier and groups are "
    "not published (TH-PAD's 0.053 means that they are many): no figure of ours is the paper's. ",
    pitfalls=PITFALLS + "Groups of single speakers measure who it is as much as how: cross-ID videos fail them.",
)


def style_metrics(judge: EmotionJudge) -> tuple[Metric, ...]:
    """METRIC with what this judge is worth; `emotion_accuracy` of that judge computes it."""
    return (believed(METRIC, judge),)
