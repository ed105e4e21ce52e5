"""dreamtalk verify: was this made by dreamtalk? The free detector."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from tyro.conf import FlagCreatePairsOff, Positional, arg

from dreamtalk.errors import UnusableInput
from dreamtalk.foreign import printable_lines

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
        from dreamtalk.provenance.inspect import inspect, read_authorities

        authorities = None if self.trust is None else read_authorities(self.trust)
        if self.file.is_dir():
            self._folder(authorities)
            return
        found = inspect(self.file, authorities)
        self._say(found)
        if not found.ours:
            raise SystemExit(_NOTHING_FOUND)

    def _say(self, found: Findings) -> None:
        if self.json:
            print(json.dumps(found.record()))
        else:
            print("\n".join(found.lines()))

    def _folder(self, authorities: bytes | None) -> None:
        from dreamtalk.provenance.inspect import files_in, inspect

        marked, looked_at, unreadable = 0, 0, 0
        for file in files_in(self.file):
            looked_at += 1
            try:
                found = inspect(file, authorities)
            except UnusableInput as error:
                unreadable += 1
                print(f"dreamtalk: {printable_lines(str(error))}", file=sys.stderr)
                continue
            marked += found.ours
            self._say(found)
        if looked_at == 0:
            raise UnusableInput(f"In {self.file} there are no pictures or videos.")
        if not self.json:
            print(
                f"{looked_at} files: {marked} made by dreamtalk, {looked_at - marked - unreadable} without its marks,"
            )
            print(f"{unreadable} that cannot be read.")
        if unreadable or not marked:
            raise SystemExit(_UNREADABLE if unreadable else _NOTHING_FOUND)
