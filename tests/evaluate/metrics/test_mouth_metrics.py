"""Silence, bilabials, blinks' shape and intensity on curves whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from dreamtalk.errors import UnusableInput
from dreamtalk.evaluate.metrics.bilabials import bilabials_closed, heard_bilabials
from dreamtalk.evaluate.metrics.blink_shape import blink_asymmetry, blink_depth, blink_times
from dreamtalk.evaluate.metrics.intensity import intensity_order, intensity_size, mean_face
from dreamtalk.evaluate.metrics.silence_openness import silence_openness, silent_frames
from dreamtalk.motion.reader import BILABIAL, GROUPS, ArticulationReader, ReaderConfig
from dreamtalk.types import Float, SpeechFeatures


def spoken(begin: int, end: int, frames: int) -> Float:
    """Silence with loud syllables of noise, five per second, in frames begin to end."""
    samples = 1e-4 * np.random.default_rng(0).standard_normal(frames * 640)
    time = np.arange((end - begin) * 640) / 16000
    samples[begin * 640 : end * 640] *= 1 + 2000 * (time % 0.2 < 0.12)
    return samples.astype(np.float32)


def test_silence_begins_after_the_lips_could_settle_and_ends_before_they_open() -> None:
    quiet = silent_frames(spoken(50, 90, 150), 150)
    assert quiet[:44].all() and not quiet[47:100].any() and quiet[108:].all()


def test_only_the_mouth_in_silence_counts() -> None:
    sound, aperture = spoken(50, 90, 150), np.full(150, 7.0, np.float32)
    aperture[:40], aperture[110:] = 1.0, 3.0
    quiet = silent_frames(sound, 150)
    assert silence_openness(aperture, sound) == pytest.approx(aperture[quiet].mean())
    assert 1.0 < silence_openness(aperture, sound) < 3.0
    assert np.isnan(silence_openness(aperture, spoken(0, 150, 150)))
    assert np.isnan(silence_openness(aperture, sound[:0]))


def lips(*shut: int) -> Float:
    """3 s of a mouth open by 8 % iod that shuts for three frames around each of these."""
    aperture = np.full(75, 8.0, np.float32)
    for frame in shut:
        aperture[frame - 1 : frame + 2] = (1.5, 0.5, 1.5)
    return aperture


def test_bilabials_are_real_closures_that_are_heard() -> None:
    heard = np.zeros(75, np.bool_)
    heard[[20, 40]] = True  # a third closure, at 60, is a habit of the lips
    real = lips(20, 40, 60)
    assert bilabials_closed(real, real, heard) == (1.0, 2.0)
    assert bilabials_closed(lips(21, 60), real, heard) == (0.5, 2.0)  # a frame late is in time
    assert bilabials_closed(lips(24, 44), real, heard) == (0.0, 2.0)
    assert np.isnan(bilabials_closed(real, lips(), heard).value)


class Told(ArticulationReader):
    """Hears what its test says."""

    def __init__(self, at: int) -> None:
        super().__init__(ReaderConfig())
        self.at = at

    def read(self, features: SpeechFeatures, *_: object) -> Float:
        heard = np.zeros((len(features.values), len(GROUPS)), np.float32)
        heard[self.at, list(BILABIAL)] = 0.3  # both together are sure enough
        return heard


def test_hearing_is_two_features_a_frame_and_two_frames_wide() -> None:
    features = np.zeros((60, 512), np.float32)
    assert np.flatnonzero(heard_bilabials(Told(21), features, 32)).tolist() == [8, 9, 10, 11, 12]


def blinking() -> Float:
    """10 s of eyes open by 20 that shut within 2 frames to 2, stay so for one, and open within 4."""
    opening = np.full(250, 20.0, np.float32)
    for start in (60, 180):
        opening[start : start + 6] = (11.0, 2.0, 6.5, 11.0, 15.5, 20.0)
    return opening


def test_a_blink_that_opens_slower_is_told_by_how_much() -> None:
    opening = blinking()
    # Falls 9 per frame from 20 (frame 59): through 14 two thirds of the way, to 2 at frame 61; rises 4.5 per frame.
    assert blink_times(opening, 60, 63) == pytest.approx((61 - (59 + 6 / 9), (63 + 3 / 4.5) - 61), abs=1e-5)
    assert blink_asymmetry(opening) == pytest.approx(2.0, rel=1e-5)
    assert blink_asymmetry(opening[::-1].copy()) == pytest.approx(0.5, rel=1e-5)
    assert blink_depth(opening) == pytest.approx(0.1)


def test_eyes_that_do_not_blink_and_blinks_cut_off_have_no_shape() -> None:
    assert np.isnan(blink_depth(np.full(50, 20.0, np.float32)))
    assert np.isnan(blink_asymmetry(np.full(50, 20.0, np.float32)))
    assert np.isnan(blink_asymmetry(blinking()[61:160]))


def smiling(strength: float) -> Float:
    """Mean face of a talk whose mouth corners go up by so much % iod; the talk itself is noise."""
    random = np.random.default_rng(round(100 * strength))
    face = 0.001 * random.standard_normal((40, 478, 3)).astype(np.float32)
    face[:, [61, 291], 1] -= 0.01 * strength
    return mean_face(face)


def test_intensities_in_order_and_out_of_it() -> None:
    assert intensity_order([smiling(s) for s in (0, 1, 2, 3, 4)]) == 1.0
    assert intensity_order([smiling(s) for s in (0, 4, 3, 2, 1)]) == 0.0
    assert intensity_order([smiling(s) for s in (0, 1, 3, 2)]) == pytest.approx(2 / 3)
    assert intensity_size([smiling(0), smiling(8), smiling(4)]) == pytest.approx(4 * np.sqrt(2 / 468), abs=0.05)
    with pytest.raises(UnusableInput, match="at least 3"):
        intensity_order([smiling(0), smiling(1)])
