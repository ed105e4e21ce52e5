"""Jitter, blinks, head motion and expression distance on curves whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from dreamtalk.evaluate.metrics.blinks import blink_length, blink_rate, blinks
from dreamtalk.evaluate.metrics.expression_distance import frechet_distance
from dreamtalk.evaluate.metrics.head_motion import beat_alignment, head_diversity, head_speed, onsets
from dreamtalk.evaluate.metrics.jitter import jitter
from dreamtalk.types import Float


def test_even_motion_does_not_jitter_and_a_tremble_does() -> None:
    even = np.zeros((20, 478, 3), np.float32) + 0.01 * np.arange(20, dtype=np.float32)[:, None, None]
    assert jitter(even) == pytest.approx(0.0, abs=1e-3)
    trembling = even.copy()
    trembling[::2, :, 0] += 0.01  # 1 % iod there and back: a second difference of 2 %
    assert jitter(trembling) == pytest.approx(2.0, rel=1e-3)
    assert np.isnan(jitter(even[:2]))


def lids() -> Float:
    """10 s of open eyes that blink twice, narrow once without shutting."""
    opening = np.full(250, 20.0, np.float32)
    for start in (50, 180):
        opening[start : start + 6] = (12.0, 4.0, 1.0, 4.0, 9.0, 13.0)
    opening[100:110] = 12.0
    return opening


def test_blinks_are_counted_and_narrow_eyes_are_not() -> None:
    assert blinks(lids()) == [(50, 55), (180, 185)]
    assert blink_rate(lids()) == pytest.approx(0.2)
    assert blink_length(lids()) == pytest.approx(0.24)
    assert np.isnan(blink_length(np.full(50, 20.0, np.float32)))


def nods(first_s: float, frames: int) -> Float:
    """A head that pitches up and down, turning every second from first_s on."""
    pitch = np.radians(2.0) * np.cos(np.pi * (np.arange(frames) / 25 - first_s))
    return np.stack([pitch, 0 * pitch, 0 * pitch], axis=1).astype(np.float32)


def beats(times_s: Float, seconds: float) -> Float:
    """Short bursts of noise."""
    samples = np.zeros(round(seconds * 16000), np.float32)
    random = np.random.default_rng(0)
    for at in times_s:
        samples[round(at * 16000) :][:1600] = 0.3 * random.standard_normal(1600)
    return samples


def test_head_motion_has_its_size_and_speed() -> None:
    time = np.arange(500) / 25
    rotation = np.zeros((500, 3), np.float32)
    rotation[:, 1] = np.radians(6.0) * np.sin(2 * np.pi * 0.5 * time)
    assert head_diversity(rotation) == pytest.approx(6.0 / np.sqrt(2) / 3, rel=1e-3)
    assert head_speed(rotation) == pytest.approx(4 * 6.0 * 0.5, rel=0.02)  # four amplitudes per period


def test_onsets_are_where_the_bursts_begin() -> None:
    times = np.array([1.0, 2.0, 3.5], np.float32)
    assert onsets(beats(times, 5.0)) == pytest.approx(times, abs=0.03)


def test_nods_on_the_beat_score_above_nods_off_it() -> None:
    times = np.arange(1.0, 9.0, 1.0, dtype=np.float32)
    sound = beats(times, 10.0)
    on, off = beat_alignment(nods(1.0, 250), sound), beat_alignment(nods(1.5, 250), sound)
    assert on > 0.8 > 0.1 > off
    assert np.isnan(beat_alignment(nods(1.0, 250), np.zeros(160000, np.float32)))


def test_frechet_distance_of_known_normal_distributions() -> None:
    """|m1 - m2|² + tr(C1 + C2 - 2 (C1 C2)^½), with rows whose sample mean and covariance are exact."""
    base = np.array([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]]) * np.sqrt(3 / 4)
    wide = base * [2.0, 3.0] + [1.0, -2.0]  # covariance diag(4, 9)
    assert frechet_distance(base.astype(np.float32), wide.astype(np.float32)) == pytest.approx(5 + 1 + 4, rel=1e-5)
    assert frechet_distance(base.astype(np.float32), base.astype(np.float32)) == pytest.approx(0.0, abs=1e-5)
