"""The shipped style predictor belongs to the shipped motion model and hears what it is for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dreamtalk import assets
from dreamtalk.audio import SpeechEncoder, load_speech
from dreamtalk.data.talkset import read_talkset
from dreamtalk.face.model import FaceModel
from dreamtalk.motion import MotionModel
from dreamtalk.style.predictor import DEFAULT_PREDICTOR, StylePredictor
from dreamtalk.style.speech_style import Listener
from dreamtalk.types import Speech

TALKSET = Path(__file__).parents[3] / "shared" / "talkset"
NOBODY = np.zeros(32, np.float32)
MOST_BYTES = 2_500_000


@pytest.fixture(scope="module")
def listener() -> Listener:
    return Listener(StylePredictor.load(), SpeechEncoder.load(threads=1), MotionModel.load(), FaceModel.load())


def test_it_is_small_and_says_what_its_licence_is() -> None:
    asset = assets.registry()[DEFAULT_PREDICTOR]
    assert asset.licence == "CC-BY-NC-SA-4.0"
    assert "non-commercial" in asset.source
    assert assets.path(DEFAULT_PREDICTOR).stat().st_size < MOST_BYTES


def test_plain_reading_is_neutral_and_stays_so(listener: Listener, examples: Path) -> None:
    speech = load_speech(examples / "speech.wav")
    assert listener.style(speech, NOBODY).source == "auto: like neutral"
    assert len(listener.timeline(speech, NOBODY).keys) == 1


@pytest.mark.skipif(
    not TALKSET.is_dir(), reason="needs ../shared/talkset: emotional speech may not be in the repository"
)
def test_it_hears_strong_emotions_of_an_actor_it_never_heard(listener: Listener) -> None:
    clips = [c for c in read_talkset(TALKSET) if c.speaker == "ravdess-22" and c.intensity == "2"]
    acted = {c.emotion: c for c in clips if c.emotion in ("angry", "disgusted", "fear", "happy", "surprised")}
    heard = {
        emotion: listener.style(load_speech(clip.file), NOBODY).source.removeprefix("auto: like ").partition(":")[0]
        for emotion, clip in acted.items()
    }
    assert sum(emotion == name for emotion, name in heard.items()) >= 4, heard


@pytest.mark.skipif(
    not TALKSET.is_dir(), reason="needs ../shared/talkset: emotional speech may not be in the repository"
)
def test_a_timeline_follows_an_actor_from_happy_to_angry(listener: Listener) -> None:
    clips = [c for c in read_talkset(TALKSET) if c.speaker == "ravdess-22" and c.intensity == "2"]
    parts = [load_speech(c.file).samples for e in ("happy", "angry") for c in [c for c in clips if c.emotion == e][:2]]
    change = (len(parts[0]) + len(parts[1])) / 16_000
    first, *_, last = listener.timeline(Speech(np.concatenate(parts)), NOBODY).keys
    assert "happy" in first.style.source and "angry" in last.style.source
    assert abs(last.start - change) < 2.0
