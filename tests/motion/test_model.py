"""The motion model as people use it: chunks, seeds, files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file

from dreamtalk.errors import UnusableInput
from dreamtalk.motion import MotionModel
from dreamtalk.types import SpeechFeatures

FRAMES = 320


@pytest.fixture(scope="module")
def model() -> MotionModel:
    return MotionModel.debug()


@pytest.fixture(scope="module")
def features() -> SpeechFeatures:
    values = np.random.default_rng(0).standard_normal((2 * FRAMES, 512)).astype(np.float32)
    return SpeechFeatures(values, "whisper-base-l3")


def test_same_seed_same_bytes_and_other_seed_other_motion(model: MotionModel, features: SpeechFeatures) -> None:
    style = model.neutral_style()
    first, again = (model.generate(features, style, 40, seed=3).tobytes() for _ in range(2))
    assert first == again
    assert first != model.generate(features, style, 40, seed=4).tobytes()


def test_lips_at_temperature_zero_do_not_depend_on_the_seed_but_brows_do(features: SpeechFeatures) -> None:
    still = MotionModel.debug()
    with torch.no_grad():  # each half of the memory hears its own half of the noise alone
        still.denoiser.memory_in.weight[:, still.config.denoiser.width :] = 0.0
    posterior = replace(still.config.denoiser, posterior=True)
    drawn = MotionModel(replace(still.config, denoiser=posterior, lower_temperature=0.0, upper_smoothing=6.0)).eval()
    drawn.load_state_dict(still.state_dict(), strict=False)
    one, other = (drawn.generate(features, drawn.neutral_style(), 200, seed=seed) for seed in (0, 1))
    lower, upper = list(posterior.lower), list(posterior.upper)
    np.testing.assert_array_equal(one[:, lower], other[:, lower])
    difference = (one - other)[:, upper]
    assert np.abs(difference).max() > 0.5
    # Noise smoothed with standard deviation s has autocorrelation exp(-lag^2 / (4 s^2)): one half at 10 frames.
    alike = (difference[10:] * difference[:-10]).mean() / (difference**2).mean()
    assert alike == pytest.approx(0.5, abs=0.15)


@pytest.mark.parametrize("eta", [0.0, 1.0])
def test_chunks_equal_the_whole(model: MotionModel, features: SpeechFeatures, eta: float) -> None:
    style = model.neutral_style()
    whole = model.generate(features, style, FRAMES, seed=1, eta=eta)
    assert whole.shape == (FRAMES, 64)
    for start in (0, 17, 260):
        part = model.generate(features, style, 60, seed=1, start=start, eta=eta)
        np.testing.assert_allclose(part, whole[start : start + 60], atol=1e-5)


def test_zero_edges_are_frames_of_zero_features(features: SpeechFeatures) -> None:
    """As if the utterance stood between zeros; and the network given whole windows says the same (facts 0.6)."""
    held = MotionModel.debug()
    config = replace(held.config, denoiser=replace(held.config.denoiser, edges="zeros"))
    model = MotionModel(config).eval()
    model.load_state_dict(held.state_dict())
    heard = SpeechFeatures(features.values[:40], features.encoder)
    around = np.zeros((60, 512), np.float32)
    around[10:50] = heard.values
    style = model.neutral_style()
    with torch.inference_mode():
        code = torch.from_numpy(style.code)[None]
        speech = model.denoiser.encode_speech(torch.from_numpy(heard.values)[None], 20)[0]
        padded = held.denoiser.encode_speech(torch.from_numpy(around)[None], 30)[0, 5:25]
        x, t = torch.zeros(20, 64), torch.tensor([9])
        direct = model.denoiser(x, t, model.denoiser.prepare(speech), code)
        assert torch.allclose(direct, held.denoiser(x, t, held.denoiser.prepare(padded), code), atol=1e-6)
    assert torch.allclose(model._content(heard.values, 0, 0, 20), speech, atol=1e-6)
    assert torch.allclose(model._content(heard.values[10:], 10, 8, 12), speech[8:], atol=1e-6)
    assert not np.allclose(held.generate(heard, style, 20)[:2], model.generate(heard, style, 20)[:2], atol=1e-4)


def test_intensity_is_linear_guidance_between_neutral_and_style(model: MotionModel, features: SpeechFeatures) -> None:
    style = model.encode_style(np.random.default_rng(1).standard_normal((80, 64)).astype(np.float32), "clip")
    none = model.generate(features, style, 30, intensity=0.0)
    np.testing.assert_allclose(none, model.generate(features, model.neutral_style(), 30), atol=1e-5)
    moved = [np.abs(model.generate(features, style, 30, intensity=w) - none).mean() for w in (0.5, 1.0, 2.0)]
    assert 0 < moved[0] < moved[1] < moved[2]


def test_a_saved_model_gives_the_same_motion(model: MotionModel, features: SpeechFeatures, tmp_path: Path) -> None:
    model.save(tmp_path / "m.safetensors")
    loaded = MotionModel.load(tmp_path / "m.safetensors")
    assert loaded.config == model.config
    expected, got = (m.generate(features, m.neutral_style(), 20) for m in (model, loaded))
    np.testing.assert_allclose(got, expected, atol=0.05)  # weights are stored in half precision


def test_features_of_another_encoder_are_refused(model: MotionModel, features: SpeechFeatures) -> None:
    with pytest.raises(UnusableInput, match="whisper-base-l3"):
        model.generate(SpeechFeatures(features.values, "wav2vec2"), model.neutral_style(), 10)


def test_a_foreign_weights_file_is_refused(tmp_path: Path) -> None:
    save_file({"x": np.zeros(3, np.float32)}, tmp_path / "other.safetensors")
    with pytest.raises(UnusableInput, match="not a dreamtalk motion model"):
        MotionModel.load(tmp_path / "other.safetensors")


def test_an_empty_style_clip_is_refused(model: MotionModel) -> None:
    with pytest.raises(UnusableInput, match="no frames"):
        model.encode_style(np.empty((0, 64), np.float32), "clip.mp4")
