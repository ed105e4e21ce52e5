"""The official line from end to end: converted denoiser, wav2vec2, coefficient files, 73 numbers, PIRenderer."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from dreamtalk import TalkOptions
from dreamtalk.audio.wav2vec2 import Wav2Vec2Encoder
from dreamtalk.cli.main import run
from dreamtalk.convert.official import ENCODER, convert_denoiser
from dreamtalk.errors import DoubtfulInput, UnusableInput
from dreamtalk.face.bfm64 import STILL_POSE, numbers_of
from dreamtalk.motion import MotionModel
from dreamtalk.motion.sampler import frame_noise
from dreamtalk.motion.utterance import shut_eyes
from dreamtalk.store import load_motion
from dreamtalk.talker import Talker
from dreamtalk.types import Speech, SpeechFeatures

transformers = pytest.importorskip("transformers")
savemat = pytest.importorskip("scipy.io").savemat
SAMPLES = 16_000
"""One second: N = 49 features, 24 official frames, 25 of ours."""


@pytest.fixture(scope="module")
def model(official_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return convert_denoiser(official_file, tmp_path_factory.mktemp("line") / "denoiser.safetensors").file


@pytest.fixture(scope="module")
def listener(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wav2vec2 of the official width with next to nothing inside."""
    torch.manual_seed(0)
    config = transformers.Wav2Vec2Config(
        hidden_size=1024, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8, conv_dim=[8] * 7,
        conv_bias=True, feat_extract_norm="layer", do_stable_layer_norm=True, num_conv_pos_embeddings=4,
        num_conv_pos_embedding_groups=16,
    )  # fmt: skip
    path = tmp_path_factory.mktemp("wav2vec2")
    transformers.Wav2Vec2Model(config).save_pretrained(path)
    return path


@pytest.fixture(scope="module")
def coefficients(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A style and pose of 10 frames, shorter than the speech."""
    rng = np.random.default_rng(0)
    path = tmp_path_factory.mktemp("mat") / "style.mat"
    transform = np.tile([256.0, 256.0, 1.0, 125.0, 130.0], (10, 1))
    savemat(path, {"coeff": 0.3 * rng.standard_normal((10, 257)), "transform_params": transform})
    return path


@pytest.fixture(scope="module")
def speech() -> Speech:
    return Speech((0.1 * np.sin(np.arange(SAMPLES) * 0.05)).astype(np.float32))


@pytest.fixture(scope="module")
def options(model: Path, listener: Path, coefficients: Path) -> TalkOptions:
    return TalkOptions(
        motion_weights=model,
        speech_encoder=listener,
        style=coefficients,
        pose=coefficients,
        intensity=1.5,
        seed=3,
        blink="off",
    )


def test_blinks_shut_the_eyes_and_do_nothing_else(debug_talker: Talker, speech: Speech, options: TalkOptions) -> None:
    still, live = (numbers_of(debug_talker.motion(speech, replace(options, blink=b))) for b in ("off", "natural"))
    change = live - still
    shut = change[:, :64] @ shut_eyes() / (shut_eyes() @ shut_eyes())
    np.testing.assert_allclose(change[:, :64], np.outer(shut, shut_eyes()), atol=1e-5)
    assert shut.max() > 0.4 and shut.min() > -1e-6
    assert not change[:, 64:].any()


def test_the_licence_of_blinks_is_told_once_and_only_where_they_are_used(
    debug_talker: Talker, speech: Speech, options: TalkOptions
) -> None:
    shut_eyes.cache_clear()
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        debug_talker.motion(speech)
        debug_talker.motion(speech, options)
        assert not told
        for _ in range(2):
            debug_talker.motion(speech, replace(options, blink="natural"))
    assert [warning.category for warning in told] == [DoubtfulInput]
    assert "non-commercial" in str(told[0].message)


def test_motion_is_the_denoisers_frame_by_frame(
    debug_talker: Talker, speech: Speech, options: TalkOptions, model: Path, listener: Path, coefficients: Path
) -> None:
    motion = debug_talker.motion(speech, options)
    numbers = numbers_of(motion)
    assert numbers.shape == (25, 73) and motion.face_space == "bfm64"
    features = Wav2Vec2Encoder.load(ENCODER, listener).encode(speech)
    assert features.values.shape == (49, 1024)
    network = MotionModel.load(model)
    style = debug_talker._style(coefficients, network)
    expected = network.generate(features, style, 24, intensity=1.5, seed=3)
    np.testing.assert_allclose(numbers[:24, :64], expected, atol=1e-5)
    np.testing.assert_array_equal(numbers[24, :64], numbers[23, :64])
    assert_there_and_back(numbers[:, 64:])


def test_generate_is_the_published_sampler_and_nothing_else(model: Path) -> None:
    """Windows cut by hand, every step written out (facts 0.4, 0.6, 1.5): nothing is smoothed, clamped or added."""
    network = MotionModel.load(model)
    heard = np.random.default_rng(0).standard_normal((21, 1024)).astype(np.float32)  # odd: 10 frames
    windows = np.zeros((10, 11, 1024), np.float32)
    for frame in range(10):
        for place in range(11):
            if 0 <= 2 * frame - 5 + place < len(heard):
                windows[frame, place] = heard[2 * frame - 5 + place]
    x = frame_noise(7, 0, 10, 64)
    net = network.denoiser
    with torch.inference_mode():
        content = net.content_encoder(net.content_encoder.increase_embed_dim(torch.from_numpy(windows)))
        beta = torch.linspace(1e-4, 0.02, 1000, dtype=torch.float64)
        bar = torch.cat([torch.ones(1, dtype=torch.float64), torch.cumprod(1 - beta, 0)]).float()
        for t in range(901, 0, -100):
            x0 = net(x, torch.tensor([t]), net.prepare(content), net.null_style())
            noise = (x - bar[t].sqrt() * x0) / (1 - bar[t]).sqrt()
            before = bar[t - 100] if t > 1 else bar[0]
            x = before.sqrt() * x0 + (1 - before).sqrt() * noise
    style, features = network.neutral_style(), SpeechFeatures(heard, ENCODER)
    made = network.generate(features, style, 10, intensity=0.0, seed=7)
    np.testing.assert_allclose(made, x.numpy(), atol=1e-4 * float(x.abs().max()))


def assert_there_and_back(pose: NDArray[np.float32]) -> None:
    np.testing.assert_allclose(pose[22:25], pose[6:9][::-1], rtol=1e-5)  # turns round within 12 frames
    assert np.ptp(pose[:10], axis=0)[0] > 0


def test_the_command_line_writes_official_motion(
    model: Path, listener: Path, coefficients: Path, examples: Path, tmp_path: Path
) -> None:
    words = ["motion", str(examples / "speech.wav"), "-o", str(tmp_path / "m.npz"), "--threads", "1"]
    words += ["--motion-weights", str(model), "--speech-encoder", str(listener), "--style", str(coefficients)]
    assert run(words) == 0
    motion = load_motion(tmp_path / "m.npz")
    assert motion.crop is not None
    np.testing.assert_array_equal(numbers_of(motion)[:, 64:], np.tile(STILL_POSE, (len(motion), 1)))


def test_a_video_comes_out_of_official_parts(
    debug_talker: Talker, speech: Speech, options: TalkOptions, examples: Path, tmp_path: Path
) -> None:
    from dreamtalk.render.pirenderer.config import tiny
    from dreamtalk.render.pirenderer.network import PIRendererNetwork

    torch.manual_seed(0)
    PIRendererNetwork(tiny()).save(tmp_path / "r.safetensors")
    full = replace(options, renderer="pirenderer", renderer_weights=tmp_path / "r.safetensors")
    talk = debug_talker.generate(examples / "portrait.jpg", speech, tmp_path / "v.mp4", full)
    with av.open(str(talk.path)) as container:
        assert container.streams.video[0].frames == 25


def test_an_official_denoiser_and_the_mesh_do_not_go_together(
    debug_talker: Talker, speech: Speech, options: TalkOptions, examples: Path
) -> None:
    with pytest.raises(UnusableInput, match="bfm64, the renderer draws mesh64"):
        debug_talker.stream(examples / "portrait.jpg", speech, options)


@pytest.mark.parametrize("option", ["style", "pose"])
def test_files_of_the_other_kind_of_model_are_refused(
    option: str, debug_talker: Talker, speech: Speech, options: TalkOptions, coefficients: Path, examples: Path
) -> None:
    with pytest.raises(UnusableInput, match="--motion-weights"):
        debug_talker.motion(speech, replace(TalkOptions(), **{option: coefficients}))
    with pytest.raises(UnusableInput, match="must be coefficients"):
        debug_talker.motion(speech, replace(options, **{option: examples / "portrait.jpg"}))


def test_motion_weights_that_are_none_are_refused(debug_talker: Talker, speech: Speech, tmp_path: Path) -> None:
    (tmp_path / "w.safetensors").write_bytes(b"no weights at all")
    with pytest.raises(UnusableInput, match="can be read"):
        debug_talker.motion(speech, TalkOptions(motion_weights=tmp_path / "w.safetensors"))
