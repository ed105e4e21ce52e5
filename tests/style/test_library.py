"""What styles by name mean on a face, before any numbers."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from dreamtalk.errors import UnusableInput
from dreamtalk.face.arkit import ARKIT_INDEX
from dreamtalk.face.model import FaceModel
from dreamtalk.motion import MotionModel
from dreamtalk.style.library import LEVELS, STYLES, expression_clip, named_style, offset_of, read_name, rest_of
from dreamtalk.types import Float, SpeechFeatures

EMOTIONS = [name for name, style in STYLES.items() if style.actions]


@pytest.fixture(scope="module")
def heard() -> SpeechFeatures:
    """Babble: noise as the model's ears would hear it."""
    rng = np.random.default_rng(0)
    return SpeechFeatures(rng.standard_normal((120, 512)).astype(np.float32), "whisper-base-l3")


def mean_face(name: str, model: MotionModel, face: FaceModel, heard: SpeechFeatures, intensity: float = 1.0) -> Float:
    """(64,) the mean of 50 frames of speech."""
    style = named_style(name, model, face)
    return np.asarray(model.generate(heard, style, 50, intensity).mean(axis=0), dtype=np.float32)


def test_named_styles_look_like_their_names(model: MotionModel, face: FaceModel, heard: SpeechFeatures) -> None:
    neutral = mean_face("neutral", model, face, heard)

    def change(name: str, measure: str) -> float:
        return float((mean_face(name, model, face, heard) - neutral) @ face.measure(measure))

    assert change("happy", "corner_height") > 1.0
    assert change("sad", "corner_height") < -1.0
    assert change("happy", "mouth_width") > 1.0
    for side in ("right", "left"):
        assert change("angry", f"brow_height_{side}") < -1.0
        assert change("surprised", f"brow_height_{side}") > 1.0
        assert change("surprised", f"eye_opening_{side}") > 0.3
        assert change("fear", f"eye_opening_{side}") > 0.3
        assert change("disgusted", f"eye_opening_{side}") < 0.0


def test_sad_raises_the_inner_and_contempt_one_side(face: FaceModel) -> None:
    def action(name: str, of: str) -> float:
        return float((face.arkit_read @ offset_of(STYLES[name], 2, face))[ARKIT_INDEX[of]])

    assert action("sad", "browInnerUp") > 0.5
    assert action("disgusted", "noseSneerLeft") > 0.4 < action("disgusted", "noseSneerRight")
    assert action("contempt", "mouthSmileLeft") > action("contempt", "mouthSmileRight") + 0.15


@pytest.mark.parametrize("name", EMOTIONS)
def test_levels_and_intensity_grow(name: str, model: MotionModel, face: FaceModel, heard: SpeechFeatures) -> None:
    direction = offset_of(STYLES[name], 2, face)
    direction = direction / np.linalg.norm(direction)
    levels = [float(mean_face(f"{name}:{level}", model, face, heard) @ direction) for level in LEVELS]
    assert levels[0] < levels[1] < levels[2]
    strengths = [float(mean_face(name, model, face, heard, omega) @ direction) for omega in (0.0, 0.5, 1.0, 1.5, 2.0)]
    assert all(weaker < stronger for weaker, stronger in pairwise(strengths))


@pytest.mark.parametrize("name", EMOTIONS)
def test_shut_lips_stay_shut(name: str, face: FaceModel) -> None:
    aperture = face.measure("aperture")
    talk = expression_clip(STYLES["neutral"], 2, face) @ aperture
    styled = expression_clip(STYLES[name], 3, face) @ aperture
    shut = talk < 0.5
    assert shut.any()
    assert np.abs(styled[shut]).max() < 1.0
    assert rest_of(STYLES[name], 3, face) @ aperture < 0.01


def test_the_same_name_gives_the_same_bytes(model: MotionModel, face: FaceModel) -> None:
    first, again = named_style("happy", model, face), named_style("happy:2", MotionModel.load(), face)
    assert first.code.tobytes() == again.code.tobytes() and first.source == again.source == "happy:2"
    assert first.code.tobytes() != named_style("happy:3", model, face).code.tobytes()


def test_unknown_names_and_levels_say_what_there_is() -> None:
    with pytest.raises(UnusableInput, match=r"grumpy.*angry.*contempt.*disgusted.*fear.*happy.*sad.*surprised"):
        read_name("grumpy")
    for wrong in ("happy:0", "happy:4", "happy:", "happy:two", "happy:2:2"):
        with pytest.raises(UnusableInput, match="1, 2 or 3"):
            read_name(wrong)


def test_all_promised_styles_are_there() -> None:
    promised = {"neutral", "angry", "contempt", "disgusted", "fear", "happy", "sad", "surprised"}
    assert promised | {"calm", "excited", "serious", "warm"} <= set(STYLES)
