"""dreamtalk verify: was this file made by dreamtalk?"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

_NOTHING_FOUND = 1
"""Exit code when no mark was found; an unreadable file ends with 2, as with every verb."""


@dataclass(frozen=True, kw_only=True)
class Verify:
    """Look for the marks of dreamtalk in a video or picture. Exit code 0: found, 1: none found, 2: cannot be read."""

    file: Annotated[Positional[Path], arg(metavar="FILE")]
    """A video or picture, in whatever format it has reached you."""

    def run(self) -> None:
        """Say in plain words what was found. Raises UnusableInput, or SystemExit with 1 when nothing was found."""
        from dreamtalk.media import is_image, read_frames, read_image
        from dreamtalk.provenance import comment_of
        from dreamtalk.provenance.detect import MAX_PIECES, PIECE_SECONDS, THRESHOLD, find_mark

        picture = is_image(self.file)
        found = find_mark(iter([read_image(self.file)]) if picture else read_frames(self.file))
        comment = comment_of(self.file)
        searched = "" if picture else f" in the first {MAX_PIECES * PIECE_SECONDS} s"
        print(f"{self.file}:")
        print(
            f"  invisible watermark: not found{searched}"
            if found is None
            else f"  invisible watermark: found; video {found.payload:08x} (score {found.score:.0f}, "
            f"{THRESHOLD:.0f} needed: fewer than one false alarm in a million files)"
        )
        print(f"  note in the metadata: {'not found' if comment is None else f'found: {comment}'}")
        print("  visible badge: programs cannot read it; look for the letters AI in the lower right corner")
        if found is None and comment is None:
            print("No mark of dreamtalk was found. That does not show that the file is real.")
            raise SystemExit(_NOTHING_FOUND)
        print("This was made by dreamtalk: it is synthetic.")
