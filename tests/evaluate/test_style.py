"""Does the evaluation of styles see what is there, and not what is not?"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.evaluate.test_motion import clip
from tests.style.people import talk

from dreamtalk.errors import UnusableInput, UnusableOutput
from dreamtalk.evaluate.clips import GRID_UNSEEN
from dreamtalk.evaluate.style import StyleEvaluation, Talks, evaluate_style
from dreamtalk.evaluate.style_emotions import EmotionClassifier
from dreamtalk.evaluate.style_references import EMOTIONS, StyleReference, load_references, windows
from dreamtalk.face.arkit import weights
from dreamtalk.face.model import FaceModel
from dreamtalk.motion import MotionModel
from dreamtalk.style.files import StyleClip
from dreamtalk.style.guess import neutral_guess
from dreamtalk.style.library import named_style
from dreamtalk.style.prototypes import PROTOTYPES
from dreamtalk.types import Float, SpeechFeatures

TALKSET = Path(__file__).parents[3] / "shared" / "talkset"


@pytest.fixture(scope="module")
def face() -> FaceModel:
    return FaceModel.load()


def reference(emotion: str, person: int, face: FaceModel) -> StyleReference:
    """Somebody who shows the emotion's facial actions, and something of their own."""
    own = np.random.default_rng(person).normal(0.0, 0.05, 64)
    shown = neutral_talk_of(100) + face.from_arkit(weights(**PROTOTYPES[emotion])) + own
    made = StyleClip(shown.astype(np.float32), "mesh64", "x")
    return StyleReference(f"{person}-{emotion}", str(person), emotion, made, made)


def neutral_talk_of(frames: int) -> Float:
    """(frames, 64) talk whose mean pose is that of the population."""
    said = talk(frames)
    return np.asarray(said - said.mean(axis=0) + neutral_guess().talk, dtype=np.float32)


def test_emotions_of_others_are_recognised_whatever_their_size(face: FaceModel) -> None:
    classifier = EmotionClassifier.trained([reference(e, person, face) for e in EMOTIONS for person in (1, 2)])
    for emotion in EMOTIONS:
        offsets = reference(emotion, 3, face).guessed.expression - neutral_guess().talk
        assert classifier.share(offsets, emotion) == 1.0
        assert classifier.share(0.3 * offsets, emotion) == 1.0
        assert classifier.share(offsets, EMOTIONS[EMOTIONS.index(emotion) - 1]) == 0.0
    assert np.isnan(classifier.share(offsets, ""))


def test_windows_are_two_seconds_and_half_overlap() -> None:
    ramp = np.repeat(np.arange(110.0)[:, None], 64, axis=1).astype(np.float32)
    assert windows(ramp)[:, 0].tolist() == [24.5, 49.5, 74.5]
    assert windows(ramp[:20])[:, 0].tolist() == [9.5]


def test_a_style_grows_with_its_intensity_and_the_neutral_does_not(face: FaceModel) -> None:
    model, made = MotionModel.load(), clip(face, "a", GRID_UNSEEN, 0)
    rng = np.random.default_rng(0)
    heard = SpeechFeatures(rng.standard_normal((200, 512)).astype(np.float32), "whisper-base-l3")
    neutral = model.generate(heard, model.neutral_style(), made.frames)
    talks = Talks(model, face, [made], [heard], [neutral], 0)
    assert talks.growth(named_style("happy", model, face)).value == 1.0
    assert talks.growth(model.neutral_style()).value < 0.8
    happy = talks.spoken(named_style("happy", model, face))
    assert talks.offset(happy) @ face.measure("corner_height") > 1.0
    assert talks.offset([neutral]) @ face.measure("corner_height") == 0.0


def test_odd_numbers_and_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UnusableInput, match="--limit"):
        evaluate_style(StyleEvaluation(tmp_path, limit=0))
    with pytest.raises(UnusableInput, match=r"clips\.csv"):
        evaluate_style(StyleEvaluation(tmp_path))
    (tmp_path / "clips.csv").write_text("id,file,split,kind,speaker,emotion\n")
    with pytest.raises(UnusableInput, match="emotional clips"):
        evaluate_style(StyleEvaluation(tmp_path))
    with pytest.raises(UnusableInput, match="every emotion"):
        EmotionClassifier.trained([])
    with pytest.raises(UnusableOutput, match="cannot be written"):
        evaluate_style(StyleEvaluation(tmp_path, out=tmp_path / "clips.csv"))


@pytest.mark.skipif(not TALKSET.is_dir(), reason="needs ../shared/talkset")
def test_references_have_the_neutral_of_their_own_person(face: FaceModel, tmp_path: Path) -> None:
    tracks = Path("work/tracks")
    if not tracks.is_dir():
        pytest.skip("needs work/tracks, which the first training run makes")
    found = {r.id: r for r in load_references(TALKSET, tracks, face, "dev")}
    assert found["mead-M030-happy-3"].known is not None
    assert found["styletalk-trump-1"].known is None and found["styletalk-trump-1"].emotion == ""
    assert "mead-M030-neutral-1" not in found
    assert found["mead-M030-happy-3"].offset @ face.measure("corner_height") > 1.0
