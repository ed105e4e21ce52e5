"""Other voices: every training clip heard again from another throat and in another room, with the same lips.

Thousands of sentences by one speaker teach his voice as much as his lips. Played at another speed, speech gets
another pitch and vocal tract, and the lips move at that speed with it. Tone, echo and noise are another room and
another microphone.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import soxr
from rich.progress import track as progress

from dreamtalk.audio import SpeechEncoder, load_speech
from dreamtalk.data.talkers import TalkingClip, shift_features
from dreamtalk.data.talkset import Clip
from dreamtalk.media.files import replacing
from dreamtalk.types import SAMPLE_RATE, Float, Speech


@dataclass(frozen=True, slots=True)
class Voice:
    """speed: range of the playing speed. tone_db: standard deviation of the tone's curve. echo: range of the echo's
    length in seconds. noise_db: range of the noise's level below the speech; higher is quieter.
    """

    name: str
    speed: tuple[float, float]
    tone_db: float = 4.0
    echo: tuple[float, float] = (0.0, 0.0)
    noise_db: tuple[float, float] = (35.0, 60.0)


VOICES = (
    Voice("deep", (0.82, 0.95)),
    Voice("high", (1.08, 1.25)),
    Voice("room", (0.95, 1.08), tone_db=6.0, echo=(0.1, 0.5), noise_db=(10.0, 35.0)),
)

_TONE_KNOTS_HZ = (60.0, 250.0, 700.0, 1500.0, 3000.0, 5000.0, 8000.0)
_ECHO_SHARE = 0.3
"""Loudness of the echo relative to the direct sound."""


def other_voices(clips: list[Clip], talkers: list[TalkingClip], cache: Path, encoder: str) -> list[TalkingClip]:
    """Each clip that is among the talkers once more in each of VOICES. Features are kept in the cache folder."""
    by_id = {t.id: t for t in talkers if not t.rest}
    known = [c for c in clips if c.id in by_id]
    hear = SpeechEncoder.load(encoder)
    made = []
    for voice in VOICES:
        folder = cache / f"features-{encoder}-{voice.name}"
        folder.mkdir(parents=True, exist_ok=True)
        for clip in progress(known, description=f"Voice: {voice.name}"):
            features, speed = heard_as(clip, voice, hear, folder / f"{clip.id}.npy")
            made.append(_at_speed(clip, by_id[clip.id], features, voice.name, speed))
    return made


def heard_as(clip: Clip, voice: Voice, hear: SpeechEncoder, file: Path) -> tuple[Float, float]:
    """Features (N, D) at 50 Hz of a clip in that voice, kept in the file, and the speed at which it is played."""
    rng = np.random.default_rng(zlib.crc32(f"{clip.id} {voice.name}".encode()))
    speed = float(rng.uniform(*voice.speed))
    return _features(clip, voice, speed, rng, hear, file), speed


def changed(samples: Float, voice: Voice, speed: float, rng: np.random.Generator) -> Float:
    """Samples (S,) at 16 kHz in another voice: about S / speed of them, peak at most 1."""
    sound = soxr.resample(samples, SAMPLE_RATE * speed, SAMPLE_RATE).astype(np.float64)
    loudness = float(np.sqrt(np.mean(sound**2))) + 1e-6
    frequencies = np.fft.rfftfreq(2 * len(sound), 1.0 / SAMPLE_RATE)
    knots_db = rng.normal(0.0, voice.tone_db, len(_TONE_KNOTS_HZ))
    tone_db = np.interp(np.log(np.maximum(frequencies, 1.0)), np.log(_TONE_KNOTS_HZ), knots_db)
    response = 10.0 ** (tone_db / 20.0)
    length = rng.uniform(*voice.echo)
    if length > 0.0:
        tail = rng.standard_normal(round(length * SAMPLE_RATE))
        tail *= np.exp(-3.0 * np.arange(len(tail)) / len(tail))
        tail *= _ECHO_SHARE / np.sqrt((tail**2).sum())
        response = response * (1.0 + np.fft.rfft(tail, 2 * len(sound)))
    sound = np.fft.irfft(np.fft.rfft(sound, 2 * len(sound)) * response)[: len(sound)]
    sound += rng.standard_normal(len(sound)) * loudness * 10.0 ** (-rng.uniform(*voice.noise_db) / 20.0)
    return (sound / max(1.0, float(np.abs(sound).max()))).astype(np.float32)


def resampled(values: Float, positions: Float) -> Float:
    """Rows of values (T, ...) at fractional positions (P,), by the cubic through the four nearest (Catmull-Rom).

    Straight lines between frames would open lips that meet for a single frame.
    """
    at = np.clip(np.floor(positions).astype(int), 0, len(values) - 1)
    u = (positions - at).reshape(-1, *[1] * (values.ndim - 1))
    a, b, c, d = (values[np.clip(at + k, 0, len(values) - 1)] for k in (-1, 0, 1, 2))
    curve = b + 0.5 * u * (c - a + u * (2 * a - 5 * b + 4 * c - d + u * (3 * (b - c) + d - a)))
    return np.asarray(curve, dtype=np.float32)


def _features(
    clip: Clip, voice: Voice, speed: float, rng: np.random.Generator, hear: SpeechEncoder, file: Path
) -> Float:
    if not file.is_file():
        speech = Speech(changed(load_speech(clip.file).samples, voice, speed, rng))
        with replacing(file) as temporary:
            np.save(temporary, hear.encode(speech).values.astype(np.float16))
    return np.asarray(np.load(file, allow_pickle=False), dtype=np.float32)


def _at_speed(clip: Clip, talker: TalkingClip, features: Float, name: str, speed: float) -> TalkingClip:
    heard = shift_features(features, replace(clip, lag_frames=clip.lag_frames / speed))
    frames = min(int(len(talker.expression) / speed), len(heard) // 2)
    positions = np.arange(frames) * speed
    return replace(
        talker,
        id=f"{talker.id}+{name}",
        expression=resampled(talker.expression, positions),
        closure=np.clip(resampled(talker.closure, positions), 0.0, None),
        features=heard[: 2 * frames],
    )
