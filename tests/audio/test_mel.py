"""The spectrogram against the textbook formula, and what a floor that never moves must mean."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from dreamtalk.audio.mel import FFT_SIZE, FLOOR, HOP, LogMel, mel_filters
from dreamtalk.types import Float


def _mel(samples: Float) -> Float:
    result: Float = LogMel()(torch.from_numpy(samples)[None])[0].numpy()
    return result


def _direct(samples: Float) -> Float:
    """The same by an explicit Fourier matrix and linear interpolation of the triangles, in double precision."""
    time = np.arange(FFT_SIZE)
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * time / FFT_SIZE)
    fourier = np.exp(-2j * np.pi * np.outer(np.arange(FFT_SIZE // 2 + 1), time) / FFT_SIZE)
    starts = range(0, len(samples) - FFT_SIZE + 1, HOP)
    power = np.stack([np.abs(fourier @ (hann * samples[start : start + FFT_SIZE])) ** 2 for start in starts], axis=1)
    mels = np.linspace(0, 15 + 27 * np.log(8) / np.log(6.4), 82)
    corners = [mel * 200 / 3 if mel < 15 else 1000 * 6.4 ** ((mel - 15) / 27) for mel in mels]
    bins = np.arange(FFT_SIZE // 2 + 1) * 40.0
    bands = [
        np.interp(bins, corners[i : i + 3], [0, 1, 0], left=0, right=0) * 2 / (corners[i + 2] - corners[i])
        for i in range(80)
    ]
    log_power = np.log10(np.maximum(np.array(bands) @ power, 10.0**FLOOR))
    normalised: Float = ((log_power + 4) / 4).astype(np.float32)
    return normalised


def test_agrees_with_the_formula() -> None:
    rng = np.random.default_rng(0)
    samples = (rng.normal(size=4000) * np.linspace(1e-5, 0.5, 4000)).astype(np.float32)
    ours = _mel(samples)
    assert ours.shape == (80, 23)
    assert np.abs(ours - _direct(samples)).max() < 1e-4


def test_filters_are_whispers() -> None:
    filters = mel_filters()
    assert filters.shape == (80, 201)
    assert filters[0, 1] == pytest.approx(0.02486259, abs=1e-7)  # as published in Whisper's mel_filters.npz
    assert filters[1, 1:3] == pytest.approx([0.00199082, 0.02287177], abs=1e-7)


def test_a_frame_depends_on_its_own_samples_only() -> None:
    rng = np.random.default_rng(1)
    quiet = (1e-4 * rng.normal(size=3000)).astype(np.float32)
    shout = quiet.copy()
    shout[2500:] += (0.9 * rng.normal(size=500)).astype(np.float32)
    assert np.array_equal(_mel(quiet)[:, :13], _mel(shout)[:, :13])
    assert not np.allclose(_mel(quiet)[:, -1], _mel(shout)[:, -1], atol=0.1)


def test_inaudible_noise_is_silence_and_silence_is_finite() -> None:
    silence = _mel(np.zeros(2000, np.float32))
    noise = _mel((2e-5 * np.random.default_rng(2).normal(size=2000)).astype(np.float32))  # -94 dB of full scale
    assert np.all(silence == np.float32((FLOOR + 4) / 4))
    assert np.abs(noise - silence).max() < 0.01
