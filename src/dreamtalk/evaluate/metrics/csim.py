"""CSIM: does the face stay that of the portrait? Cosine of face embeddings."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from dreamtalk.evaluate.identity import Identity
from dreamtalk.evaluate.likeness import cosine_distance
from dreamtalk.evaluate.scoring import Metric
from dreamtalk.evaluate.watching import Watched
from dreamtalk.types import Float

_EVERY = 10
"""Frames between those that are looked at."""

METRIC = Metric(
    name="csim",
    title="CSIM",
    unit="",
    span="-1 to 1",
    good="the real row",
    definition="Cosine between the face embedding of the real video's first frame with a face, which stands for the "
    "portrait, and that of every tenth frame (256 px crop); mean over frames.",
    reference="DreamTalk, Table II, by another encoder: 0.71, real video 0.80.",
    pitfalls="The encoder decides: name it. Expression and head turns lower it in real video too; published figures "
    "lie so close together that they hardly rank (0.90 to 0.95).",
)


def named(identity: Identity) -> Metric:
    """The metric with the encoder's name in its title."""
    return replace(METRIC, title=f"{METRIC.title} ({identity.name})")


def csim(identity: Identity, clip: Watched, truth: Watched) -> float:
    """Of a video against the person of the real one."""
    portrait = _embedded(identity, truth, int(truth.track.valid.argmax()))
    seen = [_embedded(identity, clip, frame) for frame in range(0, len(clip), _EVERY)]
    return float(np.mean([1.0 - cosine_distance(portrait, face) for face in seen]))


def _embedded(identity: Identity, video: Watched, frame: int) -> Float:
    points = np.pad(video.points[frame], ((0, 0), (0, 1)))  # embeddings look at x and y alone
    return identity.embed(video.crops[frame], points)
