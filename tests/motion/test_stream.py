"""Motion made while speech arrives is the motion of the whole file, and nothing piles up."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dreamtalk.audio import load_speech
from dreamtalk.motion.natural import natural
from dreamtalk.motion.rest import speech_activity
from dreamtalk.motion.stream import CHUNK, MotionChoices, MotionParts, MotionStream, joined, motion_of
from dreamtalk.motion.stress import speech_stress
from dreamtalk.talker import Talker
from dreamtalk.types import SAMPLE_RATE, Float, Motion, Speech

NAMES = ("expression", "rotation", "translation", "gaze")


@pytest.fixture(scope="module")
def parts(debug_talker: Talker) -> MotionParts:
    return MotionParts(debug_talker.encoder, debug_talker.motion_model, debug_talker.face_model)


@pytest.fixture(scope="module")
def choices(debug_talker: Talker) -> MotionChoices:
    return MotionChoices(style=debug_talker.style("neutral"), seed=5)


@pytest.fixture(scope="module")
def samples(examples: Path) -> Float:
    """5.3 s: two full chunks and a part of a third."""
    return load_speech(examples / "speech.wav").samples[: round(5.3 * SAMPLE_RATE)]


@pytest.fixture(scope="module")
def whole(samples: Float, parts: MotionParts, choices: MotionChoices) -> Motion:
    return joined(motion_of(samples, parts, choices))


@pytest.mark.parametrize("piece", [1_600, 16_001, 10**6])
def test_it_does_not_matter_how_speech_arrives(
    piece: int, samples: Float, whole: Motion, parts: MotionParts, choices: MotionChoices
) -> None:
    stream = MotionStream(parts, choices)
    made = [chunk for at in range(0, len(samples), piece) for chunk in stream.push(samples[at : at + piece])]
    motion = joined(iter([*made, *stream.finish()]))
    assert all(np.array_equal(getattr(motion, name), getattr(whole, name)) for name in NAMES)


def test_it_is_what_the_steps_give_one_by_one(
    samples: Float, whole: Motion, parts: MotionParts, choices: MotionChoices
) -> None:
    speech = Speech(samples)
    features = parts.encoder.encode(speech)
    expression = parts.model.generate(features, choices.style, speech.frames, seed=5)
    motion = natural(expression, speech_activity(samples), 5, parts.face, stress=speech_stress(samples))
    assert len(whole) == speech.frames == 133
    for name in NAMES:
        assert np.abs(getattr(motion, name) - getattr(whole, name)).max() < 1e-4


def test_chunks_come_early_and_nothing_piles_up(samples: Float, parts: MotionParts, choices: MotionChoices) -> None:
    stream = MotionStream(parts, choices)
    first = None
    held = []
    for second in range(14):
        start = second % 4 * SAMPLE_RATE
        chunks = list(stream.push(samples[start : start + SAMPLE_RATE]))
        assert all(len(chunk) == CHUNK for chunk in chunks)
        if chunks and first is None:
            first = second + 1
        held.append(len(stream._heard) + len(stream._levels))
    assert first is not None and first <= 5
    assert max(held) < 400, "a few seconds of features at most"


def test_the_shortest_speech_has_a_frame(parts: MotionParts, choices: MotionChoices) -> None:
    assert len(joined(motion_of(np.zeros(100, np.float32), parts, choices))) == 1
