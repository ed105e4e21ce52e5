"""Results as people and programs want them: a table on the screen, Markdown, JSON and CSV."""

from __future__ import annotations

import csv
import io
import json
import platform
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.markup import escape
from rich.table import Table as Printed

from dreamtalk.errors import UnusableOutput
from dreamtalk.evaluate.figures import Figure, Table
from dreamtalk.evaluate.page import page
from dreamtalk.evaluate.scoring import Estimate, Metric, Score, combine
from dreamtalk.evaluate.stamps import shipped
from dreamtalk.foreign import cell, printable
from dreamtalk.media.files import replacing

_PACKAGES = ("dreamtalk", "torch", "numpy", "ai-edge-litert", "opencv-python-headless", "av")

_WIDE = 200
"""Letters of a line where tables are printed into a file."""

_ORIGIN = ("versions", "weights")
"""Facts that stand above every table: what the numbers depend on."""


class Value(NamedTuple):
    """One metric of one clip in one row of one set."""

    set: str
    row: str
    clip: str
    metric: str
    score: Score


@dataclass(frozen=True)
class Report:
    """What an evaluation found. values: every clip. facts: configuration, versions and notes, beside the numbers.

    legend: what each row is, in words. bounds: rows that no method makes (the real video, chance), drawn hollow.
    tables: further ones, such as a confusion matrix or published figures.
    """

    metrics: tuple[Metric, ...]
    sets: tuple[str, ...]
    rows: tuple[str, ...]
    values: tuple[Value, ...]
    facts: dict[str, object]
    resamples: int
    seed: int
    title: str = "Motion"
    legend: Mapping[str, str] = field(default_factory=dict)
    bounds: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()

    @cached_property
    def cells(self) -> dict[tuple[str, str, str], list[Value]]:
        """The clips' values by (set, row, metric name)."""
        found: dict[tuple[str, str, str], list[Value]] = {}
        for value in self.values:
            found.setdefault((value.set, value.row, value.metric), []).append(value)
        return found

    @cached_property
    def estimates(self) -> dict[tuple[str, str, str], Estimate]:
        """By (set, row, metric name); absent where no clip has a value."""
        how = {metric.name: metric.combine for metric in self.metrics}
        scores = {key: [value.score for value in found] for key, found in self.cells.items()}
        made = {key: combine(found, how[key[2]], self.resamples, self.seed) for key, found in scores.items()}
        return {key: estimate for key, estimate in made.items() if estimate is not None}

    @property
    def notes(self) -> list[str]:
        """What readers should know of single clips."""
        found = self.facts.get("notes", [])
        return [str(note) for note in found] if isinstance(found, list) else []

    @property
    def origin(self) -> dict[str, object]:
        """The facts, and which weights are in this package."""
        return {**self.facts, "weights": self.facts.get("weights", shipped())}

    def rows_of(self, name: str) -> tuple[str, ...]:
        """The rows that have a number in a set's table: what cannot be measured there is no empty column."""
        shown = {metric.name for metric in self.metrics_of(name)}
        known = {row for where, row, metric in self.estimates if where == name and metric in shown}
        return tuple(row for row in self.rows if row in known)

    def metrics_of(self, name: str) -> tuple[Metric, ...]:
        """The metrics of a set's table: those of which a method has a number there; bounds alone tell nothing."""
        found = {metric for where, row, metric in self.estimates if where == name and row not in self.bounds}
        return tuple(metric for metric in self.metrics if metric.name in found)

    def clips(self, name: str) -> int:
        """How many clips a set has."""
        return len({value.clip for value in self.values if value.set == name})

    def show(self, console: Console | None = None) -> None:
        """Prints one table per set, without the intervals, which are in the files."""
        console = console or Console(width=None if sys.stdout.isatty() else _WIDE)
        for name, cells in self._tables(intervals=False):
            table = Printed(title=escape(f"{name} ({self.clips(name)} clips)"), title_justify="left")
            table.add_column("")
            for row in self.rows_of(name):
                table.add_column(escape(row), justify="right")
            for title, texts in cells:
                table.add_row(title, *texts)
            console.print(table)
        for note in self.notes:
            console.print(f"[dim]{escape(printable(note))}[/dim]")

    def markdown(self) -> str:
        """All tables and the definitions, for reading."""
        lines = [f"# {self.title} evaluation", "", f"Configuration: {json.dumps(self.facts['config'])}", ""]
        lines += [*(f"{name.capitalize()}: {json.dumps(self.origin.get(name, {}))}\n" for name in _ORIGIN)]
        lines += [f"* {note}" for note in self.notes] + [""]
        for name, cells in self._tables():
            lines += [
                f"## {name} ({self.clips(name)} clips)",
                "",
                "| | " + " | ".join(_cell(row) for row in self.rows_of(name)) + " |",
            ]
            lines += ["|---" * (len(self.rows_of(name)) + 1) + "|"]
            lines += [f"| {title} | " + " | ".join(texts) + " |" for title, texts in cells] + [""]
        lines += ["In brackets: 95 % bootstrap interval over clips. n: events behind a share.", ""]
        lines += [table.markdown() for table in self.tables] + ["## Metrics", ""]
        for m in self.metrics:
            lines += [f"**{m.title}** ({m.unit or 'no unit'}; {m.span}; good: {m.good}). {m.definition}"]
            lines += [f"Reference: {m.reference} Pitfalls: {m.pitfalls}", ""]
        return "\n".join(lines)

    def latex(self) -> str:
        """All tables for a paper, without intervals."""
        lines = [f"% {name}: {json.dumps(self.origin.get(name, {}))}" for name in ("config", *_ORIGIN)]
        for name, cells in self._tables(intervals=False):
            rows = self.rows_of(name)
            lines += [f"% {name} ({self.clips(name)} clips)", f"\\begin{{tabular}}{{l{'r' * len(rows)}}}"]
            lines += [" & ".join(_tex(text) for text in ("", *rows)) + r" \\ \hline"]
            lines += [" & ".join(_tex(text) for text in (title, *texts)) + r" \\" for title, texts in cells]
            lines += [r"\end{tabular}", ""]
        return "\n".join(lines)

    def write(self, folder: Path, figures: Sequence[Figure] = ()) -> None:
        """report.html, table.md, table.tex, report.json, metrics.csv (one line per number) and clips.csv (one line per
        clip and metric). figures: for the HTML page.

        Raises UnusableOutput when the folder cannot be written.
        """
        write_files(folder, self._files(figures))

    def _tables(self, intervals: bool = True) -> Iterator[tuple[str, list[tuple[str, list[str]]]]]:
        """Per set with clips: its name, and per metric of its table the title and one text per row."""
        for name in self.sets:
            rows = self.rows_of(name)
            if rows:
                metrics = self.metrics_of(name)
                yield name, [(m.head, [self._text(name, row, m, intervals) for row in rows]) for m in metrics]

    def _text(self, name: str, row: str, metric: Metric, intervals: bool) -> str:
        found = self.estimates.get((name, row, metric.name))
        if found is None:
            return "–"
        digits = metric.digits
        events = f" n={found.weight:.0f}" if found.weight != found.clips else ""
        spread = f" [{found.low:.{digits}f}, {found.high:.{digits}f}]" if intervals else ""
        return f"{found.value:.{digits}f}{spread}{events}"

    def _json(self) -> dict[str, object]:
        numbers: dict[str, dict[str, dict[str, object]]] = {}
        for (name, row, metric), found in self.estimates.items():
            numbers.setdefault(name, {}).setdefault(row, {})[metric] = asdict(found)
        return {**self.origin, "metrics": [asdict(m) for m in self.metrics], "results": numbers}

    def _files(self, figures: Sequence[Figure]) -> Iterator[tuple[str, str]]:
        """Names and contents."""
        yield "table.md", self.markdown()
        yield "table.tex", self.latex()
        yield "report.html", page(self, figures)
        yield "report.json", json.dumps(self._json(), indent=1)
        found = self.estimates.items()
        numbers = [(*k, *(f"{x:.5f}" for x in (e.value, e.low, e.high)), e.clips, f"{e.weight:.0f}") for k, e in found]
        yield "metrics.csv", csv_text(["set", "row", "metric", "value", "low", "high", "clips", "weight"], numbers)
        clips = [(*v[:4], f"{v.score.value:.5f}", f"{v.score.weight:.0f}") for v in self.values]
        yield "clips.csv", csv_text(["set", "row", "clip", "metric", "value", "weight"], clips)


def versions() -> dict[str, str]:
    """Of Python, this package and what its numbers depend on."""
    found = {"python": platform.python_version(), "machine": platform.machine()}
    for name in _PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found


def write_files(folder: Path, files: Iterable[tuple[str, str | bytes]]) -> None:
    """Files of these names and contents, each whole or not at all. Raises UnusableOutput."""
    try:
        for name, content in files:
            with replacing(folder / name) as part:
                part.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
    except OSError as problem:
        raise UnusableOutput(f"The report cannot be written to {folder}: {problem.strerror}.") from problem


def csv_text(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """The contents of a CSV file."""
    file = io.StringIO(newline="")
    csv.writer(file).writerows([heads, *([cell(value) for value in row] for row in rows)])
    return file.getvalue()


def _cell(text: str) -> str:
    """Text for a cell of a Markdown table."""
    return text.replace("|", "\\|")


_TEX = {c: "\\" + c for c in "%&#_${}"} | {"\\": r"\textbackslash{}", "~": r"\~{}", "^": r"\^{}"}


def _tex(text: str) -> str:
    """Text with the characters escaped that mean something to LaTeX."""
    made = "".join(_TEX.get(c, c) for c in text)
    return made.replace("–", "--").replace("²", "$^2$").replace("±", "$\\pm$")
