"""What is heard of speech before any network, and what is made of the predictor's opinions."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from dreamtalk import assets
from dreamtalk.audio import SpeechEncoder, load_speech
from dreamtalk.errors import UnusableInput
from dreamtalk.face.model import FaceModel
from dreamtalk.motion import MotionModel
from dreamtalk.options import TalkOptions
from dreamtalk.style.around import Surroundings
from dreamtalk.style.hearing import LEAST_ACTIVE, Heard, hear, levelled, means
from dreamtalk.style.library import named_style
from dreamtalk.style.predictor import StylePredictor
from dreamtalk.style.speech_style import Listener, steadiest
from dreamtalk.talker import Talker
from dreamtalk.types import Float, Speech

SECOND = 16_000


@pytest.fixture(scope="module")
def encoder() -> SpeechEncoder:
    return SpeechEncoder.load(threads=1)


@pytest.fixture(scope="module")
def speech(examples: Path) -> Speech:
    return Speech(load_speech(examples / "speech.wav").samples[: 6 * SECOND])


@pytest.fixture(scope="module")
def listener(encoder: SpeechEncoder) -> Listener:
    """The shipped motion model with a predictor that knows nothing."""
    model = MotionModel.load()
    return Listener(StylePredictor.debug(model), encoder, model, FaceModel.load())


@pytest.fixture
def talker() -> Talker:
    """The whole line with tiny random models of motion and style."""
    made = Talker(device="cpu", threads=1)
    made.motion_model = MotionModel.debug()
    return made


def test_a_quiet_recording_sounds_like_a_loud_one(speech: Speech, encoder: SpeechEncoder) -> None:
    loud, quiet = (hear(Speech(gain * speech.samples), encoder, 10) for gain in (1.0, 0.05))
    np.testing.assert_allclose(quiet.values, loud.values, atol=2e-2)
    np.testing.assert_array_equal(quiet.active, loud.active)


def test_nothing_is_made_of_silence() -> None:
    silence = np.zeros(SECOND, np.float32)
    np.testing.assert_array_equal(levelled(silence), silence)


def test_tokens_are_means_and_silence_around_speech_is_left_out() -> None:
    np.testing.assert_allclose(means(np.arange(10, dtype=np.float32)[:, None], 4), [[1.5], [5.5], [8.5]])
    active = np.array([0, 0, 1, 0.6, 0, 1, 1, 1, 0, 0], np.float32)
    heard = Heard(np.arange(10, dtype=np.float32)[:, None], active)
    part = heard.part(0, 10)
    assert part is not None
    np.testing.assert_array_equal(part[:, 0], np.arange(2, 8))
    assert LEAST_ACTIVE == 5
    assert heard.part(0, 6) is None  # three tokens of speech say too little


def test_one_window_that_disagrees_changes_nothing_and_a_lasting_change_is_followed() -> None:
    happy, sad = np.full(8, 0), np.full(8, 1)
    assert steadiest(np.stack([happy, happy, sad, happy, happy]), 11) == [0] * 5
    assert steadiest(np.stack([sad, happy, happy, happy, sad]), 11) == [0] * 5
    assert steadiest(np.stack([happy] * 4 + [sad] * 4), 11) == [0] * 4 + [1] * 4


def test_a_named_code_comes_with_what_the_named_style_has(listener: Listener) -> None:
    named = named_style("sad:2", listener.model, listener.face)
    dressed = listener.around.dressed(named.code)
    assert dressed.source == "auto: like sad:2"
    assert dressed.guidance == pytest.approx(named.guidance, rel=0.1)
    assert dressed.rest is not None and named.rest is not None
    lower = list(listener.face.lower)
    cosine = dressed.rest[lower] @ named.rest[lower]
    assert cosine / np.linalg.norm(dressed.rest[lower]) / np.linalg.norm(named.rest[lower]) > 0.95
    neutral = listener.around.dressed(listener.model.neutral_style().code)
    assert neutral.rest is not None
    assert np.linalg.norm(neutral.rest) < 0.3 * np.linalg.norm(named.rest)


def test_silence_asks_for_no_style(listener: Listener, identity: Float) -> None:
    silent = Speech(np.zeros(3 * SECOND, np.float32))
    assert listener.style(silent, identity).source == "neutral"
    (key,) = listener.timeline(silent, identity).keys
    assert (key.start, key.style.source) == (0.0, "neutral")


@pytest.fixture
def identity() -> Float:
    return np.zeros(32, np.float32)


def test_a_timeline_starts_at_once_and_goes_on_in_order(listener: Listener, speech: Speech, identity: Float) -> None:
    first, again = (listener.timeline(speech, identity, seed=3) for _ in range(2))
    starts = [key.start for key in first.keys]
    assert starts[0] == 0.0 and starts == sorted(set(starts)) and starts[-1] < speech.seconds
    for one, other in zip(first.keys, again.keys, strict=True):
        assert one.style.code.tobytes() == other.style.code.tobytes()


def test_auto_goes_all_the_way_to_frames(talker: Talker, examples: Path, speech: Speech) -> None:
    talker.style_predictor = StylePredictor.debug(talker.motion_model)
    short = Speech(speech.samples[: 2 * SECOND])
    frames = talker.stream(examples / "portrait.jpg", short, TalkOptions(style="auto", auto_timeline=True))
    assert next(frames).ndim == 3
    motion = talker.motion(short, TalkOptions(style="auto"))
    neutral = talker.motion(short, TalkOptions())
    assert len(motion) == short.frames
    assert np.abs(motion.expression - neutral.expression).max() > 0.0


def test_other_styles_never_touch_the_non_commercial_weights(
    talker: Talker, speech: Speech, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = assets.path

    def guarded(name: str) -> Path:
        assert "style-predictor" not in name
        return real(name)

    monkeypatch.setattr(assets, "path", guarded)
    short = Speech(speech.samples[:SECOND])
    for style in ("neutral", "happy:3"):
        talker.motion(short, TalkOptions(style=style))
    assert "style_predictor" not in vars(talker)
    with pytest.raises(AssertionError):
        talker.motion(short, TalkOptions(style="auto"))


def test_an_automatic_timeline_needs_the_automatic_style() -> None:
    with pytest.raises(UnusableInput, match="--style auto"):
        TalkOptions(auto_timeline=True)
    with pytest.raises(UnusableInput, match="neutral face"):
        TalkOptions(style="auto", style_neutral="calm.jpg")


def test_predictions_follow_a_named_style_that_is_tuned(listener: Listener) -> None:
    """A predictor that learned when "sad" was elsewhere still means today's sad, and leaves other styles alone."""
    model, today = listener.model, listener.around
    names = today.names
    sad = [row for row, name in enumerate(names) if name.startswith("sad:")]
    predictor = StylePredictor(replace(StylePredictor.debug(model).config, anchors=names))
    predictor.anchors.copy_(torch.from_numpy(today.now))
    shift = np.full(today.now.shape[1], 0.1, np.float32)
    predictor.anchors[sad] += torch.from_numpy(shift)
    around = Surroundings(predictor, model, listener.face)
    then = predictor.anchors.numpy()
    moved = around.followed(then) - then
    assert (moved[sad[1:]] @ -shift / (shift @ shift) > 0.7).all()
    far = np.linalg.norm(then[:, None] - then[None, sad], axis=2).min(axis=1) > 7.0
    assert far.sum() > 8
    assert np.abs(moved[far]).max() < 0.01
