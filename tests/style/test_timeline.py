"""Styles over time: smooth, the same whatever the chunks, and no jump where one gives way to the next."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dreamtalk.audio import SpeechEncoder, load_speech
from dreamtalk.errors import UnusableInput
from dreamtalk.face.model import FaceModel
from dreamtalk.motion import MotionModel
from dreamtalk.style.library import named_style
from dreamtalk.style.timeline import Halves, StyleFrames, StyleKey, Timeline, constant
from dreamtalk.types import Liveliness, SpeechFeatures, Style

REAL_P99 = 0.933
"""99th percentile of the length of the change of expression from frame to frame (face space units), 5,220 frames of the
real talkers of talkset's dev split."""


def style(seed: int, **more: object) -> Style:
    code = np.random.default_rng(seed).normal(size=256).astype(np.float32)
    return Style(code, f"style {seed}", **more)  # type: ignore[arg-type]


CALM, GLAD, SAD = style(0), style(1), style(2, rest=np.full(64, 0.5, np.float32), liveliness=Liveliness(head_pace=0.5))


@pytest.fixture(scope="module")
def features(examples: Path, model: MotionModel) -> SpeechFeatures:
    return SpeechEncoder.load(model.config.encoder).encode(load_speech(examples / "speech.wav"))


def test_a_single_key_is_its_style_to_the_bit() -> None:
    frames = Timeline((StyleKey(1.0, SAD),)).frames(0, 50)
    alone = constant(SAD)
    assert frames.steady and frames.code.tobytes() == alone.code.tobytes()
    assert frames.rest is not None and alone.rest is not None and frames.rest.tobytes() == alone.rest.tobytes()
    assert frames.strength == alone.strength and frames.liveliness == alone.liveliness


def test_a_key_is_reached_after_its_transition() -> None:
    timeline = Timeline((StyleKey(2.0, GLAD, 1.5, transition=1.0), StyleKey(0.0, CALM)))
    frames = timeline.frames(0, 100)
    assert np.array_equal(frames.code[50], CALM.code) and np.array_equal(frames.code[75], GLAD.code)
    assert frames.strength[50] == 1.0 and frames.strength[75] == 1.5
    assert (np.diff(frames.strength) >= 0).all() and 1.2 < frames.strength[62] < 1.3
    assert timeline.frames(0, 40).steady and timeline.frames(76, 50).steady


def test_chunks_equal_the_whole() -> None:
    timeline = Timeline((StyleKey(0.0, CALM), StyleKey(1.0, GLAD, 2.0), StyleKey(1.2, SAD, 0.5, 2.0)))
    whole = timeline.frames(0, 100)
    assert whole.rest is not None
    for first, count in ((0, 100), (20, 13), (33, 50)):
        part = timeline.frames(first, count)
        assert np.allclose(part.code, whole.code[first : first + count], atol=1e-6)
        assert np.allclose(part.strength, whole.strength[first : first + count])
        assert part.rest is not None and np.allclose(part.rest, whole.rest[first : first + count], atol=1e-6)
        assert part.liveliness[-1].head_pace == pytest.approx(whole.liveliness[first + count - 1].head_pace)


def test_a_style_at_intensity_zero_leaves_no_trace() -> None:
    frames = Timeline((StyleKey(0.0, SAD, 0.0), StyleKey(1.0, GLAD))).frames(26, 10)
    assert np.allclose(frames.code, GLAD.code, atol=1e-6), "only the strength grows"
    assert 0.0 < frames.strength[0] < frames.strength[-1] < 1.0
    assert frames.rest is not None and not frames.rest.any()
    assert all(lively == Liveliness() for lively in frames.liveliness)


def test_overlapping_transitions_turn_on_the_way_without_a_jump() -> None:
    keys = (StyleKey(0.0, CALM), StyleKey(1.0, GLAD, 1.0, 1.0), StyleKey(1.3, SAD, 1.0, 0.5), StyleKey(1.5, CALM))
    code = Timeline(keys).frames(0, 75).code
    step = np.linalg.norm(np.diff(code, axis=0), axis=1)
    assert step.max() < 0.2 * np.linalg.norm(SAD.code - CALM.code)
    assert np.abs(np.diff(step)).max() < 0.08 * np.linalg.norm(SAD.code - CALM.code)
    assert np.allclose(code[-1], CALM.code, atol=1e-6)


def test_no_transition_is_quicker_than_faces_are() -> None:
    code = Timeline((StyleKey(0.0, CALM), StyleKey(1.0, GLAD, transition=0.0))).frames(0, 50).code
    step = np.linalg.norm(np.diff(code, axis=0), axis=1)
    assert step.max() < 0.2 * np.linalg.norm(GLAD.code - CALM.code) and np.array_equal(code[41], GLAD.code)


def test_factors_of_liveliness_stay_factors() -> None:
    slow = style(3, liveliness=Liveliness(head_pace=0.25, head_drop=4.0))
    halfway = Timeline((StyleKey(0.0, CALM), StyleKey(0.0 + 1.0, slow, 1.0, 1.0))).frames(0, 100).liveliness
    middle = halfway[round(1.5 * 25)]
    assert middle.head_pace == pytest.approx(0.5, abs=0.05) and middle.head_drop == pytest.approx(2.0, abs=0.2)
    strong = Timeline((StyleKey(0.0, slow, 3.0),)).frames(0, 1).liveliness[0]
    assert strong.head_drop == pytest.approx(6.0), "no more than one and a half times"


@pytest.mark.parametrize("wrong", [(), (StyleKey(1.0, CALM), StyleKey(1.0, GLAD))])
def test_timelines_that_cannot_be(wrong: tuple[StyleKey, ...]) -> None:
    with pytest.raises(UnusableInput):
        Timeline(wrong)


@pytest.mark.parametrize("name", ["start", "intensity", "transition"])
def test_numbers_of_a_key_are_checked(name: str) -> None:
    for value in (-1.0, float("nan"), float("inf")):
        with pytest.raises(UnusableInput, match=name):
            StyleKey(**{"start": 0.0, "style": CALM, name: value})  # type: ignore[arg-type]
    with pytest.raises(UnusableInput, match="at most 3"):
        StyleKey(0.0, CALM, intensity=3.1)


@pytest.mark.parametrize("seconds", [0.0, 0.8])
def test_no_jump_at_a_change_of_style(
    seconds: float, model: MotionModel, face: FaceModel, features: SpeechFeatures
) -> None:
    """No frame of a change moves further than one in a hundred of real talkers' frames, unless the words do anyway."""
    names = ("neutral", "happy:3", "sad:3", "surprised:3", "angry:3")
    keys = tuple(StyleKey(1.2 * k, named_style(n, model, face), 1.0, seconds) for k, n in enumerate(names))
    frames = len(features.values) // 2

    def moved(given: Style | StyleFrames) -> np.ndarray:
        return np.linalg.norm(np.diff(model.generate(features, given, frames), axis=0), axis=1)

    change = moved(Timeline(keys).frames(0, frames))
    alone = [moved(key.style) for key in keys]
    for k in range(1, len(keys)):
        here = slice(round(keys[k].start * 25) - 1, round(keys[k].start * 25) + 21)
        allowed = np.maximum(REAL_P99, np.maximum(alone[k - 1], alone[k])[here])
        assert (change[here] <= allowed).all(), keys[k].style.source


def test_halves_of_the_face_follow_their_own_intensity(
    model: MotionModel, face: FaceModel, features: SpeechFeatures
) -> None:
    glad, plain = named_style("happy:3", model, face), model.neutral_style()
    upper, lower = list(face.upper), list(face.lower)

    def made(given: Style, intensity: float | Halves) -> np.ndarray:
        return model.generate(features, given, 60, intensity)

    neutral, happy = made(plain, 1.0), made(glad, 1.0)
    assert np.linalg.norm((happy - neutral).mean(axis=0)[upper]) > 0.2
    eyes = made(glad, Halves(1.0, 0.0))
    mouth = made(glad, Halves(0.0, 1.0))
    assert np.abs(eyes[:, lower] - neutral[:, lower]).max() < 0.05, "the mouth is neutral"
    assert np.abs(eyes[:, upper] - happy[:, upper]).max() < 0.05, "eyes and brows are happy"
    assert np.abs(mouth[:, upper] - neutral[:, upper]).max() < 0.05
    assert np.abs(mouth[:, lower] - happy[:, lower]).max() < 0.05
    assert made(glad, Halves(1.0, 1.0)).tobytes() == happy.tobytes()


def test_a_style_per_frame_is_each_frames_style(model: MotionModel, face: FaceModel, features: SpeechFeatures) -> None:
    sad, glad = named_style("sad", model, face), named_style("happy", model, face)
    keys = Timeline((StyleKey(0.0, sad), StyleKey(1.0, glad, 1.5)))
    both = model.generate(features, keys.frames(0, 60), 60)
    before, after = model.generate(features, sad, 60), model.generate(features, glad, 60, 1.5)
    assert np.abs(both[:25] - before[:25]).max() < 0.05 and np.abs(both[42:] - after[42:]).max() < 0.05
    assert np.abs(both[33] - before[33]).max() > 0.2 and np.abs(both[33] - after[33]).max() > 0.2
