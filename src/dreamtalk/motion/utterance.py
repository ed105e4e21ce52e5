"""Motion of a whole utterance in the face space of the official models (facts 1.2 to 1.6).

wav2vec2 hears all of the speech before it says anything, so unlike motion/stream.py nothing comes out piece by piece.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file

from dreamtalk import assets
from dreamtalk.audio.wav2vec2 import Wav2Vec2Encoder, frame_count
from dreamtalk.errors import DoubtfulInput
from dreamtalk.face.bfm64 import FACE_SPACE, posed, read_pose
from dreamtalk.motion.blink import BlinkMotion
from dreamtalk.motion.model import MotionModel
from dreamtalk.motion.natural import BlinkMode
from dreamtalk.motion.rest import speech_activity
from dreamtalk.style.timeline import Halves, StyleSource
from dreamtalk.timing import Stopwatch
from dreamtalk.types import Float, Motion, Speech, Style

BLINK = "blink-bfm64"
"""Asset: the direction in which official coefficients shut the eyes."""


@dataclass(frozen=True, slots=True)
class OfficialParts:
    """The models that turn speech into official motion."""

    encoder: Wav2Vec2Encoder
    model: MotionModel

    def __post_init__(self) -> None:
        if self.model.config.face_space != FACE_SPACE:
            raise ValueError(f"this motion model makes {self.model.config.face_space}, not {FACE_SPACE}")


@dataclass(frozen=True, slots=True)
class OfficialChoices:
    """How the face moves. pose: (F, 9) of bfm64.read_pose; None: a still head. The others as in MotionChoices."""

    style: Style | StyleSource
    intensity: float | Halves = 1.0
    seed: int = 0
    pose: Float | None = None
    blink: BlinkMode = "natural"


def official_pose(given: str | Path) -> Float | None:
    """The pose (F, 9) of a file; None for "natural" and "still": this face space has no head motion of its own.

    Raises UnusableInput when the file holds no pose.
    """
    return None if str(given) in ("natural", "still") else read_pose(given)


def utterance_motion(
    speech: Speech, parts: OfficialParts, choices: OfficialChoices, watch: Stopwatch | None = None
) -> Motion:
    """Motion of a speech, speech.frames frames.

    The official code makes N // 2 frames of N features, up to 60 ms less than the speech; the last expression is held
    for the rest. Raises UnusableAudio for speech too short or too long. The first blinks of a program come with a
    warning (DoubtfulInput) of their licence.
    """
    watch = watch or Stopwatch()
    with watch.step("speech encoder"):
        features = parts.encoder.encode(speech)
    with watch.step("motion model"):
        frames = frame_count(len(features.values))
        style = choices.style if isinstance(choices.style, Style) else choices.style.frames(0, frames)
        expression = parts.model.generate(features, style, frames, choices.intensity, choices.seed)
    rest = max(0, speech.frames - len(expression))
    expression = np.pad(expression, ((0, rest), (0, 0)), mode="edge")
    if choices.blink == "natural":
        with watch.step("blinks"):
            expression = expression + blinks(speech, choices.seed)[: len(expression), None] * shut_eyes()
    return posed(expression, choices.pose)


def blinks(speech: Speech, seed: int) -> Float:
    """How far the eyes are shut, 0 to 1, in the speech's frames (T,): in this face space both by the same."""
    machine = BlinkMotion(seed)
    return np.array([machine.next(level).mean() for level in speech_activity(speech.samples).tolist()], np.float32)


@lru_cache
def shut_eyes() -> Float:
    """(64,) by which the expression changes when the eyes shut, as the paper proposes ("post-editing 3DMM").

    Read once, and its licence told then.
    """
    notice = "Blinks of official models come from PIRender (CC BY-NC 4.0): non-commercial use only, or --blink off."
    warnings.warn(notice, DoubtfulInput, stacklevel=2)
    return np.asarray(load_file(assets.path(BLINK))["shut"], np.float32)
