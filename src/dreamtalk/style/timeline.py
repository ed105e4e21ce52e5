"""Styles over time: keys in seconds, blended from one to the next, give one style per frame.

Everything here is a function of the absolute frame, so that a stream gives the same numbers as a file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from itertools import pairwise
from math import isfinite
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from dreamtalk.errors import UnusableInput
from dreamtalk.options import MAX_INTENSITY
from dreamtalk.types import VIDEO_FPS, Float, Liveliness, Style

SHORTEST_TRANSITION = 0.6
"""Seconds; what is asked to be quicker takes as long. From here on no frame of a change, speech and all, moves further
than one in a hundred of real talkers' frames (docs/timeline.md); at 0.5 s, between styles twice as strong, one did."""

DEFAULT_TRANSITION = SHORTEST_TRANSITION
"""Seconds from one style to the next."""

MOST_LIVELY = 1.5
"""Liveliness follows the intensity up to here: more of it would no longer be a person."""


class Halves(NamedTuple):
    """How much of a style brows and eyes (upper) and the mouth (lower) show: factors on the guidance scale."""

    upper: float
    lower: float


@dataclass(frozen=True, slots=True)
class StyleKey:
    """From `start` seconds on the face goes over to a style, within `transition` seconds, at least SHORTEST_TRANSITION.
    intensity: of that style, 0 to 3. Raises UnusableInput for other numbers."""

    start: float
    style: Style
    intensity: float = 1.0
    transition: float = DEFAULT_TRANSITION

    def __post_init__(self) -> None:
        for name in ("start", "intensity", "transition"):
            value = getattr(self, name)
            if not (isfinite(value) and value >= 0.0):
                raise UnusableInput(f"The {name} of a style in a timeline must be 0 or more, not {value:g}.")
        if self.intensity > MAX_INTENSITY:
            raise UnusableInput(
                f"The intensity in a timeline must be at most {MAX_INTENSITY:g}, not {self.intensity:g}."
            )


@dataclass(frozen=True, slots=True)
class StyleFrames:
    """The style of some frames in a row; one row where nothing changes in them.

    code: (1 or T, 256). strength: (1 or T,) guidance scale omega (paper eq. 9). rest: (1 or T, E) the mouth in silence,
    the intensity in it; None: the neutral one. liveliness: 1 or T.
    """

    code: Float
    strength: NDArray[np.float64]
    rest: Float | None
    liveliness: tuple[Liveliness, ...]

    @property
    def steady(self) -> bool:
        """Whether nothing changes in these frames."""
        return len(self.code) == 1

    def part(self, first: int, count: int) -> StyleFrames:
        """Some of these frames."""
        if self.steady:
            return self
        rows = slice(first, first + count)
        rest = None if self.rest is None else self.rest[rows]
        return StyleFrames(self.code[rows], self.strength[rows], rest, self.liveliness[rows])


class StyleSource(Protocol):
    """What gives a style for every frame of a talk."""

    def frames(self, first: int, count: int) -> StyleFrames:
        """The styles of frames first, ... first + count - 1."""
        ...


def constant(style: Style) -> StyleFrames:
    """The same style for any number of frames."""
    rest = None if style.rest is None else style.rest[None]
    return StyleFrames(style.code[None], np.array([style.guidance]), rest, (style.liveliness,))


@dataclass(frozen=True, slots=True)
class Timeline:
    """Styles one after the other. Before the first key starts, the face has the first key's style.

    Keys may come in any order. Where one starts before the one before it has been reached, the face turns on the way.
    Raises UnusableInput without a key, or with two that start together.
    """

    keys: tuple[StyleKey, ...]

    def __post_init__(self) -> None:
        if not self.keys:
            raise UnusableInput("A timeline needs at least one style.")
        starts = sorted(key.start for key in self.keys)
        for first, second in pairwise(starts):
            if first == second:
                raise UnusableInput(f"Two styles of the timeline start at {first:g} s.")
        object.__setattr__(self, "keys", tuple(sorted(self.keys, key=lambda key: key.start)))

    def frames(self, first: int, count: int) -> StyleFrames:
        """The styles of frames first, ... first + count - 1 of the talk."""
        times = np.arange(first, first + count) / VIDEO_FPS
        shares = np.zeros((count, len(self.keys)))
        shares[:, 0] = 1.0
        for k, key in enumerate(self.keys[1:], start=1):
            taken = _eased(times, key.start, key.transition)
            shares *= 1.0 - taken[:, None]
            shares[:, k] = taken
        used = np.flatnonzero(shares.any(axis=0))
        keys = [self.keys[k] for k in used]
        return blended([key.style for key in keys], shares[:, used], np.array([key.intensity for key in keys]))


def blended(styles: Sequence[Style], shares: np.ndarray, intensity: np.ndarray) -> StyleFrames:
    """Styles mixed frame by frame: shares (T, K) that add up to 1, intensity (K,) or (T, K).

    Each style's code counts by its share times its strength, so that one at intensity 0 leaves no trace, and the
    motion, as far as it is linear in the code, goes straight from one style's to the other's.
    """
    if (shares == shares[0]).all() and (intensity.ndim == 1 or (intensity == intensity[0]).all()):
        shares, intensity = shares[:1], intensity if intensity.ndim == 1 else intensity[:1]
    guidance = np.array([style.guidance for style in styles])
    pulls = shares * intensity * guidance
    strength = pulls.sum(axis=1)
    strength = np.where(np.abs(strength - 1.0) < 1e-9, 1.0, strength)  # at 1 sampling takes half the time
    weight = np.where(strength[:, None] > 0.0, pulls, shares)
    weight = weight / weight.sum(axis=1, keepdims=True)
    code = weight @ np.stack([style.code for style in styles])
    resting = [style.rest for style in styles if style.rest is not None]
    rest = None
    if resting:
        rests = np.stack([np.zeros_like(resting[0]) if style.rest is None else style.rest for style in styles])
        rest = ((shares * intensity) @ rests).astype(np.float32)
    lively = tuple(mixed_liveliness([s.liveliness for s in styles], row) for row in shares * _lively(intensity))
    return StyleFrames(code.astype(np.float32), strength, rest, lively)


def mixed_liveliness(given: Sequence[Liveliness], weights: np.ndarray) -> Liveliness:
    """Offsets added, factors multiplied, each by its weight (K,); weights below 1 leave the usual liveliness."""
    values = {}
    for field in fields(Liveliness):
        each = np.array([getattr(one, field.name) for one in given], dtype=np.float64)
        if field.name in Liveliness.OFFSETS:
            values[field.name] = float(weights @ each)
        else:
            values[field.name] = float(np.exp(weights @ np.log(each)))
    return Liveliness(**values)


def _lively(intensity: np.ndarray) -> np.ndarray:
    return np.asarray(np.minimum(intensity, MOST_LIVELY))


def _eased(times: np.ndarray, start: float, seconds: float) -> np.ndarray:
    """0 before, 1 after a transition, smooth in place, speed and acceleration in between."""
    share = np.clip((times - start) / max(seconds, SHORTEST_TRANSITION), 0.0, 1.0)
    return np.asarray(share**3 * (share * (6.0 * share - 15.0) + 10.0))
