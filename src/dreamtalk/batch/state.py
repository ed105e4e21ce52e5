"""What is known of rows that were made: one small JSON file per row, so that a killed batch goes on where it was.

A row counts as made while its video is there with the length it had, and its inputs (by content) and options are those
it was made of. Files whose size and time of change are as before are not read again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from hashlib import sha256
from pathlib import Path
from typing import Any

from dreamtalk.batch.manifest import STATE, Row
from dreamtalk.errors import UnusableInput
from dreamtalk.media import check_input
from dreamtalk.media.files import exists, replacing, sha256_of
from dreamtalk.option_values import FILES, WORDS_OR_FILES
from dreamtalk.options import TalkOptions
from dreamtalk.provenance.origin import drop_beside
from dreamtalk.style.timeline_file import files_in

Known = tuple[int, int, str]
"""Of a file: bytes, time of change in ns, sha256."""


@dataclass(frozen=True, slots=True)
class Made:
    """A row that was made. fingerprint: of its inputs and options. size: bytes of the video. seconds: of the video.
    files: what is known of the inputs, by their names."""

    fingerprint: str
    size: int
    seconds: float
    files: dict[str, Known]


class Files:
    """sha256 of files, each read once, and not at all while its size and time are those that are known of it."""

    def __init__(self) -> None:
        self._known: dict[str, Known] = {}

    def learn(self, known: Mapping[str, Known]) -> None:
        """Take over what an earlier run found."""
        for name, facts in known.items():
            self._known.setdefault(name, facts)

    def facts(self, path: Path) -> Known:
        """Raises UnusableInput when it cannot be read."""
        name = str(path)
        stat = check_input(path).stat()
        known = self._known.get(name)
        if known is None or known[:2] != (stat.st_size, stat.st_mtime_ns):
            known = (stat.st_size, stat.st_mtime_ns, sha256_of(path))
            self._known[name] = known
        return known


def fingerprint(row: Row, files: Files) -> tuple[str, dict[str, Known]]:
    """What a row's video depends on, and the facts of the files among it. Raises UnusableInput when one is missing.

    Options that have their defaults are left out, so that an update with new ones makes nothing again.
    """
    facts = {str(path): files.facts(path) for path in inputs(row)}
    options = {
        field.name: _written(getattr(row.options, field.name), facts)
        for field in fields(TalkOptions)
        if row.options is not None and getattr(row.options, field.name) != field.default
    }
    content = [[known[2] for known in facts.values()], options]
    return sha256(json.dumps(content, sort_keys=True).encode()).hexdigest(), facts


def inputs(row: Row) -> tuple[Path, ...]:
    """All files a row is made of: portrait, speech, those among the options, and those that a timeline names."""
    found = [row.portrait, row.audio]
    for name in (*FILES, *WORDS_OR_FILES):
        given = getattr(row.options, name)
        if given is None or (name in WORDS_OR_FILES and not isinstance(given, Path)):
            found += _saved_style(given) if name == "style" else []
        elif Path(given).is_dir():  # a speech encoder
            found += sorted(file for file in Path(given).iterdir() if file.is_file())
        else:
            found.append(Path(given))
    if row.options is not None and isinstance(row.options.timeline, str | Path):
        found += files_in(Path(row.options.timeline))
    return tuple(dict.fromkeys(found))


def made(row: Row, folder: Path) -> Made | None:
    """What is known of a row's video; None when it is not there, or not as it was left."""
    try:
        stored = json.loads(state_file(row, folder).read_text(encoding="utf-8"))
        known = {name: (int(size), int(time), str(sha)) for name, (size, time, sha) in stored["files"].items()}
        record = Made(str(stored["fingerprint"]), int(stored["size"]), float(stored["seconds"]), known)
        return record if (folder / row.output).stat().st_size == record.size else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):  # damaged: the row is made again
        return None


def keep(row: Row, folder: Path, record: Made) -> None:
    """Note that a row was made; to be called when its video is complete."""
    with replacing(state_file(row, folder)) as temporary:
        temporary.write_text(json.dumps(asdict(record), indent=1), encoding="utf-8")


def forget(row: Row, folder: Path) -> None:
    """Take away the video of a row that can no longer be made, so that no video is there that the table does not mean.
    A file that no batch made stays."""
    if exists(state_file(row, folder)):
        video = folder / row.output
        video.unlink(missing_ok=True)
        drop_beside(video)
        state_file(row, folder).unlink(missing_ok=True)


def state_file(row: Row, folder: Path) -> Path:
    """Where the state of a row lies."""
    return folder / STATE / f"{row.output}.json"


def _saved_style(given: Any) -> list[Path]:
    """The file of a style that the user saved under a name."""
    from dreamtalk.style.files import saved_names, saved_path

    return [saved_path(given)] if isinstance(given, str) and given in saved_names() else []


def _written(value: Any, facts: Mapping[str, Known]) -> Any:
    """An option as text or number; a file by what it holds."""
    if isinstance(value, str | Path):
        return facts[str(value)][2] if str(value) in facts else str(value)
    if value is None or isinstance(value, bool | int | float):
        return value
    raise UnusableInput(f"A table cannot hold {type(value).__name__}.")
