"""manifest.json of a prepared folder: what is in the shards, what was left out and why, and of what it was made.

It is written last. A folder without it is not finished.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from dreamtalk.errors import UnusableInput
from dreamtalk.media.files import replacing

FILE = "manifest.json"
_FORMAT = "dreamtalk-prepared-1"
_SHARD = re.compile(r"[\w-]+\.parquet")


@dataclass(frozen=True, slots=True)
class Skip:
    """A clip that was left out. reason: one of a few words, for counting. detail: what was measured, for people."""

    id: str
    reason: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class ShardEntry:
    """One file of the folder: its name, and the clips and frames in it."""

    file: str
    clips: int
    frames: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """data_hash: sha256 of which files were given (names, sizes, labels) and of the settings. settings: what the
    command was told. versions: of dreamtalk and the libraries that matter. shards, skipped: in their order.
    """

    dataset: str
    data_hash: str
    settings: dict[str, Any]
    versions: dict[str, str]
    shards: tuple[ShardEntry, ...]
    skipped: tuple[Skip, ...] = field(default=())

    @property
    def clips(self) -> int:
        return sum(shard.clips for shard in self.shards)

    @property
    def frames(self) -> int:
        return sum(shard.frames for shard in self.shards)

    @property
    def reasons(self) -> dict[str, int]:
        """How many clips each reason left out, most frequent first."""
        return dict(Counter(skip.reason for skip in self.skipped).most_common())

    def write(self, folder: Path) -> None:
        """As manifest.json, whole or not at all; no times in it, so that the same data give the same bytes."""
        counts = {"clips": self.clips, "frames": self.frames, "skipped": self.reasons}
        text = json.dumps({"format": _FORMAT, "counts": counts, **asdict(self)}, indent=1, sort_keys=True)
        with replacing(folder / FILE) as part:
            part.write_text(text + "\n", encoding="utf-8")

    @classmethod
    def read(cls, folder: Path) -> Manifest:
        """Raises UnusableInput when the folder holds none."""
        file = folder / FILE
        if not file.is_file():
            raise UnusableInput(
                f"{folder} is not a finished prepared folder: {FILE} is missing. Run `dreamtalk prepare` (again)."
            )
        try:
            stored = json.loads(file.read_text(encoding="utf-8"))
            if stored.get("format") != _FORMAT:
                raise UnusableInput(f"{file} is not of the format {_FORMAT}.")
            return cls(
                dataset=stored["dataset"],
                data_hash=stored["data_hash"],
                settings=stored["settings"],
                versions=stored["versions"],
                shards=tuple(_entry(entry) for entry in stored["shards"]),
                skipped=tuple(Skip(**entry) for entry in stored["skipped"]),
            )
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise UnusableInput(f"{file} cannot be read as a manifest: {error}") from error


def _entry(stored: dict[str, Any]) -> ShardEntry:
    """Raises ValueError for a file that would lie in another folder, and counts that are none."""
    entry = ShardEntry(**stored)
    if not isinstance(entry.file, str) or _SHARD.fullmatch(entry.file) is None:
        raise ValueError(f"{entry.file!r} is no shard of this folder")
    if not all(isinstance(count, int) and count >= 0 for count in (entry.clips, entry.frames)):
        raise ValueError(f"{entry.file} has no number of clips and frames")
    return entry


def is_prepared(folder: Path) -> bool:
    """Whether the folder was made by `dreamtalk prepare`."""
    return (folder / FILE).is_file()


def refuse_prepared(folder: Path) -> None:
    """Raises UnusableInput for a folder made by `dreamtalk prepare`, where pictures are needed."""
    if is_prepared(folder):
        raise UnusableInput(f"{folder} was made by `dreamtalk prepare`: it holds no pictures. Give a talkset's folder.")
