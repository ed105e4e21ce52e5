"""dreamtalk prepare: videos to training shards."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from dreamtalk.data.prepare import Preparation, prepare


@dataclass(frozen=True, kw_only=True)
class Prepare(Preparation):
    """Track, listen to and check a data set's videos, and write what training needs as Parquet shards.

    Bad clips are left out with their reason in manifest.json. A stopped run goes on where it was.
    """

    dataset: Annotated[Positional[str], arg(metavar="DATASET")]
    """mead, hdtf, voxceleb2, ravdess, crema-d, grid, talkset, or folder (any videos)."""
    root: Annotated[Positional[Path], arg(metavar="ROOT")]
    """Its folder, as its makers lay it out (docs/prepare.md)."""
    out: Annotated[Path, arg(aliases=["-o"])]
    """Folder for the shards and manifest.json."""

    def run(self) -> None:
        """Prepare, and say what came of it."""
        prepare(self)
