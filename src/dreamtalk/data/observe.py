"""First pass, clip by clip: the face track, the speech features and the sighting, kept in a cache folder.

    CACHE/tracks/ID.npz, CACHE/features/ID.npz (features-ENCODER/ for other encoders), CACHE/sightings/ID.json

Tracks and features have the format of data/cache.py, so what training made of a talkset is used again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Protocol

import numpy as np

from dreamtalk.audio import SpeechEncoder, load_speech
from dreamtalk.data.sighting import (
    Sighting,
    eye_distance,
    face_share,
    largest_change,
    largest_jump,
    loudness,
    second_face,
    thumbnail,
)
from dreamtalk.data.source import Part, SourceClip
from dreamtalk.errors import AssetMissing, DreamTalkError, UnusableAudio, UnusableInput, UnusableOutput
from dreamtalk.face import FaceTracker
from dreamtalk.face.detector import FaceDetector
from dreamtalk.face.raw import RawTrack, stack_faces
from dreamtalk.media import read_frames
from dreamtalk.media.files import replacing
from dreamtalk.types import SAMPLE_RATE, VIDEO_FPS, Float, Image, Speech, SpeechFeatures

DEFAULT_ENCODER = "whisper-base-l3"

_LOOK_EVERY = 5
"""Frames between those in which other faces are looked for."""


class Encoder(Protocol):
    """What turns speech into features."""

    def encode(self, speech: Speech) -> SpeechFeatures: ...


@dataclass(frozen=True, slots=True)
class Cache:
    """Where what is made of the clips is kept, and by which speech encoder (its name, and its source if it is not ours:
    a folder or a name on the Hugging Face hub)."""

    folder: Path
    encoder: str = DEFAULT_ENCODER
    encoder_source: str | None = None

    def track(self, clip_id: str) -> Path:
        return self.folder / "tracks" / f"{clip_id}.npz"

    def features(self, clip_id: str) -> Path:
        kind = "features" if self.encoder == DEFAULT_ENCODER else f"features-{self.encoder}"
        return self.folder / kind / f"{clip_id}.npz"

    def sighting(self, clip_id: str) -> Path:
        return self.folder / "sightings" / f"{clip_id}.json"


@dataclass(frozen=True, slots=True)
class Observation:
    """What became of a clip in the first pass."""

    id: str
    sighting: Sighting


def observe(clip: SourceClip, cache: Cache) -> Observation:
    """Make what the cache lacks of a clip. Files that cannot be used make a sighting with a problem, never an error."""
    size = clip.video.stat().st_size if clip.video.is_file() else 0
    known = Sighting.read(cache.sighting(clip.id))
    replaced = known is not None and known.size != size
    if known is not None and not replaced and (known.problem or _complete(clip, cache)):
        return Observation(clip.id, known)
    if replaced:
        cache.track(clip.id).unlink(missing_ok=True)
        cache.features(clip.id).unlink(missing_ok=True)
    try:
        sighting = _look(clip, cache, size)
    except (AssetMissing, UnusableOutput):  # a full disk says nothing of the clip
        raise
    except Exception as problem:  # whatever a damaged file does to a decoder: one clip, not the run
        sighting = Sighting(size, problem=in_a_line(problem).replace(str(clip.video), clip.video.name))
    sighting.write(cache.sighting(clip.id))
    return Observation(clip.id, sighting)


def _complete(clip: SourceClip, cache: Cache) -> bool:
    return cache.track(clip.id).is_file() and cache.features(clip.id).is_file()


def _look(clip: SourceClip, cache: Cache, size: int) -> Sighting:
    """Read the clip's files: track, features and sighting. Raises DreamTalkError when they cannot be used."""
    if size == 0:
        raise UnusableInput(f"{clip.video.name} is empty or does not exist.")
    speech = read_speech(clip)
    watch = _Watch()
    frames = watch.seen(part_frames(clip.video, clip.part))
    file = cache.track(clip.id)
    if file.is_file():
        for _ in frames:
            pass
        track = RawTrack.read(file)
    else:
        track = stack_faces(_tracker().track_frames(frames))
        track.write(file)
    if not cache.features(clip.id).is_file():
        values = encoder(cache.encoder, cache.encoder_source).encode(speech).values
        with replacing(cache.features(clip.id)) as part, part.open("wb") as stream:
            np.savez(stream, values=values.astype(np.float16))
    return Sighting(
        size=size,
        frames=len(track.valid),
        face_share=face_share(track.valid),
        other_faces=float(np.mean(watch.crowded)) if watch.crowded else 0.0,
        eye_distance=eye_distance(track.landmarks, track.valid),
        jump=largest_jump(track.landmarks, track.valid),
        change=largest_change(watch.thumbnails),
        loudness=loudness(speech.samples),
    )


class _Watch:
    """Looks at the frames that pass by on their way to the tracker."""

    def __init__(self) -> None:
        self.thumbnails: list[Float] = []
        self.crowded: list[bool] = []

    def seen(self, frames: Iterator[Image]) -> Iterator[Image]:
        for number, frame in enumerate(frames):
            self.thumbnails.append(thumbnail(frame))
            if number % _LOOK_EVERY == 0:
                self.crowded.append(second_face(_detector().detect(frame)))
            yield frame


def part_frames(video: Path, part: Part | None) -> Iterator[Image]:
    """The frames (H, W, 3) of a part of a video at 25 fps; of all of it without one."""
    frames = read_frames(video)
    if part is None:
        yield from frames
        return
    for frame in islice(frames, round(part.begin * VIDEO_FPS), round(part.end * VIDEO_FPS)):
        if part.box is None:
            yield frame
        else:
            x, y, width, height = part.box
            yield np.ascontiguousarray(frame[y : y + height, x : x + width])


def read_speech(clip: SourceClip) -> Speech:
    """The clip's own sound, or its sound file where the video has none. Raises UnusableAudio when there is neither."""
    try:
        speech = load_speech(clip.video)
    except UnusableAudio:
        if clip.sound is None:
            raise
        speech = load_speech(clip.sound)
    if clip.part is None:
        return speech
    begin, end = (round(seconds * SAMPLE_RATE) for seconds in (clip.part.begin, clip.part.end))
    return Speech(speech.samples[begin:end], speech.source)


@lru_cache
def _tracker() -> FaceTracker:
    return FaceTracker.load()


@lru_cache
def _detector() -> FaceDetector:
    return FaceDetector()


def check_encoder(name: str, source: str | None = None) -> None:
    """Raises UnusableInput for a name that neither we nor the hub's list know, unless its source is given."""
    from dreamtalk.audio.wav2vec2 import HUB_NAMES

    known = (DEFAULT_ENCODER, *HUB_NAMES)
    if source is None and name not in known:
        raise UnusableInput(
            f"There is no speech encoder {name!r}. Known: {', '.join(known)}; for another wav2vec2 give "
            "--encoder-source FOLDER or its name on the Hugging Face hub."
        )


@lru_cache
def encoder(name: str, source: str | None = None) -> Encoder:
    """An embedded speech encoder by its name, or a wav2vec2. Raises AssetMissing when it cannot be had."""
    from dreamtalk import assets

    if source is None and name in assets.registry():
        return SpeechEncoder.load(name, threads=1)
    from dreamtalk.audio.wav2vec2 import Wav2Vec2Encoder

    return Wav2Vec2Encoder.load(name, source, threads=1)


def in_a_line(problem: Exception) -> str:
    """What a problem says, in one line; with its kind where it is none of ours."""
    said = (str(problem).splitlines() or [""])[0]
    return said if isinstance(problem, DreamTalkError) else f"{type(problem).__name__}: {said}"


def read_features(cache: Cache, clip_id: str) -> Float:
    """Features (N, D) float32 of a clip that was observed."""
    with np.load(cache.features(clip_id), allow_pickle=False) as stored:
        return np.asarray(stored["values"], dtype=np.float32)
