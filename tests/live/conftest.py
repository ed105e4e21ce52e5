"""Quick parts for live talks: a tiny motion model, an encoder that is nothing but convolutions; the rest is real."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from dreamtalk.audio import SpeechEncoder, load_speech
from dreamtalk.audio.whisper import WhisperConfig, WhisperEncoder
from dreamtalk.face.model import FaceModel
from dreamtalk.motion import MotionModel
from dreamtalk.motion.spoken import MotionChoices, MotionParts
from dreamtalk.types import SAMPLE_RATE, Float


@pytest.fixture(scope="session")
def quick() -> MotionParts:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        ears = WhisperEncoder(WhisperConfig(width=512, layers=0, positions=150))
    return MotionParts(SpeechEncoder(ears, "whisper-base-l3", threads=1), MotionModel.debug(), FaceModel.load())


@pytest.fixture(scope="session")
def quick_choices(quick: MotionParts) -> MotionChoices:
    return MotionChoices(style=quick.model.neutral_style(), seed=3, latency="live")


@pytest.fixture(scope="session")
def speech(examples: Path) -> Float:
    """2.71 s of the example's speech: more than one chunk in each mode, and a part of a frame at its end."""
    return load_speech(examples / "speech.wav").samples[: round(2.71 * SAMPLE_RATE)]
