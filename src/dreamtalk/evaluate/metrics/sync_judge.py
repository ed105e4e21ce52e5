"""Our own judge of lip sync: like a lip expert, but one that no model of ours was trained with."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch

from dreamtalk.assets import path
from dreamtalk.evaluate.lip_expert import probability
from dreamtalk.evaluate.scoring import Metric
from dreamtalk.lipsync.expert import LipExpert
from dreamtalk.types import Float

_REFERENCE = "Ours: sync-judge-mesh64. Read it between the rows real video and shuffled."
_PITFALLS = (
    "It sees the tracked expression, not the picture: blurred teeth do not matter to it. It has the lip expert's "
    "architecture and training clips (GRID), though not its weights: what both overlook goes unseen. Free speech of "
    "strangers is judged less surely than GRID."
)

IN_STEP = Metric(
    name="judge_in_step",
    title="sync judge, P in step",
    unit="",
    span="0 to 1",
    good="the real row",
    definition="Mean over windows of 0.32 s of the judged probability that lips (expression, pose removed) and sound "
    "belong together, as they are.",
    reference=_REFERENCE,
    pitfalls=_PITFALLS,
)
CONFIDENCE = Metric(
    name="judge_confidence",
    title="sync judge, confidence",
    unit="",
    span="0 to 1",
    good="the real row",
    definition="The largest, over offsets of -15 to 15 frames, of that mean probability, less their median.",
    reference=_REFERENCE,
    pitfalls=_PITFALLS,
)
OFFSET = Metric(
    name="judge_offset",
    title="sync judge, offset",
    unit="frames, + is sound ahead",
    span="-15 to 15",
    good="0 ± 1",
    definition="The offset of the largest mean probability; median over clips.",
    reference=_REFERENCE,
    pitfalls="A random number where the confidence is at the shuffled row's.",
    combine="median",
)

_MOST_OFFSET = 15
"""Frames searched either way."""


class Judged(NamedTuple):
    """What the judge says of one clip."""

    in_step: float
    confidence: float
    offset: int


def load_judge() -> LipExpert:
    """The embedded judge."""
    return LipExpert.load(path("sync-judge-mesh64"))


@torch.inference_mode()
def judge(expert: LipExpert, expression: Float, features: Float) -> Judged | None:
    """Of expression (T, 64) at 25 fps and speech features (N, 512) at 50 Hz; None where the clip is too short."""
    if min(len(expression), len(features) // 2) < expert.config.frames + 2 * _MOST_OFFSET:
        return None
    shifts = range(-_MOST_OFFSET, _MOST_OFFSET + 1)  # by how many frames later sound is taken
    found = np.array([probability(expert, expression, features, shift).mean() for shift in shifts])
    best = int(found.argmax())
    return Judged(float(found[_MOST_OFFSET]), float(found[best] - np.median(found)), _MOST_OFFSET - best)
