"""Other voices keep the lips in step with the changed sound."""

from __future__ import annotations

import numpy as np
import pytest

from dreamtalk.train.voices import VOICES, Voice, changed, resampled
from dreamtalk.types import SAMPLE_RATE


def test_another_speed_moves_pitch_and_length_alike() -> None:
    tone = np.sin(2 * np.pi * 200 * np.arange(2 * SAMPLE_RATE) / SAMPLE_RATE).astype(np.float32) * 0.5
    plain = Voice("plain", (1.25, 1.25), tone_db=0.0, noise_db=(80.0, 80.0))
    made = changed(tone, plain, 1.25, np.random.default_rng(0))
    assert len(made) == pytest.approx(len(tone) / 1.25, abs=2)
    spectrum = np.abs(np.fft.rfft(made))
    assert np.argmax(spectrum) * SAMPLE_RATE / len(made) == pytest.approx(250.0, abs=1.0)


@pytest.mark.parametrize("voice", VOICES, ids=lambda voice: voice.name)
def test_every_voice_changes_the_sound_but_not_when_it_is_loud(voice: Voice) -> None:
    rng = np.random.default_rng(3)
    envelope = np.repeat(rng.uniform(0.0, 1.0, 40) > 0.5, SAMPLE_RATE // 10).astype(np.float32)
    sound = envelope * rng.standard_normal(len(envelope)).astype(np.float32) * 0.1
    speed = float(np.mean(voice.speed))
    made = changed(sound, voice, speed, rng)
    assert np.abs(made).max() <= 1.0
    blocks = len(made) // 400
    loud = (made[: blocks * 400].reshape(blocks, 400) ** 2).mean(axis=1)
    wanted = envelope[(np.arange(blocks) * 400 * speed).astype(int)]
    assert np.corrcoef(loud, wanted)[0, 1] > 0.7
    assert not np.allclose(made[: len(sound) // 2], sound[: len(sound) // 2], atol=1e-2)


def test_lips_that_meet_for_one_frame_still_meet_at_another_speed() -> None:
    aperture = np.full(41, 5.0, np.float32)
    aperture[20] = 0.0
    halfway = resampled(aperture, np.arange(80) * 0.5)
    assert halfway[40] == 0.0
    np.testing.assert_allclose(resampled(aperture, np.arange(41.0)), aperture)
    line = np.stack([np.arange(30.0), -2.0 * np.arange(30.0)], axis=1).astype(np.float32)
    positions = np.linspace(2.0, 27.0, 13)
    np.testing.assert_allclose(resampled(line, positions), np.stack([positions, -2 * positions], axis=1), rtol=1e-5)
