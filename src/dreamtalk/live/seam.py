"""No jumps where speech begins, pauses, ends or is broken off."""

from __future__ import annotations

import numpy as np

from dreamtalk.types import Float

TO_SPEECH = 4
"""Frames (0.16 s) in which the face goes over from a pause to what is spoken; the mouth's gate takes as long."""

TO_REST = 7
"""Frames (0.28 s) in which it goes from speech to rest."""


class Seam:
    """Joins values from different sources: what is missing to the last one shown fades away, smooth at both ends."""

    def __init__(self) -> None:
        self._source: object = None
        self._shown: Float | None = None
        self._missing: Float | None = None
        self._frame = self._frames = 0

    def joined(self, source: object, frames: int, values: Float) -> Float:
        """Values (V,) to show for the next ones of a source. frames: over which a new source takes over."""
        if source != self._source:
            self._source = source
            self._missing = None if self._shown is None else self._shown - values
            self._frame, self._frames = 0, frames
        if self._missing is not None:
            self._frame += 1
            share = np.float32(self._frame / self._frames)
            if share < 1.0:
                values = values + (1.0 - share * share * (3.0 - 2.0 * share)) * self._missing
            else:
                self._missing = None
        self._shown = values
        return values
