"""A style clip as the motion model's own style: its code, its resting mouth, and how hard it has to be guided."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from dreamtalk.face.model import FaceModel
from dreamtalk.face.video import FACE_SPACE
from dreamtalk.motion.model import MotionModel
from dreamtalk.style.closures import opening_of
from dreamtalk.style.files import StyleClip
from dreamtalk.style.reference import offset_of_clip
from dreamtalk.types import Float, SpeechFeatures, Style

_WANTED = 0.9
"""Share of the clip's own offset that the generated one shall have along it; all of it costs lip closures."""
_MAX_GUIDANCE = 1.5
"""Of a clip at intensity 1: intensity 2 is then 3, the most that the command line takes."""
_UNHEARD = 0.8
"""Size of the answer to sound of no kind, as a share of the answer to speech (W009 and W011 of MEAD: 0.79)."""
_PROBED = 8
"""Frames that are generated to see the answer."""


def style_of_clip(clip: StyleClip, model: MotionModel, face: FaceModel, source: str) -> Style:
    """The style of a clip. One that the model answers too weakly is guided harder, see Style.guidance."""
    style = model.encode_style(clip.expression, source)
    if clip.face_space != FACE_SPACE:
        return style
    offset = offset_of_clip(clip.expression)
    parted = max(0.0, float(offset @ face.measure("aperture")))
    rest = (offset - parted * opening_of(face)).astype(np.float32)
    return replace(style, rest=rest, guidance=_guidance(style, offset, model))


def _guidance(style: Style, offset: Float, model: MotionModel) -> float:
    """1 where the model answers the clip's offset (64,) in full, up to _MAX_GUIDANCE where it does too weakly."""
    nothing = model.feature_mean.cpu().numpy()
    heard = SpeechFeatures(np.tile(nothing, (2 * _PROBED, 1)), model.config.encoder)
    styled, neutral = (model.generate(heard, asked, _PROBED).mean(axis=0) for asked in (style, model.neutral_style()))
    answered = float((styled - neutral) @ offset) / max(float(offset @ offset), 1e-6) / _UNHEARD
    return round(float(np.clip(_WANTED / max(answered, 1e-3), 1.0, _MAX_GUIDANCE)), 2)
