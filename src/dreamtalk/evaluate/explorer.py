"""The clips of a report, for its page: a table to sort and filter, and a panel per clip with its figures."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from dreamtalk.evaluate.figures import Figure
from dreamtalk.evaluate.plots import colour_of
from dreamtalk.evaluate.scoring import Metric

if TYPE_CHECKING:
    from dreamtalk.evaluate.report import Report

OUTLIER = 3.5
"""Robust deviations (1.4826 times the median distance from the median) from which on a clip stands out (Iglewicz and
Hoaglin 1993)."""
_LEAST_CLIPS = 6
"""Below which nothing can stand out."""

CONTROLS = """
<p class='screen'>Click a clip for its pictures, curves and all its numbers (arrow keys: next clip, Esc: back). ⚑ marks
values that stand out from the other clips of the row.</p>
<p class='paper'>On a screen each clip opens here; its numbers are in clips.csv.</p>
<div class='controls' role='group' aria-label='Which clips and numbers to show'>
<label>row <select id='row'>{rows}</select></label>
<label>less that of <select id='base'><option value=''>nothing: the values</option>{rows}</select></label>
<label>set <select id='set'><option value=''>all</option>{sets}</select></label>
<label>clip's name <input id='text' type='search' placeholder='part of it'></label>
<label>only where <select id='metric'><option value=''>any metric</option>{metrics}</select></label>
<label>is at least <input id='least' type='number' step='any'></label>
<label>and at most <input id='most' type='number' step='any'></label>
<label class='tick'><input id='flagged' type='checkbox'> only what stands out</label>
</div>
<p id='count' class='quiet screen' role='status'></p>
<div id='clip-table' tabindex='0' role='region' aria-label='Every clip'>
<table><thead></thead><tbody></tbody></table></div>
<p id='none' hidden>No clip passes: loosen the filters above.</p>
<noscript><p>This table needs scripts, which are off. The same numbers are in clips.csv.</p></noscript>
<dialog id='clip' aria-labelledby='clip-title'><header><h2 id='clip-title'></h2>
<button id='before' type='button' aria-label='previous clip'>← before</button>
<button id='after' type='button' aria-label='next clip'>next →</button>
<button id='close' type='button'>close</button></header><div id='clip-body'></div></dialog>
"""


def explorer(report: Report, figures: Sequence[Figure], drawn: Sequence[str]) -> Iterator[str]:
    """The parts of the section: controls, table, the clips' figures (drawn: as HTML, one per figure) and the data."""
    clips = _clips(report)

    def options(names: Sequence[str]) -> str:
        return "".join(f"<option>{escape(name)}</option>" for name in names)

    sets = list(dict.fromkeys(clip["set"] for clip in clips))
    heads = [f"<option value='{number}'>{escape(m.head)}</option>" for number, m in enumerate(report.metrics)]
    rows = [row for row in report.rows if any(row in clip["values"] for clip in clips)]
    yield CONTROLS.format(rows=options(rows), sets=options(sets), metrics="".join(heads))
    known: dict[tuple[int, ...], int] = {}
    for clip in clips:
        own = tuple(number for number, figure in enumerate(figures) if _belongs(figure, clip))
        if own and own not in known:  # inert until a clip is opened: a page with hundreds of pictures opens at once
            known[own] = len(known)
            yield f"<template id='pictures-{known[own]}'>{''.join(drawn[number] for number in own)}</template>"
        clip["pictures"] = known.get(own)  # the same for a clip that stands in two tables
    data = {
        "sets": sets,
        "rows": rows,
        "colours": {row: colour_of(row, report.rows) for row in rows},
        "metrics": [_described(m) for m in report.metrics],
        "clips": clips,
    }
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")
    yield f"<script type='application/json' id='data'>{text}</script>"


def standing_out(values: Sequence[float | None]) -> list[tuple[int, float, float]]:
    """Places of values far from the rest, each with the value and the median of all. None: no value."""
    known = np.array([v for v in values if v is not None])
    if len(known) < _LEAST_CLIPS:
        return []
    median = float(np.median(known))
    spread = 1.4826 * float(np.median(np.abs(known - median)))
    far = [(i, v, median) for i, v in enumerate(values) if v is not None and abs(v - median) > OUTLIER * spread]
    return far if spread > 0.0 else []


def _described(metric: Metric) -> dict[str, object]:
    return {"head": metric.head, "good": metric.good, "digits": metric.digits, "definition": metric.definition}


def _belongs(figure: Figure, clip: dict[str, Any]) -> bool:
    return figure.clip == clip["clip"] and clip["set"] in (figure.sets or (clip["set"],))


def _clips(report: Report) -> list[dict[str, Any]]:
    """Per clip of a set: values by row, one per metric, and what stands out."""
    places = {metric.name: number for number, metric in enumerate(report.metrics)}
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for value in report.values:
        if value.metric not in places or not np.isfinite(value.score.value) or value.score.weight <= 0:
            continue
        clip = found.setdefault((value.set, value.clip), {"set": value.set, "clip": value.clip, "values": {}})
        empty: list[float | None] = [None] * len(places)
        clip["values"].setdefault(value.row, empty)[places[value.metric]] = float(f"{value.score.value:.5g}")
    clips = [clip for name in report.sets for (set_, _), clip in found.items() if set_ == name]
    for clip in clips:
        notes = [note for note in report.notes if note.startswith((f"{clip['clip']}:", f"{clip['clip']},"))]
        clip |= {"notes": notes, "flags": []}
    for name in report.sets:
        for row in report.rows:
            _flag([clip for clip in clips if clip["set"] == name], row, report.metrics)
    return clips


def _flag(clips: Sequence[dict[str, Any]], row: str, metrics: Sequence[Metric]) -> None:
    """Writes into each clip what stands out in a row."""
    for number, metric in enumerate(metrics):
        values = [clip["values"][row][number] if row in clip["values"] else None for clip in clips]
        for place, value, median in standing_out(values):
            side = "far above" if value > median else "far below"
            text = f"{metric.title} {value:.{metric.digits}f} is {side} the median of {median:.{metric.digits}f}"
            clips[place]["flags"].append({"row": row, "metric": number, "text": text})
