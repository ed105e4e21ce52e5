"""Second pass, speaker by speaker: the resting face, and how far the lips are apart when they touch.

    CACHE/speakers/NAME.npz

Both are pooled over all clips of a speaker: one clip seldom holds a calm second.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from dreamtalk.data.observe import Cache, in_a_line
from dreamtalk.data.source import plain_name
from dreamtalk.face.lids import remove_blinks
from dreamtalk.face.model import FaceModel
from dreamtalk.face.raw import RawTrack
from dreamtalk.media.files import replacing
from dreamtalk.types import Float

_MAX_FRAMES = 20_000
"""Frames of a speaker that are looked at, evenly from all clips: 115 MB of landmarks."""

_SHUT = 2.0
"""Percentile of the aperture that stands for shut lips."""


@dataclass(frozen=True, slots=True)
class Speaker:
    """clips: the ids of all of a speaker's usable clips."""

    name: str
    clips: tuple[str, ...]

    def file(self, cache: Cache) -> Path:
        """Where the rest of these very clips is kept."""
        of = zlib.crc32(" ".join((self.name, *self.clips)).encode())
        return cache.folder / "speakers" / f"{plain_name(self.name)}-{of:08x}.npz"


@dataclass(frozen=True, slots=True)
class SpeakerRest:
    """neutral: (478, 3) resting face in the face frame. identity: (32,). shut: lip aperture of shut lips relative to
    that face, % iod."""

    neutral: Float
    identity: Float
    shut: float

    @classmethod
    def read(cls, file: Path) -> SpeakerRest:
        with np.load(file, allow_pickle=False) as stored:
            return cls(stored["neutral"], stored["identity"], float(stored["shut"]))


@dataclass(frozen=True, slots=True)
class SpeakerReport:
    """problem: why the speaker's clips cannot be used, else empty."""

    name: str
    problem: str = ""


def pool(speaker: Speaker, cache: Cache) -> SpeakerReport:
    """Make the speaker's rest where the cache lacks it."""
    file = speaker.file(cache)
    if file.is_file():
        return SpeakerReport(speaker.name)
    try:
        rest = _rest(speaker, cache)
    except Exception as problem:  # a damaged cache file, or no calm face: one speaker, not the run
        return SpeakerReport(speaker.name, in_a_line(problem))
    with replacing(file) as part, part.open("wb") as stream:
        np.savez(stream, neutral=rest.neutral, identity=rest.identity, shut=np.float32(rest.shut))
    return SpeakerReport(speaker.name)


def _rest(speaker: Speaker, cache: Cache) -> SpeakerRest:
    model = face_model()
    share = max(1, _MAX_FRAMES // len(speaker.clips))
    tracks = [_thinned(RawTrack.read(cache.track(clip)).filled(clip), share) for clip in speaker.clips]
    neutral = model.neutral(
        np.concatenate([t.landmarks for t in tracks]), np.concatenate([t.blendshapes for t in tracks])
    )
    aperture = model.measure("aperture")
    opening = [remove_blinks(model.fit(t.landmarks, neutral)[0], model) @ aperture for t in tracks]
    return SpeakerRest(neutral, model.identity(neutral), float(np.percentile(np.concatenate(opening), _SHUT)))


def _thinned(track: RawTrack, most: int) -> RawTrack:
    """At most so many frames, evenly spread."""
    if len(track.valid) <= most:
        return track
    keep = np.linspace(0, len(track.valid) - 1, most).astype(int)
    return RawTrack(track.landmarks[keep], track.blendshapes[keep], track.matrix[keep], track.valid[keep])


@lru_cache
def face_model() -> FaceModel:
    """The face model that the arrays are expressed in."""
    return FaceModel.load()
