"""Talking clips as the denoiser learns from them: expression in a face space beside the speech features."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from dreamtalk.audio import SpeechEncoder, load_speech
from dreamtalk.data.cache import make_features, make_tracks
from dreamtalk.data.talkset import Clip
from dreamtalk.face.lids import remove_blinks
from dreamtalk.face.model import FaceModel
from dreamtalk.types import FEATURE_RATE, SAMPLE_RATE, VIDEO_FPS, Float, Speech

_MIN_VALID = 0.9
"""Clips in which the face is lost more often are left out."""

_REST_SECONDS = 0.2
"""How long a mouth takes to come to rest when speech ends, and to leave it before speech begins."""


@dataclass(frozen=True, slots=True)
class TalkingClip:
    """expression: (T, E) without blinks. closure: (T,) lip aperture in % iod above that of shut lips, never below 0.

    features: (N, D) at 50 Hz, N >= 2 T, lag corrected. id, speaker: which clip, whose. rest: the clip holds
    artificial silence.
    """

    id: str
    expression: Float
    closure: Float
    features: Float
    speaker: str
    rest: bool = False


def load_talkers(clips: list[Clip], cache: Path, face_model: FaceModel, encoder: str) -> list[TalkingClip]:
    """Talking clips with the speaker's neutral pooled over all of a speaker's clips."""
    tracks = list(make_tracks(clips, cache / "tracks"))
    features = list(make_features(clips, cache / "features", encoder))
    by_speaker: dict[str, list[int]] = defaultdict(list)
    for index, (clip, track) in enumerate(zip(clips, tracks, strict=True)):
        if track.valid.mean() >= _MIN_VALID:
            by_speaker[clip.speaker].append(index)
    talkers = []
    for speaker, members in by_speaker.items():
        filled = [tracks[i].filled(clips[i].file) for i in members]
        neutral = face_model.neutral(
            np.concatenate([t.landmarks for t in filled]), np.concatenate([t.blendshapes for t in filled])
        )
        expressions = [remove_blinks(face_model.fit(t.landmarks, neutral)[0], face_model) for t in filled]
        shut = _shut_aperture(expressions, face_model)
        for i, expression in zip(members, expressions, strict=True):
            closure = np.clip(expression @ face_model.measure("aperture") - shut, 0.0, None)
            heard = shift_features(features[i], clips[i])
            length = min(len(expression), len(heard) // 2)
            talkers.append(
                TalkingClip(clips[i].id, expression[:length], closure[:length], heard[: 2 * length], speaker)
            )
    return talkers


def _shut_aperture(expressions: list[Float], face_model: FaceModel) -> float:
    """Aperture, in % iod relative to neutral, of this speaker's shut lips: a low percentile over all frames."""
    return float(np.percentile(np.concatenate([e @ face_model.measure("aperture") for e in expressions]), 2.0))


def shift_features(features: Float, clip: Clip) -> Float:
    """Features moved so that sound and picture are in step, by whole features (20 ms)."""
    if not clip.lag_trusted:
        return features
    shift = round(-clip.lag_frames * FEATURE_RATE / VIDEO_FPS)  # sound late (negative lag): take later features
    index = np.clip(np.arange(len(features)) + shift, 0, len(features) - 1)
    return np.asarray(features[index], dtype=np.float32)


def with_silence(clip: Clip, talker: TalkingClip, encoder: SpeechEncoder, seconds: float, noise: float) -> TalkingClip:
    """The same talk with silence before and after it, and a mouth at rest there.

    noise: standard deviation of white noise in the silence, in full scale; 0 = digital silence. Features are encoded
    anew, because a window that hears the edge of speech differs from one that hears only silence or only speech.
    """
    pad = round(seconds * VIDEO_FPS)
    samples = load_speech(clip.file).samples
    quiet = np.random.default_rng(len(samples)).standard_normal(2 * pad * SAMPLE_RATE // VIDEO_FPS) * noise
    before, after = np.split(quiet.astype(np.float32), 2)
    features = encoder.encode(Speech(np.concatenate([before, samples, after]))).values
    features = shift_features(features, clip)
    length = min(len(talker.expression) + 2 * pad, len(features) // 2)
    # Weight 1 while the clip speaks, eased to 0 outside it.
    outside = np.maximum(pad - np.arange(length), np.arange(length) - (pad + len(talker.expression) - 1))
    ease = np.clip(outside / (_REST_SECONDS * VIDEO_FPS), 0.0, 1.0)
    weight = (1.0 - ease * ease * (3.0 - 2.0 * ease)).astype(np.float32)
    source = np.clip(np.arange(length) - pad, 0, len(talker.expression) - 1)
    expression = talker.expression[source] * weight[:, None]
    return replace(
        talker,
        expression=expression.astype(np.float32),
        closure=talker.closure[source] * weight,
        features=features[: 2 * length],
        rest=True,
    )
