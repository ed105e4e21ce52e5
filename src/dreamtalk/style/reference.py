"""Somebody's manner of speaking out of a track: expression relative to how that very person talks in neutral.

What a style clip must not hold is whose face it is: low brows of birth are no anger. So the mean pose of the clip is
taken relative to the person's own neutral talk, and put upon the mean pose of all talkers, as clips in training were.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dreamtalk.errors import UnusableInput
from dreamtalk.face.align import interocular
from dreamtalk.face.lids import remove_blinks
from dreamtalk.face.model import FaceModel
from dreamtalk.face.video import FACE_SPACE
from dreamtalk.style.closures import closures_kept, opening_of
from dreamtalk.style.files import CLIP_FRAMES, StyleClip
from dreamtalk.style.guess import neutral_guess
from dreamtalk.style.library import neutral_talk
from dreamtalk.types import VIDEO_FPS, FaceTrack, Float

LOOKED_AT = 60.0
"""Seconds of a video that are searched for the 10 best: tracking them takes about 25 s of one core."""
_SHORT_SECONDS = 3.0
"""Training clips had at least 1.9 s; below 3 s the words said show in the style."""
_STILL_FRAMES = 25
"""Below this (1 s) there are no movements to take over, nor a calm frame to find: only the face's expression counts."""
_LOST_SHARE = 0.1
"""Share of frames without a usable face from which on people are told."""
_LEAST_FACE = 4.0
"""px between the outer eye corners: less is no face."""
_MAX_TURN = 0.6
"""rad (34 degrees): landmarks of faces turned further are guesses of the far side."""
_TALKING = 2.0
"""% iod between the 10th and 90th percentile of the lip aperture, from which on somebody talks."""
_SHUT, _MAX_SHUT = 2.0, 1.0
"""Percentile of the aperture that stands for shut lips, and how far apart, % iod, these are tracked at most."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """Usable frames of a track: landmarks (T, 478, 3) px, blendshapes (T, 52)."""

    landmarks: Float
    blendshapes: Float

    @property
    def still(self) -> bool:
        return len(self.landmarks) < _STILL_FRAMES

    def resting_face(self, face: FaceModel) -> Float:
        """(478, 3), see FaceModel.neutral."""
        if self.still:
            return face.neutral(self.landmarks[0], self.blendshapes[0])
        return face.neutral(self.landmarks)

    def expression(self, neutral: Float, face: FaceModel) -> Float:
        """(T, 64) relative to that resting face, without blinks."""
        return remove_blinks(face.fit(self.landmarks, neutral)[0], face)


def clip_of_track(
    track: FaceTrack, source: str, face: FaceModel, neutral: FaceTrack | None = None
) -> tuple[StyleClip, tuple[str, ...]]:
    """The style clip of a track, from its up to 256 best frames, and what people should know about it.

    neutral: the same person in a calm picture (a track of one frame) or in a clip of calm talk; None: guessed
    (style/guess.py). A picture, or less than 1 s of face, gives its expression alone, on nobody's neutral talk.
    Raises UnusableInput when there is no frame with a face, or the track is of another face space.
    """
    if track.face_space != FACE_SPACE:
        raise UnusableInput(f"{source} is tracked in the face space {track.face_space}, not {FACE_SPACE}.")
    chosen, notes = _usable(track, source)
    notes += _too_short(len(track.valid), len(chosen), source)
    seen = _Seen(track.landmarks[chosen], track.blendshapes[chosen])
    if neutral is None:
        offset = neutral_guess().offset(seen.landmarks, seen.blendshapes, face)
        notes.append(
            f"{source}: the person's neutral face is a guess; a calm picture or clip of theirs makes the style "
            "truer (--neutral of style extract, --style-neutral elsewhere)."
        )
    else:
        calm, doubts = _usable(neutral, f"The neutral of {source}")
        notes += doubts
        offset = _known_offset(seen, _Seen(neutral.landmarks[calm], neutral.blendshapes[calm]), face)
    expression = _still(offset, face) if seen.still else _moving(seen, offset, face)
    return StyleClip(expression, track.face_space, source), tuple(notes)


def offset_of_clip(expression: Float) -> Float:
    """(64,) by which the mean pose of a style clip (T, 64) differs from neutral talk's."""
    return np.asarray(expression.mean(axis=0) - neutral_guess().talk, dtype=np.float32)


def gain_of_clip(expression: Float) -> float:
    """How large the movements of a style clip (T, 64) about their mean are, 1 as in nobody's neutral talk."""
    talk = neutral_talk()
    spread, usual = (float(np.sqrt(values.var(axis=0).sum())) for values in (expression, talk))
    return spread / usual


def _usable(track: FaceTrack, source: str) -> tuple[NDArray[np.int64], list[str]]:
    """Frames to use: with a face that looks about at the camera, 256 at most, as close together as they come."""
    frontal = track.valid & (np.abs(track.pose[:, :2]).max(axis=1) <= _MAX_TURN)
    frames = np.flatnonzero(frontal if frontal.any() else track.valid)
    if len(frames) == 0:
        raise UnusableInput(f"{source} holds no frame in which a face was found.")
    if not np.median(interocular(track.landmarks[frames])) > _LEAST_FACE:
        raise UnusableInput(f"{source} holds no landmarks of a face.")
    notes = []
    lost, turned = 1.0 - track.valid.mean(), (track.valid & ~frontal).mean()
    if lost > _LOST_SHARE:
        notes.append(f"{source}: the face is lost in {lost:.0%} of the frames; the others are used.")
    if turned > _LOST_SHARE:
        used = "the others are used" if frontal.any() else "they are used all the same"
        notes.append(f"{source}: the head is turned far to the side or up in {turned:.0%} of the frames; {used}.")
    if len(frames) > CLIP_FRAMES:
        spans = frames[CLIP_FRAMES - 1 :] - frames[: -CLIP_FRAMES + 1]
        first = int(spans.argmin())
        frames = frames[first : first + CLIP_FRAMES]
    return frames, notes


def _too_short(total: int, usable: int, source: str) -> list[str]:
    """What to tell of a clip with so few frames, or so few usable ones."""
    if total == 1:
        return [f"{source}: one picture; its expression is taken, the movements are those of neutral talk."]
    if usable < _STILL_FRAMES:
        return [f"{source}: less than 1 s with a face; only its expression is taken, not its movements."]
    if usable < _SHORT_SECONDS * VIDEO_FPS:
        seconds = usable / VIDEO_FPS
        return [f"{source}: only {seconds:.1f} s with a face; {_SHORT_SECONDS:g} s and more make a better style."]
    return []


def _known_offset(seen: _Seen, calm: _Seen, face: FaceModel) -> Float:
    """(64,) the clip's mean pose less the same person's in neutral talk.

    A calm clip of talk gives that pose itself; a picture, or somebody silent, gives the resting face, and the pose of
    talk relative to it is taken from all talkers.
    """
    rest, talk = calm.resting_face(face), neutral_guess().talk
    meant = seen.expression(rest, face).mean(axis=0)
    if calm.still:
        return np.asarray(meant - talk, dtype=np.float32)
    spoken = calm.expression(rest, face)
    low, high = np.percentile(spoken @ face.measure("aperture"), (10, 90))
    return np.asarray(meant - spoken.mean(axis=0) - (0.0 if high - low > _TALKING else talk), dtype=np.float32)


def _moving(seen: _Seen, offset: Float, face: FaceModel) -> Float:
    """(T, 64) the clip's own movements about neutral talk's mean pose plus the offset; shut lips stay shut."""
    own, aperture = seen.expression(seen.resting_face(face), face), face.measure("aperture")
    opened = own @ aperture
    shut = min(float(np.percentile(opened, _SHUT)), _MAX_SHUT)
    styled = neutral_guess().talk + offset + own - own.mean(axis=0)
    return closures_kept(styled, np.clip(opened - shut, 0.0, None), aperture, opening_of(face))


def _still(offset: Float, face: FaceModel) -> Float:
    """(T, 64) nobody's neutral talk in that expression; how far the mouth happened to be open is left out."""
    talk, aperture = neutral_talk(), face.measure("aperture")
    expressed = offset - max(0.0, float(offset @ aperture)) * opening_of(face)
    return closures_kept(talk + expressed, talk @ aperture, aperture, opening_of(face))
