"""Statistics of a corpus that does not fit into memory: one pass, every clip read once, a few numbers kept of each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dreamtalk.data.talkers import TalkingClip
from dreamtalk.types import Float


@dataclass(frozen=True, slots=True)
class TalkStatistics:
    """speaker_means: mean pose (E,) of each speaker, over frames. clip_means: (C, E) of each clip, in the order given;
    owners: (C,) whose clip it is. opening: (E,) the regression of movements about the speakers' means on their lip
    aperture: how a face moves while its mouth opens by 1 % iod.
    """

    speaker_means: dict[str, Float]
    clip_means: Float
    owners: tuple[str, ...]
    opening: Float


@dataclass(slots=True)
class _Sums:
    """Of one speaker: frames, sum of expression, of expression times aperture, and of aperture squared."""

    frames: int
    expression: NDArray[np.float64]
    product: NDArray[np.float64]
    square: float


def measure_talkers(talkers: Iterable[TalkingClip], aperture: Float) -> TalkStatistics:
    """The statistics of clips with at least one frame. aperture: (E,) as FaceModel.measure("aperture")."""
    size, weight = len(aperture), aperture.astype(np.float64)
    sums: dict[str, _Sums] = {}
    clip_means, owners = [], []
    for talker in talkers:
        expression = talker.expression.astype(np.float64)
        opening = expression @ weight
        own = sums.setdefault(talker.speaker, _Sums(0, np.zeros(size), np.zeros(size), 0.0))
        own.frames += len(expression)
        own.expression += expression.sum(axis=0)
        own.product += expression.T @ opening
        own.square += float(opening @ opening)
        clip_means.append(expression.mean(axis=0))
        owners.append(talker.speaker)
    means = {name: own.expression / own.frames for name, own in sums.items()}
    # Sums about a mean from sums about zero.
    product, square = np.zeros(size), 0.0
    for name, own in sums.items():
        centre = float(means[name] @ weight)
        product += own.product - own.frames * means[name] * centre
        square += own.square - own.frames * centre**2
    return TalkStatistics(
        {name: mean.astype(np.float32) for name, mean in means.items()},
        np.asarray(clip_means, dtype=np.float32),
        tuple(owners),
        np.asarray(product / max(square, 1e-12), dtype=np.float32),
    )
