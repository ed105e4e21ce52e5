"""Phones on the clock of speech features, and forced alignment: which phone is heard when, if the words are known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from dreamtalk.motion.reader import GROUPS
from dreamtalk.train.espeak import PAUSE, Phone
from dreamtalk.types import FEATURE_RATE, Float

Int: TypeAlias = NDArray[np.int64]

_BY_NAME = {"tS": "s z sh ch", "dZ": "s z sh ch", "ts": "s z sh ch", "pF": "f v", "@L": "l", "@-": "open vowel"}
"""Mnemonics of eSpeak whose first letter misleads."""

_BY_LETTER = {
    PAUSE: "silence",
    **dict.fromkeys("pbB", "p b"),
    "m": "m",
    **dict.fromkeys("fv", "f v"),
    **dict.fromkeys("TD", "th"),
    "l": "l",
    "n": "n",
    **dict.fromkeys("td", "t d"),
    **dict.fromkeys("szSZ", "s z sh ch"),
    **dict.fromkeys("kgNxXCGhHQ?", "k g ng h"),
    "w": "w",
    **dict.fromkeys("rR*", "r"),
    **dict.fromkeys("iIeEyYj;", "front vowel"),
    **dict.fromkeys("oO0uUW", "round vowel"),
}

_SHORTEST = 2
"""Features (40 ms) that every phone of an alignment lasts at least."""

SILENCE = GROUPS.index("silence")


def group_of(name: str) -> int:
    """Number in GROUPS of an eSpeak mnemonic."""
    return GROUPS.index(_BY_NAME.get(name) or _BY_LETTER.get(name[0], "open vowel"))


def labels_of(phones: Sequence[Phone], count: int) -> Int:
    """(count,) group heard at each feature, n / 50 s; silence before the first phone, the last one lasts to the end."""
    starts = [phone.start * FEATURE_RATE for phone in phones]
    heard = np.searchsorted(starts, np.arange(count), side="right")
    return np.array([SILENCE, *(group_of(phone.name) for phone in phones)], np.int64)[heard]


def align(log_probabilities: Float, phones: Sequence[Phone]) -> Int | None:
    """(N,) group heard at each feature if these phones are said in this order; None when time does not allow them.

    log_probabilities: (N, G) of each feature. Between words, and at both ends, there may be a pause. Viterbi search
    over phones of at least _SHORTEST features.
    """
    states = _states(phones)
    groups = np.array([state.group for state in states])
    score, steps = log_probabilities[:, groups].astype(np.float64), len(log_probabilities)
    stay = np.array([state.last for state in states])
    skip = np.array([state.skippable_before for state in states])  # may be reached past the pause before it
    best = np.full(len(states), -np.inf)
    best[: 1 + int(skip[1])] = score[0, : 1 + int(skip[1])]
    back = np.zeros((steps, len(states)), np.int8)
    for n in range(1, steps):
        ways = np.stack([np.where(stay, best, -np.inf), _moved(best, 1), np.where(skip, _moved(best, 2), -np.inf)])
        back[n] = ways.argmax(axis=0)
        best = ways.max(axis=0) + score[n]
    at = len(states) - 1 if best[-1] >= best[-2] else len(states) - 2
    if not np.isfinite(best[at]):
        return None
    path = np.zeros(steps, np.int64)
    for n in range(steps - 1, -1, -1):
        path[n] = at
        at -= int(back[n, at])
    return np.asarray(groups[path], np.int64)


@dataclass(frozen=True, slots=True)
class _State:
    """group: see GROUPS. last: the last feature of a phone, which may be repeated. skippable_before: the state before
    it is a pause that may be left out."""

    group: int
    last: bool
    skippable_before: bool


def _states(phones: Sequence[Phone]) -> list[_State]:
    pause = _State(SILENCE, True, False)
    states = [pause]
    for number, phone in enumerate(phones):
        if number > 0 and phone.word != phones[number - 1].word:
            states.append(pause)
        after_pause = states[-1] is pause
        group = group_of(phone.name)
        states += [_State(group, k == _SHORTEST - 1, after_pause and k == 0) for k in range(_SHORTEST)]
    return [*states, pause]


def _moved(values: Float, by: int) -> Float:
    return np.concatenate([np.full(by, -np.inf), values[:-by]])
