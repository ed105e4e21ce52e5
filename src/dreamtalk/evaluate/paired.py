"""Methods against each other on the same clips: differences clip by clip, which tell more than two intervals do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dreamtalk.evaluate.figures import Table
from dreamtalk.evaluate.scoring import Estimate, Metric, Score, combine

if TYPE_CHECKING:
    from dreamtalk.evaluate.report import Report

_NOTE = (
    "Row less the first one, mean over the clips both have, with its 95 % interval. * where that leaves out 0; of "
    "twenty such comparisons one does so by chance. It says that they differ, not which is good: see the metric."
)


def difference(report: Report, name: str, row: str, over: str, metric: Metric) -> Estimate | None:
    """By how much a row is above another one in a set, clip by clip; None where they share no clip."""
    ours, theirs = (
        {value.clip: value.score for value in report.cells.get((name, each, metric.name), [])} for each in (row, over)
    )
    scores = [
        Score(ours[clip].value - theirs[clip].value, min(ours[clip].weight, theirs[clip].weight))
        for clip in ours
        if clip in theirs
    ]
    return combine(scores, metric.combine, report.resamples, report.seed)


def comparison(report: Report, name: str) -> Table | None:
    """Every method of a set against the first one; None where there are not two methods with values."""
    seen = {row for set_, row, _ in report.cells if set_ == name}
    methods = [row for row in report.rows if row in seen and row not in report.bounds]
    if not report.bounds or len(methods) < 2:
        return None
    first, *others = methods
    lines = []
    for metric in report.metrics:
        found = [difference(report, name, row, first, metric) for row in others]
        if any(found):
            lines.append((metric.head, *(_text(each, metric.digits) for each in found)))
    heads = ("metric", *(f"{row} less {first}" for row in others))
    return Table(f"{name}: methods clip by clip", heads, tuple(lines), _NOTE) if lines else None


def _text(found: Estimate | None, digits: int) -> str:
    if found is None:
        return "–"
    value, low, high = (round(number, digits) + 0.0 for number in (found.value, found.low, found.high))
    sure = " *" if found.clips > 1 and (found.low > 0.0 or found.high < 0.0) else ""
    return f"{value:+.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]{sure}"
