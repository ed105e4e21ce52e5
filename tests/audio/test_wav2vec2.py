"""The wav2vec2 encoder on a tiny random model: sample counts, normalisation, loading, and what cannot be used."""

from __future__ import annotations

import sys
import wave
from pathlib import Path

import numpy as np
import pytest

from dreamtalk.audio.wav2vec2 import Wav2Vec2Encoder, feature_count, frame_count, normalised
from dreamtalk.errors import AssetMissing, UnusableAudio
from dreamtalk.types import Float, Speech

transformers = pytest.importorskip("transformers")
FIXTURES = Path(__file__).parents[2] / "../shared/talkset/golden"
NAME = "wav2vec2-large-xlsr-53-english"
LENGTHS = {265_195: 828, 278_507: 870}
"""Samples of the release's two example sounds, and features in the arrays beside them."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model with the official kernels, strides and norms, but narrow."""
    import torch

    torch.manual_seed(0)
    config = transformers.Wav2Vec2Config(
        hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16, conv_dim=[8] * 7,
        conv_bias=True, feat_extract_norm="layer", do_stable_layer_norm=True, num_conv_pos_embeddings=16,
        num_conv_pos_embedding_groups=4,
    )  # fmt: skip
    path = tmp_path_factory.mktemp("wav2vec2")
    transformers.Wav2Vec2Model(config).save_pretrained(path)
    return path


@pytest.fixture(scope="module")
def encoder(folder: Path) -> Wav2Vec2Encoder:
    return Wav2Vec2Encoder.load(NAME, folder, threads=1)


def hum(samples: int) -> Float:
    return (0.1 + 0.2 * np.sin(np.arange(samples) * 0.1)).astype(np.float32)


@pytest.mark.parametrize(("samples", "features"), LENGTHS.items())
def test_feature_counts_are_those_of_the_release(samples: int, features: int, encoder: Wav2Vec2Encoder) -> None:
    assert feature_count(samples) == features
    assert encoder.encode(Speech(hum(samples))).values.shape == (features, 16)
    assert frame_count(features) == {828: 414, 870: 435}[features]


@pytest.mark.parametrize("name", ["en-neutral-maleface", "zh-surprised-zp1"])
def test_the_example_files_have_these_counts(name: str) -> None:
    sound, features = FIXTURES / f"{name}_16K.wav", FIXTURES / f"{name}_wav2vec.npy"
    if not sound.is_file():
        pytest.skip(f"no example features in {FIXTURES}")
    with wave.open(str(sound)) as file:
        samples = file.getnframes()
    stored = np.load(features, mmap_mode="r")
    assert LENGTHS[samples] == len(stored) == feature_count(samples)
    assert stored.shape[1] == 1024


@pytest.mark.parametrize("samples", [400, 719, 720, 1039, 1040, 16_000])
def test_the_formula_counts_what_the_network_gives(samples: int, encoder: Wav2Vec2Encoder) -> None:
    if feature_count(samples) < 2:
        with pytest.raises(UnusableAudio, match="too short"):
            encoder.encode(Speech(hum(samples)))
    else:
        assert len(encoder.encode(Speech(hum(samples))).values) == feature_count(samples)


def test_the_input_is_what_the_official_processor_makes(encoder: Wav2Vec2Encoder) -> None:
    processor = transformers.Wav2Vec2FeatureExtractor(do_normalize=True)
    expected = processor(hum(5000), sampling_rate=16_000, return_tensors="np").input_values[0]
    np.testing.assert_allclose(normalised(hum(5000)), expected, atol=1e-5)
    louder = encoder.encode(Speech(3.0 * hum(5000) + 0.2)).values
    np.testing.assert_allclose(louder, encoder.encode(Speech(hum(5000))).values, atol=1e-3)


def test_features_carry_the_name_that_motion_models_ask_for(encoder: Wav2Vec2Encoder) -> None:
    assert encoder.encode(Speech(hum(2000))).encoder == NAME


def test_hours_are_refused_before_memory_is_gone(encoder: Wav2Vec2Encoder) -> None:
    with pytest.raises(UnusableAudio, match="at most 600 s"):
        encoder.encode(Speech(np.zeros(601 * 16_000, np.float32)))


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AssetMissing, match="neither a folder"):
        Wav2Vec2Encoder.load(NAME, tmp_path)


def test_without_transformers_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(AssetMissing, match=r"dreamtalk\[hub\]"):
        Wav2Vec2Encoder.load(NAME, folder)


def test_a_name_in_a_strangers_model_opens_no_connection() -> None:
    with pytest.raises(AssetMissing, match="is not known"):
        Wav2Vec2Encoder.load("somebody/else-s-model")


def test_a_pickle_in_the_folder_is_not_read(folder: Path, tmp_path: Path) -> None:
    import torch

    model = transformers.Wav2Vec2Model.from_pretrained(folder)
    (tmp_path / "config.json").write_bytes((folder / "config.json").read_bytes())
    torch.save(model.state_dict(), tmp_path / "pytorch_model.bin")
    with pytest.raises(AssetMissing, match="safetensors"):
        Wav2Vec2Encoder.load(NAME, tmp_path)
