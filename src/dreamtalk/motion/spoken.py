"""What a face says, chunk by chunk as speech arrives: expression and tongue, and what the rest of the face must know.

The chunks lie at fixed places of the speech and are always made in the same sizes, so that the numbers do not depend on
how the speech arrives. natural.py makes them live; stream.py does both for a whole talk, live/ frame by frame.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from dreamtalk.audio import Latency, SpeechEncoder
from dreamtalk.audio.encoder import FEATURES_PER_FRAME
from dreamtalk.face.model import FaceModel
from dreamtalk.motion.articulation import Articulation
from dreamtalk.motion.brows import AHEAD_FRAMES
from dreamtalk.motion.drive import HeadPath
from dreamtalk.motion.ears import Ears, LongEars, Piece, QuickEars, frames_of, silence
from dreamtalk.motion.model import MotionModel
from dreamtalk.motion.natural import AccentMode, BlinkMode, GazeMode, Heard, Manner, NaturalMotion, PoseMode
from dreamtalk.motion.rest import ANTICIPATION_FRAMES, ActivityMeter
from dreamtalk.motion.stress import UNSTRESSED, StressMeter
from dreamtalk.style.timeline import MOST_LIVELY, Halves, StyleFrames, StyleSource, constant, mixed_liveliness
from dreamtalk.timing import Stopwatch
from dreamtalk.types import Float, SpeechFeatures, Style

STRESS_AHEAD: dict[Latency, int] = {"quality": AHEAD_FRAMES, "live": 5}
"""Frames by which the brows know of a stressed syllable before it sounds. live: as many as have been heard by then, so
brows are up 0.12 s later."""

_STEP: dict[Latency, int] = {"quality": 1600, "live": 320}
_FIRST_STEP_MORE = 40
"""Samples heard at a time, and how many more at first: the encoder's windows are complete after such a step."""


@dataclass(frozen=True)
class MotionParts:
    """The models that turn speech into motion. articulation: None leaves tongue and lips to the motion model."""

    encoder: SpeechEncoder
    model: MotionModel
    face: FaceModel
    articulation: Articulation | None = None

    @property
    def reach(self) -> int:
        """Features (20 ms) that must be heard before and after a frame's own."""
        window = self.model.config.denoiser.window
        return window if self.articulation is None else max(window, self.articulation.reach)


@dataclass(frozen=True, slots=True)
class MotionChoices:
    """How the face moves. style: one, or one that changes. intensity: of the whole face or of its halves. driver: whose
    head motion is taken over; pose says what happens without one. latency: see dreamtalk.audio.WINDOWS.
    """

    style: Style | StyleSource
    intensity: float | Halves = 1.0
    seed: int = 0
    blink: BlinkMode = "natural"
    accents: AccentMode = "natural"
    gaze: GazeMode = "natural"
    pose: PoseMode = "natural"
    driver: HeadPath | None = None
    latency: Latency = "quality"

    def styles(self, first: int, frames: int) -> StyleFrames:
        """Those of frames first, ... first + frames - 1."""
        return constant(self.style) if isinstance(self.style, Style) else self.style.frames(first, frames)

    def natural(self, face: FaceModel) -> NaturalMotion:
        """What these choices add to the speech, from its first frame on."""
        pose: PoseMode = "still" if self.driver is not None else self.pose
        return NaturalMotion(self.seed, face, self.blink, pose, 1.0, self.gaze, self.accents)


Moving: TypeAlias = tuple[MotionParts, MotionChoices]
"""What moves the face, and how."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """Some frames of speech. expression: (T, E). tongue: (T,), see Motion; None: not known. heard, manner: T each, for
    NaturalMotion. lead: for NaturalMotion.ahead before the first of them."""

    expression: Float
    tongue: Float | None
    heard: list[Heard]
    manner: list[Manner]
    lead: tuple[list[float], list[float]]

    def __len__(self) -> int:
        return len(self.expression)


class SpokenStream:
    """One speech that arrives in pieces: `add` ..., `close`, and `next` in between as often as it gives something."""

    def __init__(self, parts: MotionParts, choices: MotionChoices, watch: Stopwatch | None = None) -> None:
        self._parts, self._choices, self._watch = parts, choices, watch or Stopwatch()
        ears: dict[Latency, type[LongEars] | type[QuickEars]] = {"quality": LongEars, "live": QuickEars}
        self._ears: Ears = ears[choices.latency](parts.encoder, parts.reach)
        self._step = _STEP[choices.latency]
        self._ahead = STRESS_AHEAD[choices.latency]
        self._activity, self._stressed = ActivityMeter(), StressMeter()
        self._levels: list[float] = []
        self._stress: list[float] = []
        self._waiting = _Waiting()
        self._closed = self._ended = False
        self._samples = 0
        self.made = 0
        """Frames given so far."""

    def add(self, samples: Float) -> None:
        """More speech (n,) at 16 kHz, any n."""
        self._waiting.add(samples)

    def close(self) -> None:
        """After what was added there is silence."""
        self._closed = True

    @property
    def over(self) -> bool:
        """Whether all frames were given."""
        return self._ended and self.made >= frames_of(self._samples)

    def next(self, start: int | None = None) -> Spoken | None:
        """The next frames; None where more speech is needed, or none is left.

        start: number of the first of them for noise and styles; None: counted from the beginning of the speech.
        """
        with self._watch.step("speech encoder"):
            piece = self._ears.next()
            while piece is None and self._listen():
                piece = self._ears.next()
        return None if piece is None else self._said(piece, self.made if start is None else start)

    @property
    def begins_with(self) -> list[float]:
        """Activity of the first ANTICIPATION_FRAMES frames, as far as they were heard; before any frame was given."""
        while len(self._levels) < ANTICIPATION_FRAMES and self._listen():
            pass
        return self._levels[:ANTICIPATION_FRAMES]

    def _listen(self) -> bool:
        """Hear the next step; False where there is nothing to hear."""
        step = self._step if self._samples else self._step + _FIRST_STEP_MORE
        samples = self._waiting.take(step, self._closed)
        if samples is not None:
            self._samples += len(samples)
            self._ears.push(samples)
            with self._watch.step("blinks and head"):
                self._levels += self._activity.push(samples).tolist()
                self._stress += self._stressed.push(samples).tolist()
            return True
        if not self._closed or self._ended:
            return False
        self._ended = True
        self._ears.finish(frames_of(self._samples))
        self._levels += [*self._activity.finish().tolist(), *[0.0] * ANTICIPATION_FRAMES]
        self._stress += [*self._stressed.finish().tolist(), *[UNSTRESSED] * self._ahead]
        return True

    def _said(self, piece: Piece, start: int) -> Spoken:
        """Frames of a piece of the speech, as if it began with frame `start`; forgets what they were made of."""
        choices, shown = self._choices, piece.shown
        styles = choices.styles(start, piece.frames)
        moved = start - self.made  # the model counts frames and features from the same zero
        expression, tongue = expressed(self._parts, choices, styles, piece, start, moved, self._watch)
        heard = [
            Heard(self._levels[i], self._levels[i + ANTICIPATION_FRAMES], self._stress[i + self._ahead])
            for i in range(shown)
        ]
        manner = manners(styles, choices.intensity)
        manner = manner[:shown] if len(manner) > 1 else manner * shown
        lead = self._levels[:ANTICIPATION_FRAMES], self._stress[: self._ahead]
        self.made += shown
        del self._levels[:shown], self._stress[:shown]
        return Spoken(expression[:shown], None if tongue is None else tongue[:shown], heard, manner, lead)


def expressed(
    parts: MotionParts,
    choices: MotionChoices,
    styles: StyleFrames,
    piece: Piece,
    start: int,
    moved: int,
    watch: Stopwatch,
) -> tuple[Float, Float | None]:
    """Expression (T, E) and tongue (T,) of the frames start, ... of a piece whose own frames count `moved` less."""
    heard = SpeechFeatures(piece.values, parts.encoder.name)
    first, frames = piece.first + FEATURES_PER_FRAME * moved, piece.frames
    with watch.step("motion model"):
        made = parts.model.generate(
            heard, styles, frames, intensity=choices.intensity, seed=choices.seed, start=start, first_feature=first
        )
    if parts.articulation is None:
        return made, None
    with watch.step("tongue and lips"):
        gestures = parts.articulation.gestures(heard, start, frames, first)
        return parts.articulation.shaped(made, gestures), gestures.tongue


def in_silence(parts: MotionParts, choices: MotionChoices, start: int, frames: int) -> tuple[Float, list[Manner]]:
    """Expression (frames, E) of frames start, ... within a long silence, and their manners (1 or as many)."""
    styles = choices.styles(start, frames)
    piece = silence(parts.encoder, parts.reach, frames)
    return expressed(parts, choices, styles, piece, start, start, Stopwatch())[0], manners(styles, choices.intensity)


def manners(styles: StyleFrames, intensity: float | Halves) -> list[Manner]:
    """What the styles ask of the rest of the face, 1 or T. The head and the blinks go with the upper half."""
    upper, lower = intensity if isinstance(intensity, Halves) else (intensity, intensity)
    lively = [mixed_liveliness([one], np.array([min(upper, MOST_LIVELY)])) for one in styles.liveliness]
    rests = [None] * len(lively) if styles.rest is None else [lower * rest for rest in styles.rest]
    return [Manner(rest, one) for rest, one in zip(rests, lively, strict=True)]


class _Waiting:
    """Samples that arrived and were not heard yet."""

    def __init__(self) -> None:
        self._parts: deque[Float] = deque()
        self._count = 0

    def add(self, samples: Float) -> None:
        if len(samples):
            self._parts.append(np.asarray(samples, np.float32))
            self._count += len(samples)

    def take(self, count: int, rest: bool) -> Float | None:
        """The next `count` samples; with `rest` also fewer, where these are the last; None: not so many are here."""
        if self._count == 0 or (self._count < count and not rest):
            return None
        taken: list[Float] = []
        missing = min(count, self._count)
        while missing:
            part = self._parts.popleft()
            if len(part) > missing:
                self._parts.appendleft(part[missing:])
                part = part[:missing]
            taken.append(part)
            missing -= len(part)
            self._count -= len(part)
        return np.concatenate(taken)
