"""The baselines without diffusion: everything that takes a motion model takes them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from dreamtalk.cli.main import run
from dreamtalk.motion import MotionModel
from dreamtalk.motion.baselines import make_network
from dreamtalk.motion.denoiser import Kind
from dreamtalk.motion.model import MotionConfig
from dreamtalk.style.timeline import StyleFrames
from dreamtalk.types import Float, SpeechFeatures, Style

FRAMES = 300  # more than one chunk


def baseline(kind: Kind) -> MotionModel:
    """A tiny one with random weights."""
    tiny = MotionModel.debug().config.denoiser
    with torch.random.fork_rng():
        torch.manual_seed(1)
        return MotionModel(MotionConfig(replace(tiny, kind=kind), steps=1, spacing="trailing")).eval()


@pytest.fixture(params=["regression", "styletalk"])
def model(request: pytest.FixtureRequest) -> MotionModel:
    return baseline(request.param)


@pytest.fixture(scope="module")
def features() -> SpeechFeatures:
    values = np.random.default_rng(0).standard_normal((2 * FRAMES, 512)).astype(np.float32)
    return SpeechFeatures(values, "whisper-base-l3")


@pytest.fixture
def style(model: MotionModel) -> Style:
    return model.encode_style(clip(3), "a clip")


def clip(seed: int) -> Float:
    return np.random.default_rng(seed).standard_normal((80, 64)).astype(np.float32)


def test_one_pass_says_it_all(model: MotionModel, features: SpeechFeatures, style: Style) -> None:
    made = model.generate(features, style, FRAMES, seed=0)
    np.testing.assert_array_equal(made, model.generate(features, style, FRAMES, seed=5))
    np.testing.assert_allclose(made, model.generate(features, style, FRAMES, steps=7), atol=1e-5)
    assert made.std(axis=0).min() > 0, "it hears"


def test_pieces_equal_the_whole(model: MotionModel, features: SpeechFeatures, style: Style) -> None:
    whole = model.generate(features, style, FRAMES, intensity=0.7)
    first = model.generate(features, style, 130, intensity=0.7)
    heard = SpeechFeatures(features.values[200:], features.encoder)
    rest = model.generate(heard, style, FRAMES - 130, intensity=0.7, start=130, first_feature=200)
    np.testing.assert_allclose(np.concatenate([first, rest]), whole, atol=1e-5)


def test_intensity_goes_from_neutral_to_the_style(model: MotionModel, features: SpeechFeatures, style: Style) -> None:
    neutral, half, full = (model.generate(features, style, 20, intensity=scale) for scale in (0.0, 0.5, 1.0))
    np.testing.assert_allclose(neutral, model.generate(features, model.neutral_style(), 20), atol=1e-5)
    np.testing.assert_allclose(half, (neutral + full) / 2, atol=1e-5)
    assert np.abs(full - neutral).max() > 1e-3


def test_every_frame_may_have_its_own_style(model: MotionModel, features: SpeechFeatures, style: Style) -> None:
    other = model.encode_style(clip(4), "another clip")
    codes = np.stack([style.code, other.code] * 10)
    both = model.generate(features, StyleFrames(codes, np.ones(20), None, ()), 20, intensity=0.6)
    for at, one in enumerate((style, other)):
        alone = model.generate(features, one, 20, intensity=0.6)
        np.testing.assert_allclose(both[at::2], alone[at::2], atol=1e-5)


def test_its_file_is_read_as_what_it_is(
    model: MotionModel, features: SpeechFeatures, style: Style, tmp_path: Path
) -> None:
    model.save(tmp_path / "b.safetensors", precision=torch.float32)
    loaded = MotionModel.load(tmp_path / "b.safetensors")
    assert type(loaded.denoiser) is type(model.denoiser) and loaded.config == model.config
    np.testing.assert_array_equal(loaded.generate(features, style, 20), model.generate(features, style, 20))


def test_a_posterior_needs_noise() -> None:
    tiny = MotionModel.debug().config.denoiser
    with pytest.raises(ValueError, match="no posterior"):
        make_network(replace(tiny, kind="regression", posterior=True))


def test_the_command_line_takes_its_file(examples: Path, tmp_path: Path) -> None:
    baseline("styletalk").save(tmp_path / "b.safetensors")
    out = tmp_path / "talk.npz"
    words = ["motion", str(examples / "speech.wav"), "-o", str(out), "--style", "happy", "--intensity", "0.5"]
    assert run([*words, "--motion-weights", str(tmp_path / "b.safetensors")]) == 0
    with np.load(out) as motion:
        assert motion["expression"].shape[1] == 64 and np.isfinite(motion["expression"]).all()
