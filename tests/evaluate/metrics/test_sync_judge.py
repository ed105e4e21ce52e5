"""The judge of lip sync on motion whose offset is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dreamtalk.evaluate.metrics.sync_judge import judge, load_judge
from dreamtalk.motion import MotionModel
from dreamtalk.talker import Talker
from dreamtalk.types import Float


@pytest.fixture(scope="module")
def talk(debug_talker: Talker, examples: Path) -> tuple[Float, Float]:
    """Expression by the shipped motion model, and what it heard."""
    speech = debug_talker.speech(examples / "speech.wav")
    heard, model = debug_talker.encoder.encode(speech), MotionModel.load()
    frames = min(150, speech.frames)
    return model.generate(heard, model.neutral_style(), frames), heard.values[: 2 * frames]


@pytest.mark.parametrize("late", [0, 4, -5])
def test_finds_lips_that_are_late(talk: tuple[Float, Float], late: int) -> None:
    expression, features = talk
    found = judge(load_judge(), np.roll(expression, late, axis=0), features)
    assert found is not None
    assert found.offset == late
    assert found.confidence > 0.3


def test_a_still_face_is_not_in_step_and_a_short_clip_has_no_score(talk: tuple[Float, Float]) -> None:
    expression, features = talk
    expert = load_judge()
    talking, still = judge(expert, expression, features), judge(expert, 0 * expression, features)
    assert talking is not None and still is not None
    assert still.confidence < 0.1 < 0.5 < talking.in_step
    assert judge(expert, expression[:30], features) is None
