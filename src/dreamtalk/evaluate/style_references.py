"""Emotional clips as style references: their own offset from neutral talk, with the neutral known and guessed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from dreamtalk.evaluate.clips import read_rows
from dreamtalk.evaluate.tracks import load_track
from dreamtalk.face.model import FaceModel
from dreamtalk.face.video import track_of
from dreamtalk.style.files import StyleClip
from dreamtalk.style.reference import clip_of_track, offset_of_clip
from dreamtalk.types import FaceTrack, Float

EMOTIONS = ("angry", "contempt", "disgusted", "fear", "happy", "sad", "surprised")

_PER_FRAME = ("landmarks", "expression", "pose", "gaze", "blendshapes", "valid")

_WINDOW, _STEP = 50, 25
"""Frames (2 s) of which the mean pose is taken, and from one such window to the next."""


@dataclass(frozen=True, slots=True)
class StyleReference:
    """guessed: the style clip as anybody's video would give it. known, pictured: with the person's neutral clip given,
    and with its first frame; None where there is none. emotion: "" when not one of EMOTIONS."""

    id: str
    person: str
    emotion: str
    guessed: StyleClip
    known: StyleClip | None
    pictured: StyleClip | None = None

    @property
    def truest(self) -> StyleClip:
        return self.known or self.guessed

    @property
    def offset(self) -> Float:
        """(64,) of its mean pose from neutral talk's, as well as it is known."""
        return offset_of_clip(self.truest.expression)


def load_references(dataset: Path, tracks: Path | None, face: FaceModel, split: str) -> list[StyleReference]:
    """The silent emotional clips of a split of the talkset. Raises UnusableInput when it is not there."""
    rows = [row for row in read_rows(dataset) if row["kind"] == "style" and row["split"] == split]
    tracked = {row["id"]: style_track(dataset / row["file"], tracks, face) for row in rows}
    calm = {row["speaker"]: tracked[row["id"]] for row in rows if row["emotion"] == "neutral"}
    found = []
    for row in rows:
        if row["emotion"] == "neutral":
            continue
        track, neutral = tracked[row["id"]], calm.get(row["speaker"])
        guessed, known, pictured = clip_of_track(track, row["id"], face)[0], None, None
        if neutral is not None:
            known = clip_of_track(track, row["id"], face, neutral)[0]
            pictured = clip_of_track(track, row["id"], face, _first_frame(neutral))[0]
        emotion = row["emotion"] if row["emotion"] in EMOTIONS else ""
        found.append(StyleReference(row["id"], row["speaker"], emotion, guessed, known, pictured))
    return found


def windows(offsets: Float) -> Float:
    """(N, 64) mean of every 2 s of offsets (T, 64), half overlapping; of all when there is less."""
    return np.stack([offsets[span].mean(axis=0) for span in spans(len(offsets))])


def spans(frames: int) -> list[slice]:
    """Every 2 s of so many frames, half overlapping; all of them when there is less."""
    return [slice(start, start + _WINDOW) for start in range(0, max(1, frames - _WINDOW + 1), _STEP)]


def _first_frame(track: FaceTrack) -> FaceTrack:
    """The track as if of a picture."""
    first = int(track.valid.argmax())
    rows = {name: getattr(track, name)[first : first + 1] for name in _PER_FRAME}
    return replace(track, **rows)


def style_track(video: Path, tracks: Path | None, face: FaceModel) -> FaceTrack:
    """The track of a style clip: tracks/<id>.npz where that is, else made and kept in the user's cache."""
    raw = load_track(video, tracks)
    return track_of(raw.landmarks, raw.blendshapes, raw.valid, face)
