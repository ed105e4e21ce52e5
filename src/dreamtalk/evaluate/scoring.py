"""What a metric is, what it gives for one clip, and how clips are put together with a confidence interval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

_LEVEL = 0.95
"""Share of bootstrap results inside the interval."""


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric in words, so that a table can explain itself.

    name: key in files. title: column head. unit: of the value. span: lowest and highest possible value, in words.
    good: what a good value is. definition: how it is computed. reference: what it should be compared with, or where it
    comes from. pitfalls: how it misleads. combine: how clips become one number.
    """

    name: str
    title: str
    unit: str
    span: str
    good: str
    definition: str
    reference: str
    pitfalls: str
    combine: Literal["mean", "median"] = "mean"

    @property
    def head(self) -> str:
        """Title and unit, for the head of a table's line."""
        return f"{self.title}, {self.unit}" if self.unit else self.title

    @property
    def digits(self) -> int:
        """Decimals to print."""
        return 1 if self.combine == "median" else 2


class Score(NamedTuple):
    """One clip's value; `weight` counts events where the value is a rate over events, else it is 1."""

    value: float
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Estimate:
    """value and its 95 % bootstrap interval over clips; clips: how many had a value; weight: events or clips."""

    value: float
    low: float
    high: float
    clips: int
    weight: float


def combine(scores: Sequence[Score], how: Literal["mean", "median"], resamples: int, seed: int) -> Estimate | None:
    """One number for a set of clips, None where no clip has a value.

    mean: weighted by `weight`. median: of the clips, unweighted. The interval comes from drawing whole clips with
    replacement `resamples` times; with fewer than three clips it says little, and with one it has no width.
    """
    known = [s for s in scores if np.isfinite(s.value) and s.weight > 0]
    if not known:
        return None
    values = np.array([s.value for s in known])
    weights = np.array([s.weight for s in known])
    draws = np.random.default_rng(seed).integers(0, len(known), size=(resamples, len(known)))
    if how == "median":
        value, spread = float(np.median(values)), np.median(values[draws], axis=1)
    else:
        value = float(np.average(values, weights=weights))
        spread = (values * weights)[draws].sum(axis=1) / weights[draws].sum(axis=1)
    low, high = np.quantile(spread, [(1 - _LEVEL) / 2, (1 + _LEVEL) / 2])
    return Estimate(value, float(low), float(high), len(known), float(weights.sum()))
