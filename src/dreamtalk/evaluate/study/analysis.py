"""Ratings to results: means with 95 % intervals, one-way ANOVA and Tukey's test; for choices, shares, sign test."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from dreamtalk.errors import UnusableInput
from dreamtalk.evaluate.study.trials import QUESTIONS

LEVEL = 0.95


class Mean(NamedTuple):
    """One method in one aspect. half: half the width of the 95 % interval (Student's t over ratings)."""

    aspect: str
    method: str
    mean: float
    half: float
    ratings: int


class Anova(NamedTuple):
    """One-way ANOVA over methods."""

    aspect: str
    f: float
    p: float


class Pair(NamedTuple):
    """Tukey's honest significant difference of two methods: first less second."""

    aspect: str
    first: str
    second: str
    difference: float
    p: float


class Preference(NamedTuple):
    """Of two methods: how often the first was chosen. p: two-sided sign test against a coin."""

    first: str
    second: str
    chosen: int
    trials: int
    low: float
    high: float
    p: float


@dataclass(frozen=True, slots=True)
class Analysis:
    """What raters said. raters: how many."""

    raters: int
    means: tuple[Mean, ...] = ()
    anova: tuple[Anova, ...] = ()
    pairs: tuple[Pair, ...] = ()
    preferences: tuple[Preference, ...] = ()

    def lines(self) -> Iterator[tuple[str, list[tuple[str, ...]]]]:
        """Title and rows (the first the heads) of every table."""
        if self.means:
            aspects = tuple(dict.fromkeys(m.aspect for m in self.means))
            found = {(m.method, m.aspect): f"{m.mean:.2f} ± {m.half:.2f} (n={m.ratings})" for m in self.means}
            methods = tuple(dict.fromkeys(m.method for m in self.means))
            rows = [(method, *(found.get((method, a), "–") for a in aspects)) for method in methods]
            yield f"Mean ratings of {self.raters} raters, 1 to 5, with 95 % intervals", [("", *aspects), *rows]
        if self.anova:
            rows = [(a.aspect, f"{a.f:.2f}", _p(a.p)) for a in self.anova]
            yield "One-way ANOVA over methods", [("aspect", "F", "p"), *rows]
        if self.pairs:
            rows = [(p.aspect, p.first, p.second, f"{p.difference:+.2f}", _p(p.p)) for p in self.pairs]
            yield "Tukey's test", [("aspect", "method", "less", "difference", "p"), *rows]
        if self.preferences:
            rows = [
                (p.first, p.second, f"{p.chosen / p.trials:.1%} [{p.low:.1%}, {p.high:.1%}]", str(p.trials), _p(p.p))
                for p in self.preferences
            ]
            yield f"Choices of {self.raters} raters", [("chosen", "over", "share", "trials", "p"), *rows]

    def show(self, console: Console | None = None) -> None:
        """Print the tables."""
        for title, (heads, *rows) in self.lines():
            table = Table(title=title, title_justify="left")
            for head in heads:
                table.add_column(escape(head))
            for row in rows:
                table.add_row(*map(escape, row))
            (console or Console()).print(table)

    def markdown(self) -> str:
        """The same for reading."""
        text = []
        for title, (heads, *rows) in self.lines():
            text += [f"## {title}", "", "| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]
            text += ["| " + " | ".join(row) + " |" for row in rows] + [""]
        return "\n".join(text)


def analyse(key: Path, ratings: Sequence[Path]) -> Analysis:
    """Analysis of the files that raters sent back. A rater (by the page's own number of each, not by the name, which
    two may share) who sent two counts once, by the answers of the later file given.

    Raises UnusableInput when a file is not of this study, or there is nothing to analyse.
    """
    if find_spec("scipy") is None:
        raise UnusableInput("This needs scipy. Install: pip install 'dreamtalk[eval]'")
    made = _read(key)
    trials, kind = made.get("trials"), made.get("kind")
    if not isinstance(trials, dict) or kind not in ("rating", "choice"):
        raise UnusableInput(f"{key} is not the key of a study (key.json).")
    if not all(_is_trial(one, kind) for one in trials.values()):
        raise UnusableInput(f"{key} is not the key of a study (key.json): its trials name no methods.")
    answers: dict[str, dict[str, Any]] = {}
    for file in ratings:
        found = _read(file)
        given = found.get("answers")
        same = found.get("study") == made.get("study")
        if not same or not isinstance(given, dict) or not set(given) <= set(trials):
            raise UnusableInput(f"{file} does not hold ratings of this study.")
        if not all(_makes_sense(said, kind) for said in given.values()):
            raise UnusableInput(f"{file} holds answers that nobody can give; it is damaged.")
        answers.setdefault(str(found.get("id", found.get("rater", file.stem))), {}).update(given)
    if not any(answers.values()):
        raise UnusableInput("There are no ratings to analyse.")
    return _choices(trials, answers) if kind == "choice" else _ratings(trials, answers)


def _is_trial(trial: object, kind: str) -> bool:
    """Whether that is what `make_study` writes of one trial."""
    methods = trial.get("methods") if isinstance(trial, dict) else None
    if not isinstance(methods, list) or len(methods) != (2 if kind == "choice" else 1):
        return False
    return all(isinstance(name, str) for name in methods)


def _makes_sense(said: object, kind: str) -> bool:
    """Whether that is what the page gives for one trial."""
    if not isinstance(said, dict):
        return False
    if kind == "choice":
        return said.get("choice") in (0, 1)
    return all(said.get(aspect, 1) in (1, 2, 3, 4, 5) for aspect in QUESTIONS)


def _ratings(trials: dict[str, Any], answers: dict[str, dict[str, Any]]) -> Analysis:
    from scipy import stats

    by: dict[str, dict[str, list[float]]] = {}
    for given in answers.values():
        for trial, said in given.items():
            for aspect in QUESTIONS:
                if aspect in said:
                    by.setdefault(aspect, {}).setdefault(trials[trial]["methods"][0], []).append(float(said[aspect]))
    means, anova, pairs = [], [], []
    for aspect, groups in by.items():
        for method, values in groups.items():
            spread = stats.t.ppf((1 + LEVEL) / 2, len(values) - 1) * stats.sem(values) if len(values) > 1 else np.nan
            means.append(Mean(aspect, method, float(np.mean(values)), float(spread), len(values)))
        enough = {m: v for m, v in groups.items() if len(v) > 1}
        if len(enough) < 2:
            continue
        f, p = stats.f_oneway(*enough.values())
        anova.append(Anova(aspect, float(f), float(p)))
        tukey = stats.tukey_hsd(*enough.values())
        for (i, first), (j, second) in combinations(enumerate(enough), 2):
            difference = float(np.mean(enough[first]) - np.mean(enough[second]))
            pairs.append(Pair(aspect, first, second, difference, float(tukey.pvalue[i, j])))
    return Analysis(len(answers), tuple(means), tuple(anova), tuple(pairs))


def _choices(trials: dict[str, Any], answers: dict[str, dict[str, Any]]) -> Analysis:
    from scipy import stats

    counts: dict[tuple[str, str], list[int]] = {}
    for given in answers.values():
        for trial, said in given.items():
            first, second = trials[trial]["methods"]
            counts.setdefault((first, second), []).append(int(said["choice"] == 0))
    found = []
    for (first, second), chosen in counts.items():
        test = stats.binomtest(sum(chosen), len(chosen))
        low, high = test.proportion_ci(LEVEL)
        found.append(Preference(first, second, sum(chosen), len(chosen), float(low), float(high), float(test.pvalue)))
    return Analysis(len(answers), preferences=tuple(found))


def _read(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as problem:
        raise UnusableInput(f"{file} cannot be read as JSON.") from problem
    if not isinstance(found, dict):
        raise UnusableInput(f"{file} is not a file of a study.")
    return found


def _p(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"{value:.3f}"
