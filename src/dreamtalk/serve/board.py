"""How far the running talks are. In memory: it changes many times a second and is worth nothing after a restart."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Progress:
    """frames: made. total: in all, 0 while that is not known. preview: latest frame, JPEG."""

    frames: int = 0
    total: int = 0
    preview: bytes | None = None


class Board:
    """Progress by talk; any thread may read and write."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._talks: dict[str, Progress] = {}

    def begin(self, talk: str) -> None:
        """The talk runs."""
        with self._lock:
            self._talks[talk] = Progress()

    def set(self, talk: str, frames: int, total: int, preview: bytes | None) -> None:
        """It has got so far; no preview: the last one stays."""
        with self._lock:
            known = self._talks.get(talk, Progress())
            self._talks[talk] = replace(known, frames=frames, total=total, preview=preview or known.preview)

    def end(self, talk: str) -> None:
        """It runs no more."""
        with self._lock:
            self._talks.pop(talk, None)

    def get(self, talk: str) -> Progress:
        """How far it is."""
        with self._lock:
            return self._talks.get(talk, Progress())
