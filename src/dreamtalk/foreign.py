"""Text that strangers wrote (names of files, metadata, tables), before it goes to a terminal or into a spreadsheet."""

from __future__ import annotations

_STARTS_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a cell begins with that spreadsheets compute: formulas can open programs and addresses."""


def printable(text: str) -> str:
    """One line without what would steer a terminal or turn the order of its letters; "?" stands in its place."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def printable_lines(text: str) -> str:
    """The same of several lines."""
    return "\n".join(printable(line) for line in text.split("\n"))


def cell(value: object) -> object:
    """A cell of a table that spreadsheets may open: text that would be computed gets a "'" in front; numbers stay."""
    if not isinstance(value, str) or not value.startswith(_STARTS_FORMULA):
        return value
    try:
        float(value)
    except ValueError:
        return f"'{value}"
    return value
