"""Speech to motion as it arrives, piece by piece, with memory that does not grow.

A whole file goes through here as well, so that streaming and offline are the same by construction.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from dreamtalk.audio import Latency, SpeechEncoder
from dreamtalk.face.model import FaceModel
from dreamtalk.motion.articulation import Articulation
from dreamtalk.motion.brows import AHEAD_FRAMES
from dreamtalk.motion.drive import HeadPath, with_head
from dreamtalk.motion.model import MotionModel
from dreamtalk.motion.natural import AccentMode, BlinkMode, GazeMode, Heard, Manner, NaturalMotion, PoseMode
from dreamtalk.motion.rest import ANTICIPATION_FRAMES, ActivityMeter
from dreamtalk.motion.stress import UNSTRESSED, StressMeter
from dreamtalk.style.timeline import MOST_LIVELY, Halves, StyleFrames, StyleSource, constant, mixed_liveliness
from dreamtalk.timing import Stopwatch
from dreamtalk.types import SAMPLE_RATE, VIDEO_FPS, Float, Motion, SpeechFeatures, Style

CHUNK = 50
"""Frames (2 s) of motion made at once: the encoder's window gives as much; more is no faster."""

_SAMPLES_PER_FRAME = SAMPLE_RATE // VIDEO_FPS


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
    head motion is taken over; pose says what happens without one.
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


class MotionStream:
    """Motion of a speech that arrives in pieces. One use: push ..., finish. Frames come in chunks of CHUNK."""

    def __init__(self, parts: MotionParts, choices: MotionChoices, watch: Stopwatch | None = None) -> None:
        self._parts, self._choices, self._watch = parts, choices, watch or Stopwatch()
        self._features = parts.encoder.stream(choices.latency)
        self._activity, self._stressed = ActivityMeter(), StressMeter()
        pose: PoseMode = "still" if choices.driver is not None else choices.pose
        self._natural = NaturalMotion(choices.seed, parts.face, choices.blink, pose, 1.0, choices.gaze, choices.accents)
        self._heard = np.zeros((0, parts.encoder.width), np.float32)
        self._first_feature = 0
        self._levels = np.zeros(0, np.float32)
        self._stress = np.zeros(0, np.float32)
        self._made = 0

    def push(self, samples: Float) -> Iterator[Motion]:
        """Add samples (n,) at 16 kHz, any n; gives the chunks of motion that are complete now."""
        with self._watch.step("speech encoder"):
            self._heard = np.concatenate([self._heard, self._features.push(samples)])
        with self._watch.step("blinks and head"):
            self._levels = np.concatenate([self._levels, self._activity.push(samples)])
            self._stress = np.concatenate([self._stress, self._stressed.push(samples)])
        while (
            self._first_feature + len(self._heard) >= 2 * (self._made + CHUNK) + self._parts.reach
            and len(self._levels) >= CHUNK + ANTICIPATION_FRAMES
            and len(self._stress) >= CHUNK + AHEAD_FRAMES
        ):
            yield self._chunk(CHUNK)

    def finish(self) -> Iterator[Motion]:
        """The rest: after the last sample there is silence."""
        with self._watch.step("speech encoder"):
            self._heard = np.concatenate([self._heard, self._features.finish()])
        silence = np.zeros(ANTICIPATION_FRAMES, np.float32)
        with self._watch.step("blinks and head"):
            self._levels = np.concatenate([self._levels, self._activity.finish(), silence])
            after = np.full(AHEAD_FRAMES, UNSTRESSED, np.float32)
            self._stress = np.concatenate([self._stress, self._stressed.finish(), after])
        while (left := len(self._levels) - ANTICIPATION_FRAMES) > 0:
            yield self._chunk(min(left, CHUNK))

    def _chunk(self, frames: int) -> Motion:
        """The next frames; forgets what they were made of."""
        choices, start = self._choices, self._made
        styles = constant(choices.style) if isinstance(choices.style, Style) else choices.style.frames(start, frames)
        heard = SpeechFeatures(self._heard, self._parts.encoder.name)
        with self._watch.step("motion model"):
            expression = self._parts.model.generate(
                heard,
                styles,
                frames,
                intensity=choices.intensity,
                seed=choices.seed,
                start=start,
                first_feature=self._first_feature,
            )
        tongue: Float | None = None
        if self._parts.articulation is not None:
            with self._watch.step("tongue and lips"):
                gestures = self._parts.articulation.gestures(heard, start, frames, self._first_feature)
                expression, tongue = self._parts.articulation.shaped(expression, gestures), gestures.tongue
        with self._watch.step("blinks and head"):
            motion = self._enliven(expression, manners(styles, choices.intensity), first=start == 0)
            motion = replace(motion, tongue=tongue)
            if choices.driver is not None:
                motion = with_head(motion, choices.driver, start)
        self._made += frames
        done = max(0, 2 * self._made - self._parts.reach - self._first_feature)
        self._heard, self._first_feature = self._heard[done:], self._first_feature + done
        self._levels, self._stress = self._levels[frames:], self._stress[frames:]
        return motion

    def _enliven(self, expression: Float, manner: list[Manner], first: bool) -> Motion:
        levels, stress = self._levels.tolist(), self._stress.tolist()
        if first:
            self._natural.ahead(levels[:ANTICIPATION_FRAMES], stress[:AHEAD_FRAMES])
        rows = []
        for i, row in enumerate(expression):
            heard = Heard(levels[i], levels[i + ANTICIPATION_FRAMES], stress[i + AHEAD_FRAMES])
            rows.append(self._natural.next(row, heard, manner[i % len(manner)]))
        expressions, rotations, translations, gazes = (np.stack(part) for part in zip(*rows, strict=True))
        return Motion(expressions, rotations, translations, gazes)


def manners(styles: StyleFrames, intensity: float | Halves) -> list[Manner]:
    """What the styles ask of the rest of the face, 1 or T. The head and the blinks go with the upper half."""
    upper, lower = intensity if isinstance(intensity, Halves) else (intensity, intensity)
    lively = [mixed_liveliness([one], np.array([min(upper, MOST_LIVELY)])) for one in styles.liveliness]
    rests = [None] * len(lively) if styles.rest is None else [lower * rest for rest in styles.rest]
    return [Manner(rest, one) for rest, one in zip(rests, lively, strict=True)]


def motion_of(
    samples: Float, parts: MotionParts, choices: MotionChoices, watch: Stopwatch | None = None
) -> Iterator[Motion]:
    """Motion for samples (S,) at 16 kHz, chunk by chunk; in all as many frames as cover them."""
    stream = MotionStream(parts, choices, watch)
    block = CHUNK * _SAMPLES_PER_FRAME
    for at in range(0, len(samples), block):
        yield from stream.push(samples[at : at + block])
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
