"""What flows between the steps: small frozen dataclasses, shapes and units in the docstrings.

Coordinates, unless a docstring says otherwise:

* pixels: x right, y down, z negative towards the viewer, z in the same unit as x;
* face frame: the head's own axes (x to the picture's right on a frontal face, y down, z negative towards the viewer),
  origin at the mean of the stable points, unit ``iod`` = distance between the outer eye corners;
* rotations: radians, ``R = Rz Ry Rx``; times: seconds; frames at 25 per second.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from math import isfinite
from pathlib import Path
from typing import ClassVar, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from dreamtalk.errors import UnusableInput

Float: TypeAlias = NDArray[np.float32]
Image: TypeAlias = NDArray[np.uint8]
Bool: TypeAlias = NDArray[np.bool_]
FrameStream: TypeAlias = Iterator[Image]
"""Frames (H, W, 3) uint8 RGB at 25 fps, one at a time; never a whole video."""

Latency: TypeAlias = Literal["quality", "live"]
"""How long frames wait for what is said after them: seconds, for the best lips, or at most 0.32 s (docs/live.md)."""

VIDEO_FPS = 25
"""Frames per second of every motion and every video we write."""

SAMPLE_RATE = 16_000
"""Samples per second of the speech that the encoder hears."""

FEATURE_RATE = 50
"""Speech features per second; frame i is paired with feature 2 i."""


@dataclass(frozen=True, slots=True)
class Speech:
    """Speech as the encoder hears it.

    samples: (S,) float32 in [-1, 1], mono, 16 kHz. source: the file it came from, whose own audio stream (rate,
    channels) is muxed into the result; None for samples made in memory.
    """

    samples: Float
    source: Path | None = None

    @property
    def seconds(self) -> float:
        return len(self.samples) / SAMPLE_RATE

    @property
    def frames(self) -> int:
        """Video frames that cover the speech: the last may be partly silent."""
        return max(1, -(-len(self.samples) * VIDEO_FPS // SAMPLE_RATE))


@dataclass(frozen=True, slots=True)
class SpeechFeatures:
    """values: (N, D) float32 at 50 Hz, feature n at time n / 50 s. encoder: its registry name."""

    values: Float
    encoder: str


@dataclass(frozen=True, slots=True)
class Portrait:
    """One face in one picture, tracked.

    image: (H, W, 3) uint8 RGB. landmarks: (478, 3) px. rotation: (3, 3) head rotation R (face frame to picture axes).
    blendshapes: (52,) scores in [0, 1]. identity: (I,) coefficients of the face space. box: (4,) x0, y0, x1, y1 in px.
    """

    image: Image
    landmarks: Float
    rotation: Float
    blendshapes: Float
    identity: Float
    box: Float


@dataclass(frozen=True, slots=True)
class FaceTrack:
    """A face followed through a video (one row per frame).

    landmarks: (T, 478, 3) px, never smoothed. expression: (T, E) relative to the person's neutral. pose: (T, 6) =
    rotation x, y, z in radians and translation x, y, z in iod, in picture axes. gaze: (T, 4), see Motion.
    blendshapes: (T, 52). valid: (T,) False where no face was found (values are then those of the nearest valid frame).
    """

    landmarks: Float
    expression: Float
    pose: Float
    gaze: Float
    blendshapes: Float
    valid: Bool
    fps: float
    face_space: str


@dataclass(frozen=True, slots=True)
class Liveliness:
    """How a face lives besides its words; the defaults are a calm talker's (docs/natural_motion.md).

    Factors, above 0, 1 as usual: blink_rate, how often it blinks; gaze_pace, how often the eyes jump; glance_rate, how
    often they leave the viewer; brow_accent, size of brow raises on stressed words; nod, size of nods; head_range, size
    of postures and sway; head_pace, their speed. Offsets: head_drop and gaze_drop, degrees by which head and look are
    lower. Raises UnusableInput for factors that are not.
    """

    OFFSETS: ClassVar[frozenset[str]] = frozenset({"head_drop", "gaze_drop"})

    blink_rate: float = 1.0
    gaze_pace: float = 1.0
    glance_rate: float = 1.0
    brow_accent: float = 1.0
    nod: float = 1.0
    head_range: float = 1.0
    head_pace: float = 1.0
    head_drop: float = 0.0
    gaze_drop: float = 0.0

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not isfinite(value) or (value <= 0.0 and field.name not in self.OFFSETS):
                raise UnusableInput(
                    f"The {field.name} of a style's liveliness cannot be {value:g}. "
                    "To switch a part off, use the options blink, gaze, accents and pose."
                )


@dataclass(frozen=True, slots=True)
class Style:
    """A manner of speaking. code: (256,) float32. source: where it came from, for people. rest: (E,) expression whose
    lower face is the mouth in silence; None: the neutral one. guidance: times the intensity asked for. liveliness: of
    blinks, gaze, brows and head at intensity 1."""

    code: Float
    source: str
    rest: Float | None = None
    guidance: float = 1.0
    liveliness: Liveliness = Liveliness()


@dataclass(frozen=True, slots=True)
class Motion:
    """Face motion, independent of any person's face.

    expression: (T, E) in the units of its face space, relative to neutral. rotation: (T, 3) rad and translation: (T, 3)
    iod, both relative to the portrait's own head pose, in picture axes. gaze: (T, 4) offset of the person's right iris
    (x, y) and left iris (x, y) in iod, relative to the eyes at rest. fps: 25. face_space: what the expression means.
    tongue: (T,) 0 at rest to 1 with the tip raised to the upper teeth, seen when the mouth is open; None: never raised.

    In the face space "bfm64" (official models) the numbers are Deep3D's: rotation and translation as measured, not
    relative to a portrait, and crop: (T, 3) scale, x and y of the cut-out. Other face spaces have no crop.
    """

    expression: Float
    rotation: Float
    translation: Float
    gaze: Float
    fps: float = float(VIDEO_FPS)
    face_space: str = "mesh64"
    crop: Float | None = None
    tongue: Float | None = None

    def __len__(self) -> int:
        return len(self.expression)
