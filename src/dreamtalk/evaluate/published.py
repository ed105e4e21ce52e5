"""Published figures of other methods (published.toml), to be printed beside a table and never ranked with it."""

from __future__ import annotations

import sys
from functools import lru_cache
from importlib import resources
from typing import Any

from rich.console import Console
from rich.table import Table as Printed

from dreamtalk.evaluate.figures import Table

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

WARNING = "Published, by another protocol (other clips, crops, landmarks): not comparable number by number."


@lru_cache
def _file() -> dict[str, Any]:
    text = resources.files("dreamtalk.evaluate").joinpath("published.toml").read_text(encoding="utf-8")
    found: dict[str, Any] = tomllib.loads(text)
    return found


def sets() -> tuple[str, ...]:
    """Names of the data sets there are figures for."""
    return tuple(name for name, value in _file().items() if isinstance(value, dict))


def rows(dataset: str) -> list[tuple[str, ...]]:
    """Heads, then one row per method; "–" where the paper gives none. Raises KeyError for an unknown set."""
    file = _file()
    heads = tuple(file["columns"])
    found = [("", *heads)]
    for method, numbers in file[dataset].items():
        texts = [f"{number:g}" for number in numbers]
        found.append((method, *texts, *["–"] * (len(heads) - len(texts))))
    return found


def table(dataset: str) -> Table:
    """The same for a report."""
    heads, *lines = rows(dataset)
    return Table(f"{dataset}, {_file()['source']}", heads, tuple(lines), WARNING)


def show(dataset: str, console: Console | None = None) -> None:
    """Print them."""
    found = table(dataset)
    printed = Printed(title=found.title, title_justify="left", caption=WARNING)
    for head in found.heads:
        printed.add_column(head, justify="right" if head else "left")
    for line in found.lines:
        printed.add_row(*line)
    (console or Console()).print(printed)
