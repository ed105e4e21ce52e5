"""Plots of a report as SVG: they follow the page's light and dark colours, stay sharp in print, and need no package.

Colours are classes (`line-0`, `fill-0`, ..., `grid`), filled by page.css in a report and by `standalone` in a file.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from html import escape

import numpy as np

from dreamtalk.evaluate.figures import Figure
from dreamtalk.evaluate.scoring import Estimate
from dreamtalk.types import SAMPLE_RATE, VIDEO_FPS, Float

SERIES = ("#2563c9", "#2e8b57", "#c2410c", "#8b3fa0", "#0e7490", "#a16207", "#be185d", "#4b5563", "#94a3b8")
"""Colours of rows in their order, on white; page.css has lighter ones for dark pages."""

DASHES = ("", "8 3", "2 3", "10 3 2 3")
"""Of lines, by their order: rows can be told apart without colours."""

_SIZE, _FRAME = (920, 250), (46, 12, 30, 34)
"""px of the lip curves: width and height; what lies left, right, above and below them."""
_LETTER = 7
"""px of a letter in a legend."""
_LINE, _LETTERS = 21, 20
"""px of a row of intervals; letters of its name that fit."""
_NOTHING = 1e-4
"""Below which a number beside a plot is 0."""
_NEAR_ZERO = 0.4
"""An axis begins at 0 when its smallest value is below this share of its largest."""


def colour_of(row: str, rows: Sequence[str]) -> int:
    """Index of a row's colour: the same in every plot of a report."""
    return (rows.index(row) if row in rows else len(rows)) % len(SERIES)


def lip_curves(clip: str, lines: Mapping[str, Float], samples: Float, rows: Sequence[str] = ()) -> Figure:
    """The lips' opening over the waveform, for the clip's panel in the report.

    lines: by row, the inner-lip aperture (T,) in % iod at 25 fps, as face.measures.aperture gives it. samples: (S,) at
    16 kHz, or none. rows: all rows of the report, so that a row has the same colour everywhere; none: those of `lines`.
    """
    rows = rows or tuple(lines)
    (width, height), (left, right, above, below) = _SIZE, _FRAME
    seconds = max(max((len(line) for line in lines.values()), default=0), 1) / VIDEO_FPS
    known: list[float] = [value for line in lines.values() for value in line[np.isfinite(line)].tolist()]
    low, high = min([0.0, *known]), max([1.0, *known])

    def x(second: float) -> float:
        return left + second / seconds * (width - left - right)

    def y(value: float) -> float:
        return above + (high - value) / (high - low) * (height - above - below)

    parts = [_waveform(samples, seconds, x, above, height - below)]
    for value in ticks(low, high, 4):
        parts.append(f"<line class='grid' x1='{left}' x2='{width - right}' y1='{y(value):.1f}' y2='{y(value):.1f}'/>")
        parts.append(f"<text x='{left - 6}' y='{y(value) + 4:.1f}' text-anchor='end'>{value:g}</text>")
    for second in ticks(0.0, seconds, 10):
        parts.append(f"<text x='{x(second):.1f}' y='{height - 16}' text-anchor='middle'>{second:g}</text>")
    parts.append(f"<text x='{width - right}' y='{height - 2}' text-anchor='end'>seconds</text>")
    parts.append("<text x='4' y='14'>% iod</text>")
    at = left + 20
    for number, (row, line) in enumerate(lines.items()):
        look = f"class='curve line-{colour_of(row, rows)}' stroke-dasharray='{DASHES[number % len(DASHES)]}'"
        for run in _runs(np.asarray(line)):
            path = " ".join(f"{x(i / VIDEO_FPS):.1f},{y(line[i]):.1f}" for i in run)
            parts.append(f"<polyline {look} points='{path}'/>")
        parts.append(f"<line {look} x1='{at}' x2='{at + 30}' y1='10' y2='10'/>")
        parts.append(f"<text x='{at + 36}' y='14'>{escape(_short(row))}</text>")
        at += 52 + _LETTER * len(_short(row))
    text = f"Opening of the inner lips ({', '.join(lines)}) over time; behind it the waveform of the sound."
    return Figure("Lips over the sound", text, svg=svg(width, height, "".join(parts), f"{clip}. {text}"), clip=clip)


def intervals(label: str, found: Mapping[str, Estimate], rows: Sequence[str], bounds: Sequence[str]) -> str:
    """A dot with its 95 % interval per row; hollow for bounds. The axis has 0 where values are not all far from it."""
    low = min(min(e.low for e in found.values()), min(e.value for e in found.values()))
    high = max(max(e.high for e in found.values()), max(e.value for e in found.values()))
    low, high = (min(low, 0.0) if low < _NEAR_ZERO * high else low), max(high, 0.0)
    reach = (high - low) or 1.0
    low, high = low - (0.04 * reach if low else 0.0), high + 0.04 * reach
    width, names, numbers = 340, 132, 52
    height = len(found) * _LINE + 22

    def x(value: float) -> float:
        return names + (value - low) / (high - low) * (width - names - numbers)

    bottom = len(found) * _LINE
    parts = []
    for value in ticks(low, high, 3):
        parts.append(f"<line class='grid' x1='{x(value):.1f}' x2='{x(value):.1f}' y1='2' y2='{bottom}'/>")
        parts.append(f"<text class='quiet' x='{x(value):.1f}' y='{bottom + 14}' text-anchor='middle'>{value:g}</text>")
    for number, (row, e) in enumerate(found.items()):
        y, colour = number * _LINE + _LINE / 2, colour_of(row, rows)
        inside = f"open line-{colour}" if row in bounds else f"fill-{colour}"
        parts.append(f"<text x='0' y='{y + 4}'><title>{escape(row)}</title>{escape(_short(row))}</text>")
        line = f"x1='{x(e.low):.1f}' x2='{x(e.high):.1f}' y1='{y}' y2='{y}'"
        parts.append(f"<line class='line-{colour}' {line} stroke-width='3' stroke-opacity='.55'/>")
        parts.append(f"<circle class='{inside}' cx='{x(e.value):.1f}' cy='{y}' r='4.5' stroke-width='2'/>")
        parts.append(f"<text class='quiet' x='{width}' y='{y + 4}' text-anchor='end'>{brief(e.value)}</text>")
    said = "; ".join(f"{row} {brief(e.value)} ({brief(e.low)} to {brief(e.high)})" for row, e in found.items())
    return svg(width, height, "".join(parts), f"{label}: {said}")


def brief(value: float) -> str:
    """Three digits that count, of what is not as good as nothing."""
    if abs(value) < _NOTHING:
        return "0.00"
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:#.3g}".rstrip(".")


def svg(width: int, height: int, content: str, label: str) -> str:
    """An SVG drawing of this size in px that scales to its place. label: for those who cannot see it."""
    return (
        f"<svg xmlns='http://www.w3.org/2000/svg' role='img' aria-label='{escape(label, quote=True)}' "
        f"viewBox='0 0 {width} {height}' width='{width}' height='{height}'>{content}</svg>"
    )


def standalone(drawing: str) -> str:
    """The drawing as a file of its own: black on white, colours inside."""
    rules = [f".line-{i}{{stroke:{c}}}.fill-{i}{{fill:{c}}}" for i, c in enumerate(SERIES)]
    style = (
        "text{font:12px sans-serif;fill:#111}.curve{fill:none;stroke-width:1.8}.wave{fill:#ddd}"
        ".grid{stroke:#ddd}.axis{stroke:#777}.quiet{fill:#555}.open{fill:#fff}" + "".join(rules)
    )
    start = drawing.index(">") + 1
    return f"{drawing[:start]}<style>{style}</style><rect width='100%' height='100%' fill='#fff'/>{drawing[start:]}\n"


def ticks(low: float, high: float, most: int) -> list[float]:
    """At most `most` + 1 round numbers from low to high."""
    span = high - low
    if not np.isfinite(span) or span <= 0:
        return [low]
    exact = span / most
    power = 10.0 ** np.floor(np.log10(exact))
    step = next(float(f * power) for f in (1, 2, 2.5, 5, 10) if f * power >= exact * (1 - 1e-9))
    first = int(np.ceil(low / step - 1e-9))
    return [round(i * step, 10) for i in range(first, int(np.floor(high / step + 1e-9)) + 1)]


def _short(row: str) -> str:
    return row if len(row) <= _LETTERS else f"{row[: _LETTERS - 1].rstrip()}…"


def _waveform(samples: Float, seconds: float, x: Callable[[float], float], top: float, bottom: float) -> str:
    """The sound's loudness as an area around the middle; nothing without sound."""
    sound = np.abs(np.asarray(samples[: round(seconds * SAMPLE_RATE)], dtype=np.float32))
    step = max(1, round(seconds * SAMPLE_RATE / _SIZE[0]))
    if len(sound) < 2 * step:
        return ""
    loudest = sound[: len(sound) // step * step].reshape(-1, step).max(axis=1)
    middle, reach = (top + bottom) / 2, (bottom - top) / 2 / max(float(loudest.max()), 1e-3)
    across = [x(i * step / SAMPLE_RATE) for i in range(len(loudest))]
    upper = [f"{at:.0f},{middle - reach * v:.1f}" for at, v in zip(across, loudest, strict=True)]
    lower = [f"{at:.0f},{middle + reach * v:.1f}" for at, v in zip(across[::-1], loudest[::-1], strict=True)]
    return f"<polygon class='wave' points='{' '.join(upper + lower)}'/>"


def _runs(line: Float) -> list[list[int]]:
    """Indices of the stretches in which a line has numbers."""
    runs: list[list[int]] = []
    for i in np.flatnonzero(np.isfinite(line)):
        if not runs or runs[-1][-1] != i - 1:
            runs.append([])
        runs[-1].append(int(i))
    return runs
