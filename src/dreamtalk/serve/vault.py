"""The server's files: named by random ids, whole or absent, and gone when their time is over."""

from __future__ import annotations

import os
import re
import secrets
import shutil
from pathlib import Path

from dreamtalk.errors import UnusableInput
from dreamtalk.provenance.origin import MANIFEST
from dreamtalk.serve.store import StoredFile

_ID = re.compile(r"[0-9a-f]{32}")
_ID_BYTES = 16
"""128 bits: nobody guesses another's id."""

_FOLDERS = ("incoming", "uploads", "work", "results")

FORMATS = {"mp4": "video/mp4", "webm": "video/webm", "mov": "video/quicktime"}
"""Endings of results, and their media types."""


def new_id() -> str:
    """A name that says nothing and that nobody guesses."""
    return secrets.token_hex(_ID_BYTES)


def is_id(text: str) -> bool:
    """Whether it looks like an id of ours; nothing else is ever made part of a path."""
    return _ID.fullmatch(text) is not None


def check_free(data: Path, database: str) -> None:
    """Raise UnusableInput where a folder holds somebody's own folders of our names, whose files would be removed."""
    taken = [name for name in _FOLDERS if (data / name).exists()]
    if taken and not (data / database).exists():
        raise UnusableInput(
            f"{data} holds a folder {taken[0]!r} that is not the server's; it would be emptied. Give an empty folder "
            "(--data)."
        )


def _size(file: Path) -> int:
    """Bytes; none of a file that has just been deleted."""
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return 0


class Vault:
    """Folders below the server's data folder.

    incoming: uploads while they come and are looked at. uploads: those accepted, and styles made of them. work: talks
    while they are made. results: talks that are done, moved here in one step.
    """

    def __init__(self, data: Path) -> None:
        """Makes the folders, for the user alone; what an earlier server left unfinished is removed.

        Call `check_free` first, which sees to it that they are ours.
        """
        self.data = data
        self.incoming, self.uploads, self.work, self.results = (data / name for name in _FOLDERS)
        for folder in (self.incoming, self.work):
            shutil.rmtree(folder, ignore_errors=True)
        for folder in (data, self.incoming, self.uploads, self.work, self.results):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def upload(self, file: StoredFile) -> Path:
        """Where an accepted file lies."""
        return self.uploads / f"{file.id}{file.suffix}"

    def result(self, talk: str, ending: str) -> Path:
        """Where the video of a talk lies when it is done."""
        return self.results / f"{talk}.{ending}"

    def manifest(self, talk: str) -> Path:
        """Where the signed manifest of a video lies that has no place for it."""
        return self.results / f"{talk}{MANIFEST}"

    def draft(self, talk: str, ending: str) -> Path:
        """A new place to make a video in: an old worker that still runs writes elsewhere."""
        return self.work / f"{talk}-{secrets.token_hex(4)}.{ending}"

    def publish(self, draft: Path, talk: str, ending: str) -> int:
        """The finished draft becomes the result, with what lies beside it. Returns its bytes."""
        for beside in (*self.work.glob(f"{draft.name}.*"), *self.work.glob(f"{draft.stem}{MANIFEST}")):  # on its origin
            os.replace(beside, self.results / beside.name.replace(draft.stem, talk))
        place = self.result(talk, ending)
        os.replace(draft, place)
        return place.stat().st_size

    def drop_drafts(self, talk: str) -> None:
        """Remove what an ended worker left of a talk."""
        for left in (*self.work.glob(f"{talk}-*"), *self.work.glob(f".{talk}-*")):
            left.unlink(missing_ok=True)

    def drop_result(self, talk: str) -> None:
        """Remove the video of a talk, and what lies beside it."""
        for left in self.results.glob(f"{talk}.*"):
            left.unlink(missing_ok=True)

    def stored_bytes(self) -> int:
        """Bytes of all uploads and results, and of what is being looked at."""
        return sum(_size(file) for folder in (self.incoming, self.uploads, self.results) for file in folder.iterdir())

    def strays(self, files: set[str], talks: set[str]) -> list[Path]:
        """Files that no record knows: left when a server died between a file and its record."""
        known = {self.uploads: files, self.results: talks}
        return [
            path for folder, ids in known.items() for path in folder.iterdir() if path.name.split(".")[0] not in ids
        ]
