"""Stress: louder and higher syllables stand out, whoever speaks, and it does not matter how the samples arrive."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dreamtalk.audio import load_speech
from dreamtalk.motion.stress import UNSTRESSED, StressMeter, speech_stress
from dreamtalk.types import SAMPLE_RATE, Float


def voice(hertz: Float, loudness: Float) -> Float:
    """Harmonics of a pitch (S,) in Hz, so loud (S,)."""
    phase = 2 * np.pi * np.cumsum(hertz) / SAMPLE_RATE
    tone = sum(np.sin(k * phase) / k for k in range(1, 12))
    return np.asarray(0.1 * loudness * tone, np.float32)


def syllables(seconds: float, hertz: float, high: float = 1.0, loud: float = 1.0) -> Float:
    """Five syllables per second; the one 3 s in is higher and louder by these factors."""
    time = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    marked = (time >= 3.0) & (time < 3.2)
    wave = 0.05 + np.abs(np.sin(np.pi * 5.0 * time))
    return voice(hertz * np.where(marked, high, 1.0), wave * np.where(marked, loud, 1.0))


@pytest.mark.parametrize("hertz", [90.0, 130.0, 220.0])
@pytest.mark.parametrize(("high", "loud"), [(1.35, 1.0), (1.0, 2.5), (1.2, 1.6)])
def test_the_stressed_syllable_stands_out(hertz: float, high: float, loud: float) -> None:
    stress = speech_stress(syllables(5.0, hertz, high, loud))
    assert 74 <= int(stress[30:].argmax()) + 30 <= 81
    assert stress.max() > 0.8 > np.percentile(stress[30:], 80)


def test_loudness_of_the_recording_does_not_matter() -> None:
    speech = syllables(4.0, 120.0, 1.3, 1.5)
    assert np.abs(speech_stress(speech) - speech_stress(0.1 * speech)).max() < 0.05


def test_silence_and_noise_are_not_stressed() -> None:
    assert (speech_stress(np.zeros(SAMPLE_RATE, np.float32)) == UNSTRESSED).all()
    noise = np.random.default_rng(0).normal(0, 0.05, 2 * SAMPLE_RATE).astype(np.float32)
    assert speech_stress(noise).max() < 0.8


@pytest.mark.parametrize("piece", [317, 640, 16_001])
def test_it_does_not_matter_how_speech_arrives(piece: int, examples: Path) -> None:
    samples = load_speech(examples / "speech.wav").samples[: 3 * SAMPLE_RATE + 77]
    meter = StressMeter()
    parts = [meter.push(samples[at : at + piece]) for at in range(0, len(samples), piece)]
    whole = speech_stress(samples)
    assert np.array_equal(np.concatenate([*parts, meter.finish()]), whole)
    assert len(whole) == -(-len(samples) // 640)


def test_a_value_waits_for_no_more_than_20_ms() -> None:
    assert len(StressMeter().push(np.zeros(25 * 640 + 320, np.float32))) == 26
