"""Speech to motion as it arrives, piece by piece, with memory that does not grow.

A whole file goes through here as well, so that streaming and offline are the same by construction.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np

from dreamtalk.motion.drive import with_head
from dreamtalk.motion.ears import LONG_CHUNK
from dreamtalk.motion.spoken import MotionChoices, MotionParts, Moving, Spoken, SpokenStream, manners
from dreamtalk.timing import Stopwatch
from dreamtalk.types import Float, Motion

__all__ = ["CHUNK", "MotionChoices", "MotionParts", "MotionStream", "Moving", "joined", "manners", "motion_of"]

CHUNK = LONG_CHUNK
"""Frames of motion made at once with latency "quality"."""


class MotionStream:
    """Motion of a speech that arrives in pieces. One use: push ..., finish. Frames come in chunks."""

    def __init__(self, parts: MotionParts, choices: MotionChoices, watch: Stopwatch | None = None) -> None:
        self._choices, self._watch = choices, watch or Stopwatch()
        self._speech = SpokenStream(parts, choices, self._watch)
        self._natural = choices.natural(parts.face)
        self._made = 0

    def push(self, samples: Float) -> Iterator[Motion]:
        """Add samples (n,) at 16 kHz, any n; gives the chunks of motion that are complete now."""
        self._speech.add(samples)
        yield from self._ready()

    def finish(self) -> Iterator[Motion]:
        """The rest: after the last sample there is silence."""
        self._speech.close()
        yield from self._ready()

    def _ready(self) -> Iterator[Motion]:
        while (spoken := self._speech.next()) is not None:
            yield self._alive(spoken)

    def _alive(self, spoken: Spoken) -> Motion:
        """The next frames with everything besides speech."""
        if self._made == 0:
            self._natural.ahead(*spoken.lead)
        with self._watch.step("blinks and head"):
            rows = [
                self._natural.next(*row) for row in zip(spoken.expression, spoken.heard, spoken.manner, strict=True)
            ]
            expression, rotation, translation, gaze = (np.stack(part) for part in zip(*rows, strict=True))
            motion = Motion(expression, rotation, translation, gaze, tongue=spoken.tongue)
            if self._choices.driver is not None:
                motion = with_head(motion, self._choices.driver, self._made)
        self._made += len(motion)
        return motion


def motion_of(
    samples: Float | Iterable[Float], parts: MotionParts, choices: MotionChoices, watch: Stopwatch | None = None
) -> Iterator[Motion]:
    """Motion for samples (S,) at 16 kHz, or for pieces of them as they come, chunk by chunk; in all as many frames as
    cover them."""
    stream = MotionStream(parts, choices, watch)
    for piece in (samples,) if isinstance(samples, np.ndarray) else samples:
        yield from stream.push(piece)
    yield from stream.finish()


def joined(chunks: Iterator[Motion]) -> Motion:
    """One motion of all chunks."""
    parts = list(chunks)
    crops = [part.crop for part in parts if part.crop is not None]
    tongues = [part.tongue for part in parts if part.tongue is not None]
    return replace(
        parts[0],
        expression=np.concatenate([part.expression for part in parts]),
        rotation=np.concatenate([part.rotation for part in parts]),
        translation=np.concatenate([part.translation for part in parts]),
        gaze=np.concatenate([part.gaze for part in parts]),
        crop=np.concatenate(crops) if crops else None,
        tongue=np.concatenate(tongues) if len(tongues) == len(parts) else None,
    )
