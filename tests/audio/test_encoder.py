"""The speech encoder as a whole: timing, independence of how audio arrives, silence, and whose weights it has."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import torch

from dreamtalk.audio import WINDOWS, FeatureStream, Latency, SpeechEncoder, load_speech
from dreamtalk.audio.whisper import WhisperConfig, WhisperEncoder
from dreamtalk.audio.windows import STEP, SampleBuffer
from dreamtalk.types import SAMPLE_RATE, Float, Speech

ROOT = Path(__file__).parents[2]
ORIGINAL = ROOT / "tests/data/whisper_base_l3_original.npz"
SPEECH = ROOT / "examples/speech.wav"


@pytest.fixture(scope="module")
def small() -> SpeechEncoder:
    """A random encoder of one narrow layer."""
    torch.manual_seed(0)
    return SpeechEncoder(WhisperEncoder(WhisperConfig(width=64, layers=1, positions=150)), "small", threads=1)


@pytest.fixture(scope="module")
def shipped() -> SpeechEncoder:
    return SpeechEncoder.load(threads=1)


def _noise(seconds: float, seed: int = 0) -> Float:
    return (0.1 * np.random.default_rng(seed).normal(size=round(seconds * SAMPLE_RATE))).astype(np.float32)


@pytest.mark.parametrize("latency", ["quality", "live"])
@pytest.mark.parametrize("seconds", [0.1, 0.9999, 2.0, 3.01, 7.3])
def test_two_features_for_every_video_frame_begun(small: SpeechEncoder, latency: Latency, seconds: float) -> None:
    speech = Speech(_noise(seconds))
    features = small.encode(speech, latency)
    assert features.values.shape == (2 * speech.frames, 64)
    assert features.values.dtype == np.float32
    assert features.encoder == "small"
    assert np.isfinite(features.values).all()


@pytest.mark.parametrize("latency", ["quality", "live"])
def test_any_arrival_gives_the_same_numbers(small: SpeechEncoder, latency: Latency) -> None:
    samples = _noise(5.37)
    whole = small.encode(Speech(samples), latency).values
    rng = np.random.default_rng(4)
    stream, blocks, at = small.stream(latency), [], 0
    while at < len(samples):
        size = int(rng.integers(1, 20_000))
        blocks.append(stream.push(samples[at : at + size]))
        at += size
    blocks.append(stream.finish())
    assert np.array_equal(np.concatenate(blocks), whole)


def test_what_comes_later_changes_nothing_earlier(small: SpeechEncoder) -> None:
    short, long = _noise(4.0), np.concatenate([_noise(4.0), _noise(6.0, seed=1)])
    a, b = small.encode(Speech(short)).values, small.encode(Speech(long)).values
    settled = WINDOWS["quality"].keep  # window 0 reaches to 2.5 s; window 1 (2 s to 4 s) hears up to 4.5 s
    assert np.array_equal(a[:settled], b[:settled])
    assert not np.allclose(a[settled:200], b[settled:200], atol=1e-3)


def test_speech_delayed_by_one_hop_gives_delayed_features(small: SpeechEncoder) -> None:
    samples = _noise(6.0)
    delayed = np.concatenate([np.zeros(2 * SAMPLE_RATE, np.float32), samples])
    early, late = small.encode(Speech(samples)).values, small.encode(Speech(delayed)).values
    assert np.array_equal(early[:300], late[100:400])


def test_feature_n_stands_at_n_fiftieths_of_a_second() -> None:
    """Without attention a click reaches only the features around it, the same number on both sides."""
    torch.manual_seed(0)
    model = WhisperEncoder(WhisperConfig(width=64, layers=0, positions=150))
    encoder = SpeechEncoder(model, "convolutions", threads=1)
    samples = np.zeros(3 * SAMPLE_RATE, np.float32)
    click = 62
    samples[click * STEP - 40 : click * STEP + 41] = 0.8
    silent = encoder.encode(Speech(np.zeros_like(samples))).values
    changed = np.flatnonzero(np.abs(encoder.encode(Speech(samples)).values - silent).max(axis=1) > 1e-6)
    assert 3 <= len(changed) <= 7
    assert changed.mean() == click


@pytest.mark.parametrize(("latency", "delay"), [("quality", 2.52), ("live", 0.34)])
def test_a_stream_waits_no_longer_than_promised(small: SpeechEncoder, latency: Latency, delay: float) -> None:
    stream: FeatureStream = small.stream(latency)
    given = 0
    for step in range(100):
        given += len(stream.push(_noise(0.04, seed=step)))
        assert given / 50 >= 0.04 * (step + 1) - delay
    assert given / 50 < 4.0


def test_memory_does_not_grow_with_duration() -> None:
    window = WINDOWS["live"]
    peaks = []
    for seconds in (20, 200):
        buffer = SampleBuffer(window)
        tracemalloc.start()
        for second in range(seconds):
            buffer.push(_noise(1.0, seed=second))
            while buffer.ready():
                assert len(buffer.pop()) == window.samples
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.5 * peaks[0]


def test_silence_is_one_steady_state_away_from_the_edges(shipped: SpeechEncoder) -> None:
    values = shipped.encode(Speech(np.zeros(8 * SAMPLE_RATE, np.float32))).values
    assert np.isfinite(values).all()
    assert np.array_equal(values[:100], values[100:200])  # every silent window is the same


def test_encoder_tells_speech_from_silence_at_any_window(shipped: SpeechEncoder) -> None:
    speech = load_speech(SPEECH).samples[: 4 * SAMPLE_RATE]
    pause = np.zeros(SAMPLE_RATE, np.float32)
    silent = shipped.encode(Speech(np.zeros(4 * SAMPLE_RATE, np.float32))).values[:100]
    values = shipped.encode(Speech(np.concatenate([pause, speech, pause]))).values
    distance = [float(np.linalg.norm(value - silent[n % 100])) for n, value in enumerate(values)]
    within, before, after = np.median(distance[60:240]), np.median(distance[:35]), np.median(distance[-35:])
    assert within > 1.3 * max(before, after)


def test_shipped_weights_are_whispers(shipped: SpeechEncoder) -> None:
    """Against the float16 originals, run once by the references in test_mel.py and test_whisper.py."""
    with np.load(ORIGINAL) as file:
        original, features = file["values"].astype(np.float32), file["features"]
    ours = shipped.encode(load_speech(SPEECH)).values[features]
    unexplained = np.square(ours - original).sum() / np.square(original - original.mean(axis=0)).sum()
    assert unexplained < 2e-3


def test_live_features_are_close_to_quality_features(shipped: SpeechEncoder) -> None:
    speech = Speech(load_speech(SPEECH).samples[: 3 * SAMPLE_RATE])
    live, quality = shipped.encode(speech, "live").values[50:100], shipped.encode(speech, "quality").values[50:100]
    agreement = [np.corrcoef(live[:, d], quality[:, d])[0, 1] for d in range(shipped.width)]
    assert np.median(agreement) > 0.8
    assert not np.array_equal(live, quality)


def test_threads_are_given_back(small: SpeechEncoder) -> None:
    before = torch.get_num_threads()
    small.window(np.zeros(WINDOWS["live"].samples, np.float32), WINDOWS["live"])
    assert torch.get_num_threads() == before


def test_window_covers_what_it_says() -> None:
    for window in WINDOWS.values():
        assert window.samples == window.length * STEP + 240
        assert window.first_sample(1) - window.first_sample(0) == window.keep * STEP
        assert window.needed(0) == (window.keep + window.after) * STEP + 40
