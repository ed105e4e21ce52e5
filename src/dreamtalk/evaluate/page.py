"""A report as one HTML file that asks nothing of a network: tables, plots, figures, every clip, and how to read it."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from html import escape
from importlib import resources
from typing import TYPE_CHECKING, NamedTuple

from dreamtalk.evaluate.explorer import OUTLIER, explorer
from dreamtalk.evaluate.figures import Figure, Table
from dreamtalk.evaluate.paired import comparison
from dreamtalk.evaluate.plots import intervals
from dreamtalk.evaluate.scoring import Estimate, Metric

if TYPE_CHECKING:
    from dreamtalk.evaluate.report import Report

_FOLDED = 6
"""Notes from which on they are folded."""


class _Section(NamedTuple):
    """id: for links. title: in the page and in the list of sections. html: what follows."""

    id: str
    title: str
    html: str


def page(report: Report, figures: Sequence[Figure] = ()) -> str:
    """The whole HTML file of a report."""
    drawn = [_figure(figure) for figure in figures]
    shown = [name for name in report.sets if report.clips(name)]
    sections = [_Section("read", "How to read this", _reading(report))]
    sections.append(_Section("tables", "Tables", "".join(_numbers(report, name) for name in shown)))
    sections.append(_Section("plots", "Plots", "".join(_charts(report, name, name == shown[0]) for name in shown)))
    if report.tables:
        sections.append(_Section("more", "More tables", "".join(map(_table, report.tables))))
    whole = [html for figure, html in zip(figures, drawn, strict=True) if not figure.clip]
    if whole:
        sections.append(_Section("figures", "Figures", "".join(whole)))
    if shown:
        sections.append(_Section("clips", "Every clip", "\n".join(explorer(report, figures, drawn))))
    sections.append(_Section("metrics", "Metrics, and when they lie", _definitions(report.metrics)))
    sections.append(_Section("origin", "Versions and configuration", _facts(report.origin)))
    counts = [f"{name}: {report.clips(name)} {'clip' if report.clips(name) == 1 else 'clips'}" for name in shown]
    return _document(f"{report.title} evaluation", ". ".join(counts), report.notes, sections)


def tables_page(
    title: str, tables: Sequence[Table], figures: Sequence[Figure] = (), facts: Mapping[str, object] | None = None
) -> str:
    """The HTML file of an evaluation that has tables of its own kind and no Report."""
    sections = [_Section("tables", "Tables", "".join(map(_table, tables)))]
    if figures:
        sections.append(_Section("figures", "Figures", "".join(map(_figure, figures))))
    if facts:
        sections.append(_Section("origin", "Versions and configuration", _facts(facts)))
    return _document(title, "", (), sections)


def _document(title: str, summary: str, notes: Sequence[str], sections: Sequence[_Section]) -> str:
    """The file. Its policy lets a browser load nothing at all, and run nothing but page.js as it stands here."""
    style, script = (
        resources.files("dreamtalk.evaluate").joinpath(name).read_text(encoding="utf-8")
        for name in ("page.css", "page.js")
    )
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"
    links = "".join(f"<a href='#{s.id}'>{escape(s.title.split(',')[0])}</a>" for s in sections)
    parts = [
        f"<section id='{s.id}' aria-labelledby='{s.id}-h'><h2 id='{s.id}-h'>{escape(s.title)}</h2>\n{s.html}</section>"
        for s in sections
    ]
    about = f"<p class='quiet'>{escape(summary)}.</p>" if summary else ""
    return (
        "<!doctype html>\n<html lang='en'><head><meta charset='utf-8'>"
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        "<meta name='viewport' content='width=device-width, initial-scale=1'>"
        f"<title>{escape(title)}</title><style>\n{style}</style></head>\n<body>"
        f"<a class='skip' href='#{sections[0].id}'>Skip to the report</a>"
        f"<nav aria-label='Sections'><div>{links}<button class='push' id='theme' type='button'>light or dark</button>"
        "<button id='print' type='button'>print</button></div></nav>\n"
        f"<main><h1>{escape(title)}</h1>{about}{_notes(notes)}\n" + "\n".join(parts) + "</main>\n"
        f"<script>{script}</script></body></html>\n"
    )


def _notes(notes: Sequence[str]) -> str:
    if not notes:
        return ""
    lines = "<ul>" + "".join(f"<li>{escape(note)}</li>" for note in notes) + "</ul>"
    if len(notes) < _FOLDED:
        return lines
    return f"<details><summary>{len(notes)} notes on clips and what was made equal</summary>{lines}</details>"


def _reading(report: Report) -> str:
    """What the rows are, and how to read a number of the table."""
    named = [row for row in report.rows if row in report.legend]
    rows = "".join(f"<dt>{escape(row)}</dt><dd>{escape(report.legend[row])}</dd>" for row in named)
    real = f" Begin with {escape(_listed(report.bounds))}: no method made them." if report.bounds else ""
    texts = [
        "A cell is the mean over clips (the median where a metric says so); n counts events where it is a share of "
        "events. Below it stands the 95 % interval of the bootstrap over whole clips: where it would lie if other "
        f"clips of this kind had been drawn ({report.resamples} draws, seed {report.seed}). It knows nothing of other "
        "speakers or languages than these, and with fewer than ten clips it is too narrow.",
        "Two rows whose intervals do not touch differ. Where they overlap they may still differ, for all rows are of "
        "the same clips: look at the differences clip by clip (the table below where there are several methods, and "
        "“less that of” among the clips).",
        f"{real} A number means something between what the real video has and what chance or a still picture has. A "
        "method beyond the real video on a metric has found its weakness, not beaten reality. No single number is "
        "quality: “when they lie” below says what each one misses.",
        f"⚑ marks clips more than {OUTLIER:g} robust deviations from the median of their row: look at these first, for "
        "a lost face or a damaged file. A dash: nothing to measure there.",
    ]
    legend = f"<h3>Rows</h3><dl>{rows}</dl>" if rows else ""
    said = "".join(f"<p>{text}</p>" for text in texts)
    return f"<details open><summary>Rows, intervals, marks</summary>{said}{legend}</details>"


def _numbers(report: Report, name: str) -> str:
    """A set's table: metrics down, rows across."""
    clips = report.clips(name)
    rows = report.rows_of(name)
    looks = {row: " class='bound'" if row in report.bounds else "" for row in rows}
    heads = "".join(
        f"<th scope='col'{looks[row]} title='{escape(report.legend.get(row, ''), quote=True)}'>{escape(row)}</th>"
        for row in rows
    )
    lines = []
    for m in report.metrics_of(name):
        found = [report.estimates.get((name, row, m.name)) for row in rows]
        cells = "".join(f"<td{looks[row]}>{_cell(e, m, clips)}</td>" for row, e in zip(rows, found, strict=True))
        link = f"#metric-{escape(m.name, quote=True)}"
        head = f"<a href='{link}'>{escape(m.head)}</a><small>good: {escape(m.good)}</small>"
        lines.append(f"<tr><th scope='row' title='{escape(m.definition, quote=True)}'>{head}</th>{cells}</tr>")
    caption = f"{clips} clips; below each number its 95 % interval"
    table = _framed(name, caption, f"<th scope='col'>metric</th>{heads}", lines)
    paired = comparison(report, name)
    return table if paired is None else table + _table(paired)


def _cell(found: Estimate | None, metric: Metric, clips: int) -> str:
    """Value, interval, and of how many clips and events where that is not all of them."""
    if found is None:
        return "–"
    value, low, high = (_fixed(number, metric.digits) for number in (found.value, found.low, found.high))
    events = f"<small>n = {found.weight:.0f}</small>" if found.weight != found.clips else ""
    fewer = f"<small>{found.clips} of {clips} clips</small>" if found.clips != clips else ""
    return f"{value}<small>{low} to {high}</small>{events}{fewer}"


def _fixed(number: float, digits: int) -> str:
    """With so many decimals, and no minus before zero."""
    return f"{round(number, digits) + 0.0:.{digits}f}"


def _table(table: Table) -> str:
    heads = "".join(f"<th scope='col'>{escape(head)}</th>" for head in table.heads)
    lines = [
        f"<tr><th scope='row'>{escape(line[0])}</th>{''.join(f'<td>{escape(cell)}</td>' for cell in line[1:])}</tr>"
        for line in table.lines
    ]
    return _framed(table.title, table.note, heads, lines)


def _framed(title: str, caption: str, heads: str, lines: Sequence[str]) -> str:
    label = escape(title, quote=True)
    return (
        f"<h3>{escape(title)}</h3><div class='wide' tabindex='0' role='region' aria-label='{label}'><table>"
        f"<caption>{escape(caption)}</caption><thead><tr>{heads}</tr></thead><tbody>{''.join(lines)}</tbody></table></div>"
    )


def _charts(report: Report, name: str, unfolded: bool) -> str:
    """A plot per metric of a set: every row with its interval. unfolded: seen at once."""
    made = []
    for m in report.metrics_of(name):
        known = {row: e for row in report.rows if (e := report.estimates.get((name, row, m.name))) is not None}
        drawing = intervals(m.head, known, report.rows, report.bounds)
        head = f"{escape(m.head)} <small>good: {escape(m.good)}</small>"
        made.append(f"<figure class='chart'><figcaption>{head}</figcaption>{drawing}</figure>")
    opened = " open" if unfolded else ""
    charts = f"<div class='charts'>{''.join(made)}</div>"
    return f"<details{opened}><summary>{escape(name)}</summary>{charts}</details>"


def _figure(figure: Figure) -> str:
    kind = "png" if figure.image.startswith(b"\x89PNG") else "jpeg"
    source = f"data:image/{kind};base64,{base64.b64encode(figure.image).decode()}"
    about = escape(f"{figure.title}. {figure.text}", quote=True)
    shown = figure.svg or f"<img alt='{about}' src='{source}'>"
    return (
        f"<figure><h3>{escape(figure.title)}</h3>"
        f"<div class='wide' tabindex='0' role='region' aria-label='{about}'>{shown}</div>"
        f"<figcaption>{escape(figure.text)}</figcaption></figure>"
    )


def _definitions(metrics: Sequence[Metric]) -> str:
    return "<dl>" + "".join(map(_definition, metrics)) + "</dl>"


def _definition(m: Metric) -> str:
    about = f"{m.unit or 'no unit'}; {m.span}; good: {m.good}; {m.combine} over clips"
    return (
        f"<dt id='metric-{escape(m.name, quote=True)}'>{escape(m.title)} <small>{escape(about)}</small></dt>"
        f"<dd>{escape(m.definition)}<br><b>Compare with:</b> {escape(m.reference)}<br>"
        f"<b>When it lies:</b> {escape(m.pitfalls)}</dd>"
    )


def _facts(facts: Mapping[str, object]) -> str:
    """Tables of what is a mapping; the rest as JSON. Notes stand above already."""
    parts, rest = [], {}
    for name, value in facts.items():
        if isinstance(value, Mapping) and value:
            lines = [
                f"<tr><th scope='row'>{escape(str(key))}</th><td>{escape(str(what))}</td></tr>"
                for key, what in value.items()
            ]
            head = "<th scope='col'>what</th><th scope='col'>which</th>"
            parts.append(f"<div class='prose'>{_framed(name, '', head, lines)}</div>")
        elif name != "notes":
            rest[name] = value
    if rest:
        parts.append(f"<pre>{escape(json.dumps(rest, indent=1, default=str))}</pre>")
    return "".join(parts)


def _listed(names: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))
