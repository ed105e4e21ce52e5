"""Styles by name: neutral, seven emotions and a few moods, each at three levels, made of facial actions.

A style is a facial-action prototype at a strength and a gain of the movements. The model is shown a clip of it: 9.2 s
of nobody's neutral talk, made by the motion model itself, moved by the prototype, its lip closures kept. That is how
styles were made in training (train/augment.py). Nothing here comes from recordings of emotional people.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from safetensors.numpy import load_file

from dreamtalk import assets
from dreamtalk.errors import UnusableInput
from dreamtalk.face.arkit import weights
from dreamtalk.face.model import FaceModel
from dreamtalk.style.closures import closures_kept, opening_of
from dreamtalk.style.liveliness import liveliness_of
from dreamtalk.style.prototypes import PROTOTYPES
from dreamtalk.types import Float, Style

if TYPE_CHECKING:
    from dreamtalk.motion.model import MotionModel

CARRIER = "neutral-talk-mesh64"
"""Asset: neutral talk (T, 64) in the face space mesh64, made by style/carrier.py."""

LEVELS = (1, 2, 3)
DEFAULT_LEVEL = 2
STRENGTHS = (0.6, 1.1, 1.6)
"""Strength of a style's actions at each level; level 3 of some is NamedStyle.strongest. Training drew 0.2 to 1.3, times
0.3 to 1.3, of actions up to twice as large."""


@dataclass(frozen=True, slots=True)
class NamedStyle:
    """actions: ARKit weights at strength 1. gain: of the movements at strength 1, 1 as in neutral talk. text: for
    people. guidance: of the motion model at intensity 1 (paper eq. 9), above 1 for what it answers too weakly.
    strongest: strength and guidance of level 3, which is to be as plain as a real face of strong emotion, whatever that
    costs in likeness; None: as at the other levels."""

    name: str
    text: str
    actions: dict[str, float]
    gain: float = 1.0
    guidance: float = 1.0
    strongest: tuple[float, float] | None = None

    def strength(self, level: int) -> float:
        """Factor on the actions at level 1, 2 or 3."""
        return self.strongest[0] if self.strongest and level == LEVELS[-1] else STRENGTHS[level - 1]

    def guided(self, level: int) -> float:
        """Guidance at level 1, 2 or 3."""
        return self.strongest[1] if self.strongest and level == LEVELS[-1] else self.guidance


def _weaker(name: str, share: float) -> dict[str, float]:
    """The actions of one of training's prototypes, made smaller."""
    return {action: share * weight for action, weight in PROTOTYPES[name].items()}


# How strong each is was found with `dreamtalk evaluate renderer --embedding dlib`: at level 2 a photo is still surely
# the same person (docs/renderer.md).
_STYLES = (
    NamedStyle("neutral", "no particular emotion", {}),
    # AU 4 + 5 + 7 + 23, the mouth a little down and square
    NamedStyle(
        "angry",
        "brows down, hard eyes, tight lips, stronger speech",
        {"browDown": 0.42, "eyeWide": 0.5, "eyeSquint": 0.1, "mouthPress": 0.2, "mouthFrown": 0.25},
        gain=1.1,
        strongest=(2.4, 1.1),
    ),
    # AU 12 + 14 + 6 of one side, the other brow up
    NamedStyle(
        "contempt",
        "one corner of the mouth raised, one brow up",
        {
            "mouthSmileLeft": 0.35,
            "mouthDimpleLeft": 0.6,
            "mouthPressLeft": 0.3,
            "cheekSquintLeft": 0.2,
            "mouthFrownRight": 0.3,
            "browOuterUpRight": 0.5,
            "browDownLeft": 0.4,
            "eyeSquint": 0.35,
        },
        gain=0.9,
    ),
    # AU 9 + 10 + 15, eyes narrowed (6, 7). Brows a little up, because a wrinkled nose lowers them as anger does.
    NamedStyle(
        "disgusted",
        "nose wrinkled, upper lip raised, corners down, narrow eyes",
        {
            "noseSneer": 0.48,
            "mouthUpperUp": 0.25,
            "mouthFrown": 0.58,
            "eyeSquint": 0.34,
            "browOuterUp": 0.15,
            "browInnerUp": 0.1,
        },
        gain=0.9,
        strongest=(2.9, 1.15),
    ),
    # AU 1 + 2 + 4 + 5 + 20
    NamedStyle(
        "fear", "brows up and together, wide eyes, mouth stretched", _weaker("fear", 0.85), strongest=(2.2, 1.2)
    ),
    # AU 6 + 12
    NamedStyle("happy", "smile, raised cheeks, narrow eyes", _weaker("happy", 0.76), gain=1.1, strongest=(2.0, 1.0)),
    # AU 1 + 4 + 15 + 17, lids a little down
    NamedStyle(
        "sad",
        "inner brows up, mouth corners down, small movements",
        {"browInnerUp": 0.77, "browDown": 0.25, "mouthFrown": 0.63, "mouthShrugLower": 0.2, "eyeSquint": 0.1},
        gain=0.85,
        guidance=1.2,
        strongest=(2.1, 1.4),
    ),
    # AU 1 + 2 + 5 + 26
    NamedStyle(
        "surprised", "brows up, wide eyes, jaw dropped", _weaker("surprised", 0.72), gain=1.1, strongest=(2.1, 1.0)
    ),
    # AU 12, lids a little down
    NamedStyle("calm", "soft eyes, small movements", {"mouthSmile": 0.15, "eyeSquint": 0.15}, gain=0.8),
    # AU 1 + 2 + 5 + 12
    NamedStyle(
        "excited",
        "open smile, raised brows, large movements",
        {"mouthSmile": 0.5, "cheekSquint": 0.3, "browInnerUp": 0.5, "browOuterUp": 0.6, "eyeWide": 0.4},
        gain=1.25,
    ),
    # AU 4 + 24, little of each
    NamedStyle(
        "serious", "brows a little down, firm lips", {"browDown": 0.36, "mouthPress": 0.3, "eyeSquint": 0.2}, 0.9
    ),
    # AU 1 + 6 + 12, little of each
    NamedStyle(
        "warm",
        "gentle smile, inner brows a little up",
        {"mouthSmile": 0.4, "cheekSquint": 0.35, "eyeSquint": 0.15, "browInnerUp": 0.25},
    ),
)

STYLES: dict[str, NamedStyle] = {style.name: style for style in _STYLES}


def is_named(text: str) -> bool:
    """Whether that is a style of the library, with or without a level."""
    return text.partition(":")[0] in STYLES


def read_name(text: str) -> tuple[NamedStyle, int]:
    """Style and level of "happy" or "happy:3". Raises UnusableInput for what is unknown."""
    name, colon, level = text.partition(":")
    if name not in STYLES:
        raise UnusableInput(f"There is no style called {name!r}. Known: {', '.join(STYLES)}.")
    if not colon:
        return STYLES[name], DEFAULT_LEVEL
    if level not in map(str, LEVELS):
        raise UnusableInput(f"The level of a style is 1, 2 or 3 ({name}:{DEFAULT_LEVEL}), not {level!r}.")
    return STYLES[name], int(level)


def offset_of(style: NamedStyle, level: int, face: FaceModel) -> Float:
    """(E,) by which the style moves the mean pose."""
    return style.strength(level) * face.from_arkit(weights(**style.actions))


def expression_clip(style: NamedStyle, level: int, face: FaceModel) -> Float:
    """Nobody's talk (T, E) at 25 fps in that style, lips shut where the neutral talk's are."""
    talk, aperture = neutral_talk(), face.measure("aperture")
    mean = talk.mean(axis=0)
    gain = style.gain ** style.strength(level)
    styled = mean + offset_of(style, level, face) + gain * (talk - mean)
    return closures_kept(styled, talk @ aperture, aperture, opening_of(face))


def rest_of(style: NamedStyle, level: int, face: FaceModel) -> Float:
    """(E,) the face of that style when it is silent, lips no further apart than in the neutral."""
    offset = offset_of(style, level, face)
    parted = max(0.0, float(offset @ face.measure("aperture")))
    return np.asarray(offset - parted * opening_of(face), dtype=np.float32)


def named_style(text: str, model: MotionModel, face: FaceModel) -> Style:
    """The style of that name, as the model's own encoder sees it; the same name gives the same numbers.

    Raises UnusableInput when there is no such style, or the model's faces are not of the face space mesh64.
    """
    style, level = read_name(text)
    if not style.actions:
        return model.neutral_style()
    if model.config.face_space != "mesh64":
        raise UnusableInput(
            f"Styles by name are for our own motion models. With one of {model.config.face_space}, the style is "
            "neutral or a coefficient file."
        )
    code = model.encode_style(expression_clip(style, level, face), text).code
    lively = liveliness_of(style.name, STRENGTHS[level - 1] / STRENGTHS[DEFAULT_LEVEL - 1])
    return Style(code, f"{style.name}:{level}", rest_of(style, level, face), style.guided(level), lively)


@lru_cache
def neutral_talk() -> Float:
    """(T, E) nobody's neutral talk, 9.2 s at 25 fps. Not to be written to."""
    return load_file(assets.path(CARRIER))["expression"].astype(np.float32)
