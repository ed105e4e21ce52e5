"""Third pass, shard by shard: tracks and features become rows, in step with each other."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

import numpy as np

from dreamtalk.data.manifest import Skip
from dreamtalk.data.observe import Cache, in_a_line, read_features
from dreamtalk.data.quality import QualityLimits
from dreamtalk.data.shards import ClipArrays, ClipInfo, ClipQuality, PreparedClip, read_note, write_shard
from dreamtalk.data.sighting import Sighting
from dreamtalk.data.source import SourceClip
from dreamtalk.data.speakers import Speaker, SpeakerRest, face_model
from dreamtalk.data.sync import best_offset, correction, moved, offset_curve
from dreamtalk.face.lids import remove_blinks
from dreamtalk.face.raw import RawTrack
from dreamtalk.lipsync.expert import LipExpert
from dreamtalk.types import VIDEO_FPS, Float

FACE_SPACE = "mesh64"


@dataclass(frozen=True, slots=True)
class Member:
    """A good clip with what the first pass saw, its speaker, and its video's path below the data set's root."""

    clip: SourceClip
    sighting: Sighting
    speaker: Speaker
    source: str


@dataclass(frozen=True, slots=True)
class Shard:
    """The clips that one file is made of. limits, expert: how their sound is judged; no expert: only known lags are
    corrected."""

    file: Path
    members: tuple[Member, ...]
    limits: QualityLimits
    expert: Path | None

    def inputs(self, cache: Cache) -> str:
        """sha256 of all that the file depends on, by which one made of something else is noticed."""
        expert = sha256(self.expert.read_bytes()).hexdigest() if self.expert else ""
        parts = [
            (asdict(m.sighting), m.speaker.file(cache).name, {**asdict(m.clip), "video": m.source, "sound": ""})
            for m in self.members
        ]
        text = json.dumps([parts, asdict(self.limits), expert, cache.encoder, FACE_SPACE], sort_keys=True)
        return sha256(text.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class ShardReport:
    """What is in a finished shard, and what was left out of it."""

    file: str
    clips: int
    frames: int
    skipped: tuple[Skip, ...]


def fit_shard(shard: Shard, cache: Cache) -> ShardReport:
    """Write a shard unless it is there already, made of the same."""
    inputs = shard.inputs(cache)
    note = json.loads(read_note(shard.file) or "{}")
    if note.get("inputs") == inputs:
        return ShardReport(note["file"], note["clips"], note["frames"], tuple(Skip(**s) for s in note["skipped"]))
    results = [_fitted(member, shard, cache) for member in shard.members]
    clips = [r for r in results if isinstance(r, PreparedClip)]
    skipped = tuple(r for r in results if isinstance(r, Skip))
    report = ShardReport(shard.file.name, len(clips), sum(c.info.frames for c in clips), skipped)
    write_shard(shard.file, clips, json.dumps({**asdict(report), "inputs": inputs}))
    return report


def _fitted(member: Member, shard: Shard, cache: Cache) -> PreparedClip | Skip:
    try:
        return fit_clip(member, shard.limits, shard.expert, cache)
    except Exception as problem:  # a damaged cache file: one clip, not the run
        return Skip(member.clip.id, "unreadable", in_a_line(problem))


def fit_clip(member: Member, limits: QualityLimits, expert: Path | None, cache: Cache) -> PreparedClip | Skip:
    """One row, or why there is none."""
    clip, model = member.clip, face_model()
    rest = SpeakerRest.read(member.speaker.file(cache))
    track = RawTrack.read(cache.track(clip.id)).filled(clip.video)
    expression, pose, gaze = model.fit(track.landmarks, rest.neutral)
    unblinking = remove_blinks(expression, model)
    features = read_features(cache, clip.id)
    late, offset, margin = 0.0, float("nan"), float("nan")
    if clip.lag_frames is not None:
        late = -clip.lag_frames
    elif expert is not None and (curve := offset_curve(_expert(expert), unblinking, features)) is not None:
        found = best_offset(curve)
        offset, margin = found.frames, found.margin
        decided = correction(found, limits)
        if isinstance(decided, tuple):
            return Skip(clip.id, *decided)
        late = decided
    frames = min(len(expression), len(features) // 2)
    return PreparedClip(
        _info(member, frames, cache.encoder, 0.0 - late),
        ClipQuality(
            face_share=member.sighting.face_share,
            other_faces=member.sighting.other_faces,
            eye_distance=member.sighting.eye_distance,
            loudness=member.sighting.loudness,
            sync_offset=offset,
            sync_margin=margin,
        ),
        ClipArrays(
            expression=expression[:frames],
            unblinking=unblinking[:frames],
            pose=pose[:frames],
            gaze=gaze[:frames],
            valid=track.valid[:frames],
            identity=rest.identity,
            closure=_closure(unblinking[:frames] @ model.measure("aperture"), rest.shut),
            features=moved(features, late)[: 2 * frames].astype(np.float16),
        ),
    )


def _closure(aperture: Float, shut: float) -> Float:
    return np.asarray(np.clip(aperture - shut, 0.0, None), dtype=np.float32)


def _info(member: Member, frames: int, encoder: str, lag_frames: float) -> ClipInfo:
    clip = member.clip
    return ClipInfo(
        id=clip.id,
        speaker=clip.speaker,
        dataset=clip.dataset,
        split=clip.split,
        licence_class=clip.licence_class,
        emotion=clip.emotion,
        intensity=clip.intensity,
        language=clip.language,
        transcript=clip.transcript,
        source=member.source,
        frames=frames,
        fps=float(VIDEO_FPS),
        encoder=encoder,
        face_space=FACE_SPACE,
        lag_frames=lag_frames,
    )


@lru_cache
def _expert(file: Path) -> LipExpert:
    return LipExpert.load(file)


def lip_expert_or_none(given: Path | None, encoder: str, say: Callable[[str], None]) -> Path | None:
    """The lip expert to judge sound by: the given file, else the shipped one; None, saying so, when there is none for
    this encoder. Raises UnusableInput when the given file is no lip expert."""
    from dreamtalk import assets

    file = given or assets.path(LIP_EXPERT)
    config = LipExpert.load(file).config
    if (config.encoder, config.face_space) != (encoder, FACE_SPACE):
        say(f"The lip expert hears {config.encoder}, not {encoder}: sound and picture are not compared.")
        return None
    return file


LIP_EXPERT = "lip-expert-mesh64"
"""The shipped lip expert's name in the asset registry."""
