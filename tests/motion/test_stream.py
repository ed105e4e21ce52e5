"""Motion made while speech arrives is the motion of the whole file, and nothing piles up."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dreamtalk.audio import load_speech
from dreamtalk.motion.natural import natural
from dreamtalk.motion.rest import speech_activity
from dreamtalk.motion.stream import CHUNK, MotionChoices, MotionParts, MotionStream, joined, motion_of
from dreamtalk.motion.stress import speech_stress
from dreamtalk.style.timeline import Halves, StyleKey, Timeline
from dreamtalk.talker import Talker
from dreamtalk.types import SAMPLE_RATE, Float, Liveliness, Motion, Speech, Style

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
        held.append(len(stream._speech._levels))
    assert first is not None and first <= 5
    assert max(held) < 100, "a few seconds at most"


def test_the_shortest_speech_has_a_frame(parts: MotionParts, choices: MotionChoices) -> None:
    assert len(joined(motion_of(np.zeros(100, np.float32), parts, choices))) == 1


@pytest.fixture(scope="module")
def changing(debug_talker: Talker) -> MotionChoices:
    """Two styles one after the other, the second with a smile in silence, and eyes stronger than the mouth."""
    plain = debug_talker.style("neutral")
    rest = np.linspace(0.0, 1.0, 64, dtype=np.float32)
    other = replace(plain, code=plain.code[::-1].copy(), rest=rest, liveliness=Liveliness(head_pace=0.5, head_drop=4.0))
    keys = (StyleKey(0.0, plain), StyleKey(1.7, other, 1.5, 0.9))
    return MotionChoices(style=Timeline(keys), intensity=Halves(1.2, 0.8), seed=5)


@pytest.mark.parametrize("piece", [1_600, 10**6])
def test_styles_over_time_do_not_depend_on_how_speech_arrives(
    piece: int, samples: Float, parts: MotionParts, changing: MotionChoices
) -> None:
    whole = joined(motion_of(samples, parts, changing))
    stream = MotionStream(parts, changing)
    made = [chunk for at in range(0, len(samples), piece) for chunk in stream.push(samples[at : at + piece])]
    motion = joined(iter([*made, *stream.finish()]))
    assert all(np.array_equal(getattr(motion, name), getattr(whole, name)) for name in NAMES)


def test_a_timeline_of_one_style_is_the_style_to_the_bit(
    samples: Float, whole: Motion, parts: MotionParts, choices: MotionChoices
) -> None:
    assert isinstance(choices.style, Style)
    alone = replace(choices, style=Timeline((StyleKey(0.0, choices.style),)), intensity=Halves(1.0, 1.0))
    motion = joined(motion_of(samples, parts, alone))
    assert all(getattr(motion, name).tobytes() == getattr(whole, name).tobytes() for name in NAMES)


def test_rest_and_head_go_over_with_the_style(samples: Float, parts: MotionParts, changing: MotionChoices) -> None:
    motion = joined(motion_of(np.zeros_like(samples), parts, replace(changing, blink="off")))
    lower = list(parts.face.lower)
    assert isinstance(changing.style, Timeline) and changing.style.keys[1].style.rest is not None
    smile = changing.style.keys[1].style.rest[lower]
    assert not motion.expression[20, lower].any()
    assert np.allclose(motion.expression[80, lower], 1.5 * 0.8 * smile, atol=1e-4)
    moved = np.linalg.norm(np.diff(motion.expression[:, lower], axis=0), axis=1)
    assert moved.max() < 0.12 * np.linalg.norm(1.5 * 0.8 * smile), "no jump in silence either"
    assert np.degrees(motion.rotation[110:, 0].mean() - motion.rotation[:40, 0].mean()) > 1.5, "the head sinks"


def test_each_part_can_be_switched_off(
    samples: Float, whole: Motion, parts: MotionParts, choices: MotionChoices
) -> None:
    off = joined(motion_of(samples, parts, replace(choices, accents="off")))
    raised = (whole.expression - off.expression) @ parts.face.measure("brow_height_right")
    assert raised.max() > 0.4 and raised.min() > -0.05, "% iod"
    assert np.array_equal(whole.expression[:, list(parts.face.lower)], off.expression[:, list(parts.face.lower)])
    still = joined(motion_of(samples, parts, replace(choices, gaze="still", pose="still")))
    assert not still.gaze.any() and not still.rotation.any()
