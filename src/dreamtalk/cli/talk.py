"""Flags to the options of the Python API."""

from __future__ import annotations

import sys
from typing import cast

from dreamtalk.cli.options import ControlFlags, MotionFlags, PictureFlags
from dreamtalk.errors import UnusableInput
from dreamtalk.options import AUTO, TRUSTED_INTENSITY, Size, TalkOptions
from dreamtalk.talk import UNMARKED

NOTICE = (
    "dreamtalk: styles are predicted by weights that learned from RAVDESS (CC BY-NC-SA 4.0): non-commercial use only.\n"
    "dreamtalk: styles by name and from videos (--style NAME|VIDEO) are free of that."
)
"""What people are told, once per command, when the style predictor's weights are used."""

DECLINED = f"dreamtalk: --no-provenance: {UNMARKED}"
"""What people are told, once per command, when they decline the watermark."""


def options_of(
    motion: MotionFlags | None = None, picture: PictureFlags | None = None, controls: ControlFlags | None = None
) -> TalkOptions:
    """TalkOptions of the flags a verb has; the others keep their defaults."""
    motion, picture, controls = motion or MotionFlags(), picture or PictureFlags(), controls or ControlFlags()
    if picture.full_frame and picture.no_full_frame:
        raise UnusableInput("--full-frame and --no-full-frame exclude each other.")
    _warn_of_intensity(motion)
    if not picture.provenance:
        print(DECLINED, file=sys.stderr)
    if motion.style == AUTO:
        print(NOTICE, file=sys.stderr)
    return TalkOptions(
        style=motion.style,
        auto_timeline=motion.auto_timeline,
        style_neutral=motion.style_neutral,
        intensity=motion.intensity,
        upper_intensity=motion.upper_intensity,
        lower_intensity=motion.lower_intensity,
        timeline=motion.timeline,
        pose=motion.pose,
        blink=motion.blink,
        gaze=motion.gaze,
        accents=motion.accents,
        seed=motion.seed,
        latency=motion.latency,
        motion_weights=motion.motion_weights,
        speech_encoder=motion.speech_encoder,
        size=cast(Size, picture.size if picture.size == "native" else int(picture.size)),
        full_frame=True if picture.full_frame else False if picture.no_full_frame else None,
        background=picture.background,
        face=picture.face,
        badge=picture.badge,
        provenance=picture.provenance,
        consent=picture.consent,
        sidecar=picture.sidecar,
        renderer=picture.renderer,
        renderer_weights=picture.renderer_weights,
        expression_scale=controls.expression_scale,
        lip_scale=controls.lip_scale,
        pose_scale=controls.pose_scale,
        gaze_scale=controls.gaze_scale,
        smoothing=controls.smoothing,
    )


def _warn_of_intensity(motion: MotionFlags) -> None:
    """Say so when a style is asked for beyond what was measured to keep faces whole."""
    from dreamtalk.style.timeline_file import strongest

    factor = max(
        motion.intensity if half is None else half for half in (motion.upper_intensity, motion.lower_intensity)
    )
    if factor * (strongest(motion.timeline) if motion.timeline else 1.0) > TRUSTED_INTENSITY:
        print(f"dreamtalk: above {TRUSTED_INTENSITY:g}, intensities may break faces and lips.", file=sys.stderr)
