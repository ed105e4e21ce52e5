"""dreamtalk verify: was this made by dreamtalk? The free detector."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from tyro.conf import FlagCreatePairsOff, Positional, arg

from dreamtalk.errors import UnusableInput
from dreamtalk.foreign import printable, printable_lines

if TYPE_CHECKING:
    from dreamtalk.provenance.inspect import Findings

_NOTHING_FOUND = 1
"""Exit code when no mark was found; an unreadable file ends with 2, as with every verb."""

_UNREADABLE = 2


@dataclass(frozen=True, kw_only=True)
class Verify:
    """Look for the marks of dreamtalk in a video or picture, or in all of a folder.

    Exit code 0: a mark was found (in a folder: in one file at least), 1: none, 2: something cannot be read.
    """

    file: Annotated[Positional[Path], arg(metavar="FILE|DIR")]
    """A video or picture, in whatever format it has reached you, or a folder of them."""
    trust: Path | None = None
    """PEM file with certificates of authorities whose word about signers counts for you."""
    json: Annotated[bool, FlagCreatePairsOff] = False
    """Print the findings as JSON lines, one for each file."""

    def run(self) -> None:
        """Say in plain words what was found. Raises UnusableInput, or SystemExit with 1 or 2."""
        from dreamtalk.provenance.inspect import files_in, read_authorities

        look = _Look(None if self.trust is None else read_authorities(self.trust), self.json)
        if not self.file.is_dir():
            look.at(self.file)
        else:
            files = list(files_in(self.file, look.refuse))
            if not files and not look.unreadable:
                raise UnusableInput(f"In {self.file} there are no pictures or videos.")
            for number, file in enumerate(files, start=1):
                if number > 1 and not self.json:
                    print()
                look.progress(f"{number} of {len(files)}: {file.name}")
                look.at(file)
            look.summary()
        if look.unreadable or not look.marked:
            raise SystemExit(_UNREADABLE if look.unreadable else _NOTHING_FOUND)


@dataclass
class _Look:
    """Looks at files, says what it finds, and counts."""

    authorities: bytes | None
    json: bool
    marked: int = 0
    unmarked: int = 0
    unreadable: int = 0
    _shown: bool = field(default_factory=lambda: sys.stderr.isatty())

    def at(self, file: Path) -> None:
        """One file."""
        from dreamtalk.provenance.inspect import inspect

        try:
            found = inspect(file, self.authorities)
        except UnusableInput as error:
            self.refuse(file, error)
            return
        self.marked += found.ours
        self.unmarked += not found.ours
        self._say(found.record() if self.json else found)

    def refuse(self, file: Path, error: UnusableInput) -> None:
        """What cannot be read."""
        from dreamtalk.provenance.inspect import unreadable_record

        self.unreadable += 1
        self.progress("")
        print(f"dreamtalk: {printable_lines(str(error))}", file=sys.stderr)
        if self.json:
            self._say(unreadable_record(file, error))

    def progress(self, text: str) -> None:
        """What is looked at now, on a terminal; "" takes it away."""
        if self._shown:
            print(f"\r\x1b[K{printable(text)}", end="", file=sys.stderr, flush=True)

    def summary(self) -> None:
        """The counts, for people."""
        if not self.json:
            count = self.marked + self.unmarked + self.unreadable
            print(f"In all {count}: {self.marked} with marks of dreamtalk, {self.unmarked} without,", end=" ")
            print(f"{self.unreadable} unreadable.")

    def _say(self, found: dict[str, Any] | Findings) -> None:
        self.progress("")
        print(json.dumps(found) if isinstance(found, dict) else "\n".join(found.lines()), flush=True)
