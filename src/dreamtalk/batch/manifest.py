"""The table that says which talks to make: CSV (or TSV) with a head line, or one JSON object per line."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from dreamtalk.errors import UnusableInput, UnusableOutput
from dreamtalk.examples import example
from dreamtalk.media import check_input, check_output
from dreamtalk.media.files import replacing
from dreamtalk.media.formats import FORMATS
from dreamtalk.option_values import known_name, options_from
from dreamtalk.options import TalkOptions

KINDS = (".csv", ".tsv", ".jsonl")
NEEDED = ("portrait", "audio")
OUTPUT = "output"

DELIMITERS = ",;\t"
"""What may stand between cells: spreadsheets of half of Europe write semicolons."""

STATE = ".batch"
"""Folder below the output for what is known of rows that were made."""

_COMMA = re.compile(r"-?\d+,\d+")

_MOST_NAME = 100
"""Characters of a name that is made up for an output."""

_EXAMPLE = """\
portrait,audio,output,style,intensity,size
{portrait},{audio},first.mp4,,,
{portrait},{audio},happy.mp4,happy:2,1,512
{portrait},{audio},calm/calm.mp4,neutral,,256
"""


@dataclass(frozen=True, slots=True)
class Row:
    """One talk to make. number: its line in the table, from 1. output: below the folder of the batch, with / between
    names; "" where it cannot be used. options: None where they cannot be used. problem: why the row cannot be made; ""
    as far as is known it can.
    """

    number: int
    portrait: Path
    audio: Path
    output: str
    options: TalkOptions | None
    problem: str = ""


def read_manifest(path: Path) -> tuple[Row, ...]:
    """The rows of a table, files with relative names looked up beside it; a bad row says so in its `problem`.

    Raises UnusableInput when the file is no such table, has a column that means nothing, or when two rows have the same
    output.
    """
    check_input(path)
    kind = path.suffix.lower()
    if kind not in KINDS:
        raise UnusableInput(f"{path}: the table must end in {', '.join(KINDS)}. dreamtalk batch FILE --init makes one.")
    try:
        lines = _json_lines(path) if kind == ".jsonl" else _cells(path)
        rows = tuple(_row(number, given, path) for number, given in lines)
    except UnicodeDecodeError as error:
        raise UnusableInput(f'{path} is not text in UTF-8. Spreadsheets write it as "CSV UTF-8".') from error
    except csv.Error as error:
        raise UnusableInput(f"{path} is not such a table ({error}). Is a quotation mark left open?") from error
    if not rows:
        raise UnusableInput(f"{path} holds no rows.")
    _refuse_doubles(rows, path)
    return rows


def write_example(path: Path) -> None:
    """Write a table to begin with, with the example files. Raises UnusableOutput when there is such a file."""
    check_output(path, ".csv")
    if path.exists():
        raise UnusableOutput(f"{path} is there already. Choose another name for the example.")
    with replacing(path) as temporary:
        text = _EXAMPLE.format(portrait=example("portrait.jpg").resolve(), audio=example("speech.wav").resolve())
        temporary.write_text(text, encoding="utf-8")


def _cells(path: Path) -> Iterator[tuple[int, Mapping[str, object]]]:
    """Lines of a CSV file by the names in its head."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        head = file.readline()
        file.seek(0)
        reader = csv.reader(file, delimiter=max(DELIMITERS, key=head.count), strict=True)
        names = [name.strip().lower() for name in next(reader, [])]
        _check_names(names, path)
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) > len(names) and any(cell.strip() for cell in cells[len(names) :]):
                yield reader.line_num, {"": f"it has {len(cells)} cells, the head line {len(names)}"}
            else:
                yield reader.line_num, dict(zip(names, map(_decimal, cells), strict=False))


def _decimal(cell: str) -> str:
    """0,5 as 0.5: where lists are written with semicolons, numbers have commas."""
    return cell.replace(",", ".") if _COMMA.fullmatch(cell.strip()) else cell


def _check_names(names: list[str], path: Path) -> None:
    """Raise UnusableInput for a head line that lacks a column, has one twice, or has one that means nothing."""
    for needed in NEEDED:
        if needed not in names:
            raise UnusableInput(
                f"{path} has no column {needed!r} in its first line. dreamtalk batch FILE --init shows one."
            )
    double = next((name for name in names if names.count(name) > 1 and name), None)
    if double is not None:
        raise UnusableInput(f"{path} has the column {double!r} twice.")
    for name in names:
        if name and name not in (*NEEDED, OUTPUT):
            try:
                known_name(name)
            except UnusableInput as error:
                raise UnusableInput(f"{path}: {error}") from error


def _json_lines(path: Path) -> Iterator[tuple[int, Mapping[str, object]]]:
    """Objects of a .jsonl file; options may stand in an object of their own."""
    with path.open(encoding="utf-8-sig") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                given = json.loads(line)
            except (ValueError, RecursionError):
                given = None
            if not isinstance(given, dict):
                yield number, {"": "it is not a JSON object such as " + '{"portrait": "a.jpg", "audio": "a.wav"}'}
                continue
            inner = given.pop("options", None)
            yield number, {**given, **inner} if isinstance(inner, dict) else given


def _row(number: int, given: Mapping[str, object], path: Path) -> Row:
    """A line of the table. What is wrong with it goes into its `problem`."""
    if "" in given and str(given[""] or "").strip():
        return Row(number, Path(), Path(), "", None, f"The line cannot be used: {given['']}.")
    if any(not _is_text(str(value)) for value in given.values()):
        return Row(number, Path(), Path(), "", None, "The line holds what is no text. Save the table as plain text.")
    words = {name: str(given.get(name) or "").strip() for name in (*NEEDED, OUTPUT)}
    options, problem = None, ""
    chosen = {name: value for name, value in given.items() if name not in words and name}
    try:
        options = options_from(chosen, path.parent)
    except UnusableInput as error:
        problem = str(error)
    for name in NEEDED:
        if not words[name]:
            problem = f"The row has no {name}. Write the name of a file."
    output = words[OUTPUT] or _made_up(words["portrait"], words["audio"], chosen)
    wrong = _wrong_name(output)
    output = "" if wrong else output  # a place outside of the batch's folder is never looked at
    return Row(number, path.parent / words["portrait"], path.parent / words["audio"], output, options, problem or wrong)


def _is_text(value: str) -> bool:
    """Whether it can be a part of a file's name: no zero byte, no half of a character, as JSON may have."""
    return "\0" not in value and not any("\ud800" <= letter <= "\udfff" for letter in value)


def _made_up(portrait: str, audio: str, chosen: Mapping[str, object]) -> str:
    """A name that tells rows apart: portrait, speech, and what is asked for."""
    asked = [Path(str(value)).name for value in chosen.values() if str(value or "").strip()]
    parts = [re.sub(r"[^\w.=+]+", "_", part).strip("_.") for part in (Path(portrait).stem, Path(audio).stem, *asked)]
    return "-".join(part for part in parts if part)[:_MOST_NAME] + ".mp4"


def _wrong_name(output: str) -> str:
    """Why an output cannot be called so; "" if it can."""
    place = PurePosixPath(output.replace("\\", "/"))
    if place.suffix.lower() not in FORMATS:
        return f"The output {output} must end in {', '.join(FORMATS)}."
    if place.is_absolute() or ".." in place.parts or ":" in place.parts[0] or place.parts[0] == STATE:
        return f"The output {output} must be a name below the batch's folder, such as talks/one.mp4."
    return ""


def _refuse_doubles(rows: tuple[Row, ...], path: Path) -> None:
    """Raise UnusableInput when two rows would write the same file, also where capitals do not count."""
    seen: dict[str, Row] = {}
    for row in rows:
        if not row.output:
            continue
        name = str(PurePosixPath(row.output.replace("\\", "/"))).casefold()
        if name in seen:
            raise UnusableInput(
                f"{path}: the lines {seen[name].number} and {row.number} have the same output {row.output}. "
                "Give each its own in the column output."
            )
        seen[name] = row
