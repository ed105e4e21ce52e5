"""Which clips are good enough to learn from: one small rule each, from what was measured to a reason or none."""

from __future__ import annotations

from dataclasses import dataclass

from dreamtalk.data.sighting import Sighting
from dreamtalk.types import VIDEO_FPS


@dataclass(frozen=True, kw_only=True)
class QualityLimits:
    """What a clip must keep to."""

    min_seconds: float = 1.0
    """Shorter clips hold hardly a word."""
    min_face_share: float = 0.9
    """Share of frames in which the face must be found."""
    max_other_faces: float = 0.1
    """Share of frames in which a second face of comparable size may be seen: who speaks would be a guess."""
    min_eye_distance: float = 24.0
    """Pixels between the outer eye corners: below, the lips are a few pixels high."""
    max_jump: float = 0.5
    """Eye distances that the face may move from one frame to the next: more is a cut."""
    max_change: float = 25.0
    """Grey levels by which the whole picture may change from one frame to the next: more is a cut."""
    min_loudness: float = -60.0
    """dB of full scale: below there is no speech."""
    max_lag: float = 5.0
    """Frames by which the sound may be off: up to there it is moved, beyond the clip is left out."""
    min_sync_margin: float = 0.2
    """How clearly the lip expert must prefer one place of the sound (0..1) to be believed."""


Verdict = tuple[str, str]
"""Reason in a few words, for counting; detail, for people."""


def verdict(seen: Sighting, limits: QualityLimits) -> Verdict | None:
    """The first rule that a clip breaks; None for a good clip."""
    if seen.problem:
        return "unreadable", seen.problem
    return next((broken for rule in RULES if (broken := rule(seen, limits)) is not None), None)


def too_short(seen: Sighting, limits: QualityLimits) -> Verdict | None:
    seconds = seen.frames / VIDEO_FPS
    return ("too short", f"{seconds:.2f} s") if seconds < limits.min_seconds else None


def face_lost(seen: Sighting, limits: QualityLimits) -> Verdict | None:
    share = seen.face_share
    return ("face lost", f"found in {share:.0%} of the frames") if share < limits.min_face_share else None


def several_faces(seen: Sighting, limits: QualityLimits) -> Verdict | None:
    share = seen.other_faces
    return ("several faces", f"in {share:.0%} of the frames") if share > limits.max_other_faces else None


def face_too_small(seen: Sighting, limits: QualityLimits) -> Verdict | None:
    distance = seen.eye_distance
    return ("face too small", f"{distance:.0f} px between the eyes") if distance < limits.min_eye_distance else None


def cut_inside(seen: Sighting, limits: QualityLimits) -> Verdict | None:
    if seen.jump > limits.max_jump:
        return "cut inside", f"the face jumps by {seen.jump:.2f} eye distances"
    if seen.change > limits.max_change:
        return "cut inside", f"the picture changes by {seen.change:.0f} grey levels"
    return None


def no_sound(seen: Sighting, limits: QualityLimits) -> Verdict | None:
    return ("no sound", f"{seen.loudness:.0f} dB") if seen.loudness < limits.min_loudness else None


RULES = (too_short, face_lost, several_faces, face_too_small, cut_inside, no_sound)
"""In the order in which they are asked."""
