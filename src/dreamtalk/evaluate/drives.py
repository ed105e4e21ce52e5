"""What the portraits are made to do when the renderer is measured: single actions up and down, and real talks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from dreamtalk.data.talkset import read_talkset
from dreamtalk.errors import UnusableInput
from dreamtalk.face.arkit import weights
from dreamtalk.face.model import FaceModel
from dreamtalk.style.prototypes import PROTOTYPES
from dreamtalk.types import Float, Motion

SWEEP_FRAMES = 12
"""Frames of one sweep: from rest to the full action and back."""

SPEECH_FRAMES = 60
"""Frames (2.4 s) of each talk."""

SWEEPS: dict[str, tuple[tuple[str, dict[str, float]], ...]] = {
    "aperture": (("jaw opens", {"jawOpen": 0.7}), ("lips part", {"mouthUpperUp": 0.6, "mouthLowerDown": 0.6})),
    "width": (("smile", {"mouthSmile": 0.8}), ("pucker", {"mouthPucker": 0.8}), ("stretch", {"mouthStretch": 0.7})),
    "lids": (("blink", {"eyeBlink": 0.8}),),
    "brows": (("brows up", {"browInnerUp": 0.8, "browOuterUp": 0.8}), ("inner brows up", {"browInnerUp": 1.0}),
              ("brows down", {"browDown": 1.0})),
}  # fmt: skip
"""By measure: the sweeps that move it, as ARKit weights of their middle frame. Eyes are just shut at eyeBlink 0.8: the
model's full blink is 1.2 times a tracked one."""

_OPEN = {"jawOpen": 0.35, "mouthLowerDown": 0.3, "mouthUpperUp": 0.2}
"""A vowel, for expressions that speak."""

EXPRESSIONS: dict[str, dict[str, float]] = {
    **PROTOTYPES,
    **{f"{name}, speaking": {**PROTOTYPES[name], **_OPEN} for name in ("happy", "sad", "angry", "surprised")},
    "oo": {"mouthPucker": 0.7, "mouthFunnel": 0.4, "jawOpen": 0.15},
    "aa": {"jawOpen": 0.7, "mouthLowerDown": 0.3},
    "blink": {"eyeBlink": 1.0},
}
"""The 14 expressions of the contact sheets: the style prototypes at intensity 1, four of them speaking, three more."""

SPEECH, _STYLE = "grid-D-bbae7n", "mead-M030-surprised-3"
"""Talkset clips (dev) whose sound is spoken, and whose manner is taken over."""


@dataclass(frozen=True, slots=True)
class Drive:
    """A motion that portraits are made to follow. measure: what it moves; None: everything, as a talk does."""

    name: str
    measure: str | None
    motion: Motion


def still_motion(expression: Float) -> Motion:
    """The expressions (T, E) with a head and eyes that do not move."""
    count = len(expression)
    nothing = np.zeros((count, 3), np.float32)
    return Motion(np.asarray(expression, np.float32), nothing, nothing, np.zeros((count, 4), np.float32))


def brows_held(face: FaceModel, motion: Motion) -> Motion:
    """The same motion with brows that stay at their height, all else as it was: what a tracker then sees of them is
    noise made by mouth, lids and head."""
    raised = face.from_arkit(weights(browInnerUp=1.0, browOuterUp=1.0))
    height = (face.measure("brow_height_right") + face.measure("brow_height_left")) / 2.0
    share = motion.expression @ height / float(raised @ height)
    return replace(motion, expression=np.asarray(motion.expression - share[:, None] * raised, np.float32))


def sweeps(face: FaceModel) -> list[Drive]:
    """All of SWEEPS: raised cosines from rest to the action and back."""
    share = (0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(SWEEP_FRAMES) / SWEEP_FRAMES)).astype(np.float32)
    return [
        Drive(name, measure, still_motion(share[:, None] * face.from_arkit(weights(**actions))))
        for measure, group in SWEEPS.items()
        for name, actions in group
    ]


def talks(dataset: Path, seed: int = 0) -> list[Drive]:
    """A dev sentence of the talkset by the shipped motion model, neutral and in the manner of a dev style clip; and the
    face of that clip itself, a real person's.

    The first two with blinks, gaze and head motion, as `generate` makes them. Raises UnusableInput when the clips are
    not there.
    """
    from dreamtalk.options import TalkOptions
    from dreamtalk.talker import Talker

    files = {clip.id: clip.file for clip in read_talkset(dataset)}
    for name in (SPEECH, _STYLE):
        if name not in files or not files[name].is_file():
            raise UnusableInput(f"{dataset} has no clip {name}.")
    talker = Talker("cpu", threads=1)
    manners = {"neutral talk": "neutral", "surprised talk": str(files[_STYLE])}
    made = {name: talker.motion(files[SPEECH], TalkOptions(style=style, seed=seed)) for name, style in manners.items()}
    made["surprised person"] = still_motion(talker.track(files[_STYLE]).expression)
    return [Drive(name, None, _first(motion, SPEECH_FRAMES)) for name, motion in made.items()]


def _first(motion: Motion, count: int) -> Motion:
    return Motion(
        motion.expression[:count], motion.rotation[:count], motion.translation[:count], motion.gaze[:count], motion.fps
    )
