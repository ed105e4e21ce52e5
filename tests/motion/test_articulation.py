"""Tongue and lips do what is heard, when it is heard, and nothing else moves."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from dreamtalk.audio import SpeechEncoder, load_speech
from dreamtalk.errors import UnusableInput
from dreamtalk.face.model import FaceModel
from dreamtalk.motion.articulation import Articulation, Gestures
from dreamtalk.motion.reader import GROUPS, ArticulationReader, ReaderConfig
from dreamtalk.motion.stream import MotionChoices, MotionParts, MotionStream, joined, motion_of
from dreamtalk.talker import Talker
from dreamtalk.types import SAMPLE_RATE, Float, Motion, Speech, SpeechFeatures

F_AND_V = (30, 82, 101, 196)
"""Frames of v(oice), f(ace), (ne)v(er), (whene)v(er) in examples/speech_synthetic.ogg, as eSpeak NG tells them."""
TONGUES = (4, 76, 118, 149, 213)
"""And of (he)l(lo), th(is), th(ese), (p)l(ease), th(em)."""
NO_FV = (*range(6, 25), *range(34, 76), *range(108, 190))
"""And frames far from any f or v."""


@pytest.fixture(scope="module")
def face() -> FaceModel:
    return FaceModel.load()


@pytest.fixture(scope="module")
def articulation(face: FaceModel) -> Articulation:
    return Articulation.load(face)


@pytest.fixture(scope="module")
def speech(examples: Path) -> Speech:
    return load_speech(examples / "speech_synthetic.ogg")


@pytest.fixture(scope="module")
def features(speech: Speech) -> SpeechFeatures:
    return SpeechEncoder.load().encode(speech)


@pytest.fixture(scope="module")
def heard(articulation: Articulation, features: SpeechFeatures, speech: Speech) -> Gestures:
    return articulation.gestures(features, 0, speech.frames)


def gestures(frames: int, **parts: float) -> Gestures:
    """The same gesture in every frame."""
    return Gestures(*(np.full(frames, parts.get(name, 0.0), np.float32) for name in ("lips", "bite", "tongue")))


def talk(face: FaceModel, frames: int = 40) -> Float:
    """Some expression of the size that faces have."""
    drawn = np.random.default_rng(3).standard_normal((frames, len(face.expression_std)))
    return np.asarray(drawn * face.expression_std, np.float32)


def test_f_v_and_tongue_are_heard_where_they_are_said(heard: Gestures) -> None:
    for frame in F_AND_V:
        assert heard.bite[frame - 2 : frame + 3].max() > 0.3, f"f or v at frame {frame}"
    for frame in TONGUES:
        assert heard.tongue[frame - 2 : frame + 3].max() > 0.5, f"tongue at frame {frame}"
    assert heard.bite[list(NO_FV)].max() < 0.2


def test_silence_moves_nothing(articulation: Articulation) -> None:
    quiet = SpeechEncoder.load().encode(Speech(np.zeros(2 * SAMPLE_RATE, np.float32)))
    still = articulation.gestures(quiet, 0, 50)
    assert max(still.lips.max(), still.bite.max(), still.tongue.max()) == 0.0


def test_gestures_are_centred_on_the_phone_and_smooth(face: FaceModel, monkeypatch: pytest.MonkeyPatch) -> None:
    reader = ArticulationReader(ReaderConfig())
    said = np.zeros((100, len(GROUPS)), np.float32)
    said[:, GROUPS.index("silence")] = 1.0
    said[37:44] = 0.0
    said[37:44, GROUPS.index("th")] = 1.0  # 140 ms around feature 40, which is frame 20's own

    def read(features: SpeechFeatures, first: int, count: int, heard_from: int) -> Float:
        return said[np.clip(np.arange(first, first + count), 0, 99)]

    monkeypatch.setattr(reader, "read", read)
    tongue = Articulation(reader, face).gestures(SpeechFeatures(np.zeros((100, 512), np.float32), "x"), 0, 50).tongue
    assert tongue[20] == 1.0 and tongue[19] == tongue[21], "neither early nor late"
    np.testing.assert_allclose(tongue[:21], tongue[40:19:-1], atol=1e-6)
    assert 0.0 < tongue[18] < tongue[19] and (tongue > 0).sum() == 5, "it comes and goes over several frames"


def test_parts_of_a_speech_give_what_the_whole_gives(
    articulation: Articulation, features: SpeechFeatures, heard: Gestures
) -> None:
    start, frames, reach = 37, 50, articulation.reach
    first, last = 2 * start - reach, 2 * (start + frames - 1) + reach
    part = SpeechFeatures(features.values[first : last + 1], features.encoder)
    made = articulation.gestures(part, start, frames, first)
    for name in ("lips", "bite", "tongue"):
        np.testing.assert_allclose(getattr(made, name), getattr(heard, name)[start : start + frames], atol=1e-5)


def test_without_gestures_the_expression_stays(articulation: Articulation, face: FaceModel) -> None:
    np.testing.assert_array_equal(articulation.shaped(talk(face), gestures(40)), talk(face))


def test_f_and_v_show_the_upper_teeth_on_the_lower_lip(articulation: Articulation, face: FaceModel) -> None:
    for before in (np.zeros((40, 64), np.float32), talk(face)):
        made = face.displacement(articulation.shaped(before, gestures(40, bite=1.0)))[..., 1] * 100
        was = face.displacement(before)[..., 1] * 100
        upper, lower, chin = 13, 14, 152
        mean = made.mean(axis=0)
        assert mean[upper] < -1.5 < 1.0 < mean[lower] < mean[chin], "lip up; lower lip above where the jaw carries it"
        assert made[:, [upper, lower]].std(axis=0).max() <= was[:, [upper, lower]].std(axis=0).max() + 1e-3
        opening = made[:, lower] - made[:, upper]
        assert 2.5 < opening.mean() < 6.0


def test_lips_meet_for_p_b_m_and_shut_ones_are_left_alone(articulation: Articulation, face: FaceModel) -> None:
    aperture = face.measure("aperture")
    before = talk(face)
    made = articulation.shaped(before, gestures(40, lips=1.0))
    assert (before @ aperture).max() > 5.0
    assert (made @ aperture).max() < 1.0
    shut = before @ aperture < 0.0
    np.testing.assert_allclose(made[shut], before[shut], atol=1e-6)


def test_brows_and_eyes_stay(articulation: Articulation, face: FaceModel) -> None:
    made = articulation.shaped(talk(face), gestures(40, lips=0.5, bite=1.0, tongue=1.0))
    np.testing.assert_array_equal(made[:, list(face.upper)], talk(face)[:, list(face.upper)])


def test_another_encoder_is_refused(articulation: Articulation) -> None:
    with pytest.raises(UnusableInput, match="hears"):
        articulation.gestures(SpeechFeatures(np.zeros((20, 512), np.float32), "wav2vec2"), 0, 5)


@pytest.mark.parametrize("piece", [5_000, 16_001])
def test_the_stream_gives_the_same_bytes_however_speech_arrives(
    piece: int, debug_talker: Talker, articulation: Articulation, speech: Speech
) -> None:
    talker, samples = debug_talker, speech.samples[: round(5.3 * SAMPLE_RATE)]
    parts = MotionParts(talker.encoder, talker.motion_model, talker.face_model, articulation)
    choices = MotionChoices(style=talker.style("neutral"), seed=5)
    whole = joined(motion_of(samples, parts, choices))
    stream = MotionStream(parts, choices)
    made = [chunk for at in range(0, len(samples), piece) for chunk in stream.push(samples[at : at + piece])]
    motion = joined(iter([*made, *stream.finish()]))
    assert tongue_of(whole).max() == 1.0 and len(tongue_of(whole)) == len(whole)
    np.testing.assert_array_equal(tongue_of(motion), tongue_of(whole))
    np.testing.assert_array_equal(motion.expression, whole.expression)


def test_the_talker_gives_a_tongue(debug_talker: Talker, speech: Speech, articulation: Articulation) -> None:
    short = Speech(speech.samples[: 2 * SAMPLE_RATE])
    heard = articulation.gestures(debug_talker.encoder.encode(short), 0, short.frames)
    np.testing.assert_allclose(tongue_of(debug_talker.motion(short)), heard.tongue, atol=1e-4)


def tongue_of(motion: Motion) -> Float:
    assert motion.tongue is not None
    return motion.tongue


def test_a_reader_comes_back_from_its_file(tmp_path: Path, features: SpeechFeatures) -> None:
    torch.manual_seed(0)
    reader = ArticulationReader(ReaderConfig(width=8, hidden=8)).eval()
    reader.save(tmp_path / "reader.safetensors")
    again = ArticulationReader.load(tmp_path / "reader.safetensors")
    assert again.config == reader.config
    made = again.read(features)
    np.testing.assert_allclose(made, reader.read(features), atol=2e-3)
    np.testing.assert_allclose(made.sum(axis=1), 1.0, atol=1e-5)
