"""A report as one HTML file that needs nothing else: tables, intervals as bars, figures, every clip, definitions."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Sequence
from html import escape
from typing import TYPE_CHECKING

from dreamtalk.evaluate.figures import Figure
from dreamtalk.evaluate.scoring import Estimate, Metric

if TYPE_CHECKING:
    from dreamtalk.evaluate.report import Report

_WIDTH, _HEIGHT, _LINE = 460, 26, 22
"""px of a chart: its width, the head, and a row."""
_NAMES = 130
"""px for the rows' names."""

_COLOURS = ("#2a6fdb", "#7a7a7a", "#2e9e5b", "#c9752b", "#a13d8c", "#5b5bd6")

_STYLE = """
:root { color-scheme: light dark; --line: #8885; }
body { font: 15px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 72rem; padding: 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.2rem; margin-top: 2rem; }
table { border-collapse: collapse; display: block; overflow-x: auto; }
th, td { border-bottom: 1px solid var(--line); padding: .25rem .7rem; text-align: right; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; }
.charts { display: flex; flex-wrap: wrap; gap: 1rem; }
figure { margin: 0; } img { max-width: 100%; } svg text { fill: currentColor; font: 12px system-ui, sans-serif; }
.span { opacity: .65; font-size: .85em; } dt { font-weight: 600; margin-top: .6rem; }
"""


def page(report: Report, figures: Sequence[Figure] = ()) -> str:
    """The whole HTML file."""
    title = f"{report.title} evaluation"
    parts = [f"<h1>{escape(title)}</h1>"]
    if report.notes:
        parts.append("<ul>" + "".join(f"<li>{escape(note)}</li>" for note in report.notes) + "</ul>")
    for name in report.sets:
        if report.clips(name):
            parts += [
                f"<h2>{escape(name)} ({report.clips(name)} clips)</h2>",
                _table(report, name),
                _charts(report, name),
            ]
    for figure in figures:
        kind = "png" if figure.image.startswith(b"\x89PNG") else "jpeg"
        source = f"data:image/{kind};base64,{base64.b64encode(figure.image).decode()}"
        shown = figure.svg or f"<img alt='{escape(figure.text, quote=True)}' src='{source}'>"
        parts.append(
            f"<h2>{escape(f'{figure.clip} {figure.title}')}</h2><figure>{shown}"
            f"<figcaption>{escape(figure.text)}</figcaption></figure>"
        )
    parts += ["<h2>Every clip</h2>", *_clips(report), "<h2>Metrics</h2>", _definitions(report.metrics)]
    facts = escape(json.dumps(report.facts, indent=1, default=str))
    parts.append(f"<details><summary>Configuration and versions</summary><pre>{facts}</pre></details>")
    head = f"<meta charset='utf-8'><meta name='viewport' content='width=device-width'><title>{title}</title>"
    body = "\n".join(parts)
    return (
        f"<!doctype html>\n<html lang='en'><head>{head}<style>{_STYLE}</style></head>\n<body>\n{body}\n</body></html>\n"
    )


def _table(report: Report, name: str) -> str:
    heads = "".join(f"<th>{escape(row)}</th>" for row in report.rows)
    lines = []
    for metric in report.metrics:
        cells = "".join(
            f"<td>{_cell(report.estimates.get((name, row, metric.name)), metric)}</td>" for row in report.rows
        )
        lines.append(f"<tr><td title='{escape(metric.definition, quote=True)}'>{escape(metric.head)}</td>{cells}</tr>")
    note = "<p class='span'>In brackets: 95 % bootstrap interval over clips.</p>"
    return f"<table><thead><tr><th></th>{heads}</tr></thead><tbody>{''.join(lines)}</tbody></table>{note}"


def _cell(found: Estimate | None, metric: Metric) -> str:
    if found is None:
        return "–"
    digits = metric.digits
    return f"{found.value:.{digits}f} <span class='span'>[{found.low:.{digits}f}, {found.high:.{digits}f}]</span>"


def _charts(report: Report, name: str) -> str:
    made = [_chart(report, name, metric) for metric in report.metrics]
    return f"<div class='charts'>{''.join(made)}</div>"


def _chart(report: Report, name: str, metric: Metric) -> str:
    """One metric: a dot with its interval per row."""
    found = [(row, report.estimates.get((name, row, metric.name))) for row in report.rows]
    known = [(row, e) for row, e in found if e is not None]
    if not known:
        return ""
    least, most = min(min(e.low, 0.0) for _, e in known), max(max(e.high, 0.0) for _, e in known)
    reach = (most - least) or 1.0

    def x(value: float) -> float:
        return _NAMES + (value - least) / reach * (_WIDTH - _NAMES - 20)

    marks = [f"<text x='0' y='15' font-weight='600'>{escape(metric.title)}, good: {escape(metric.good)}</text>"]
    for number, (row, e) in enumerate(known):
        y, colour = _HEIGHT + number * _LINE + 8, _COLOURS[report.rows.index(row) % len(_COLOURS)]
        marks += [
            f"<text x='0' y='{y + 4}'>{escape(row[:20])}</text>",
            f"<line x1='{x(e.low):.1f}' x2='{x(e.high):.1f}' y1='{y}' y2='{y}' stroke='{colour}' stroke-width='3' "
            "stroke-opacity='.5'/>",
            f"<circle cx='{x(e.value):.1f}' cy='{y}' r='5' fill='{colour}'><title>{e.value:.3f}</title></circle>",
        ]
    height = _HEIGHT + len(known) * _LINE
    span = f"x1='{x(0):.1f}' x2='{x(0):.1f}' y1='{_HEIGHT - 4}' y2='{height}'"
    zero = f"<line {span} stroke='currentColor' stroke-opacity='.3'/>"
    label = escape(f"{metric.title} by row", quote=True)
    return f"<svg role='img' aria-label='{label}' width='{_WIDTH}' height='{height}'>{zero}{''.join(marks)}</svg>"


def _clips(report: Report) -> Iterator[str]:
    """A folded table per clip."""
    by: dict[tuple[str, str], dict[tuple[str, str], float]] = {}
    for value in report.values:
        by.setdefault((value.set, value.clip), {})[value.metric, value.row] = value.score.value
    for (name, clip), found in by.items():
        rows = [row for row in report.rows if any(key[1] == row for key in found)]
        heads = "".join(f"<th>{escape(row)}</th>" for row in rows)
        lines = []
        for metric in report.metrics:
            numbers = [found.get((metric.name, row)) for row in rows]
            if any(number is not None and number == number for number in numbers):
                cells = "".join("<td>–</td>" if n is None or n != n else f"<td>{n:.3f}</td>" for n in numbers)
                lines.append(f"<tr><td>{escape(metric.title)}</td>{cells}</tr>")
        table = f"<table><thead><tr><th></th>{heads}</tr></thead><tbody>{''.join(lines)}</tbody></table>"
        yield f"<details><summary>{escape(clip)} <span class='span'>{escape(name)}</span></summary>{table}</details>"


def _definitions(metrics: Sequence[Metric]) -> str:
    lines = []
    for m in metrics:
        about = f"{m.unit or 'no unit'}; {m.span}; good: {m.good}"
        text = f"{m.definition} Reference: {m.reference} Pitfalls: {m.pitfalls}"
        lines.append(f"<dt>{escape(m.title)} <span class='span'>{escape(about)}</span></dt><dd>{escape(text)}</dd>")
    return f"<dl>{''.join(lines)}</dl>"
