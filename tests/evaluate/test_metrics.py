"""Every metric on motion whose answer is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dreamtalk.evaluate import closure, correlation, landmark_error, offset, silence
from dreamtalk.evaluate.clips import (
    OTHER_RAW,
    SAMPLES_PER_FRAME,
    SILENCE_FRAMES,
    Clip,
    Made,
    lag_corrected,
    with_silence,
    with_sound_of,
)
from dreamtalk.evaluate.mouth import Mouth, mouth_of, spells
from dreamtalk.face.align import canonical_face
from dreamtalk.types import Float

FRAMES = 75


def mouth(aperture: Float, width: float = 45.0) -> Mouth:
    """A mouth of constant width whose 40 lip points all sit at the height of the aperture."""
    lips = np.zeros((len(aperture), 40, 2), dtype=np.float32)
    lips[:, :, 1] = aperture[:, None]
    return Mouth(aperture.astype(np.float32), np.full(len(aperture), width, dtype=np.float32), lips)


def clip(aperture: Float, sound: Float | None = None, words: str = "") -> Clip:
    face = np.zeros((478, 3), dtype=np.float32)
    samples = np.zeros(len(aperture) * SAMPLES_PER_FRAME, dtype=np.float32) if sound is None else sound
    return Clip(
        id="made",
        set=OTHER_RAW,
        speaker="nobody",
        samples=samples,
        portrait=face,
        neutral=face,
        expression=np.zeros((len(aperture), 64), dtype=np.float32),
        mouth=mouth(aperture),
        valid=np.ones(len(aperture), dtype=np.bool_),
        words=tuple(words.split()),
    )


def talking(frames: int = FRAMES, seed: int = 0) -> Float:
    rng = np.random.default_rng(seed)
    return 6 + 4 * np.convolve(rng.normal(size=frames + 4), np.ones(5) / 5, "valid") * 2


def test_correlation_sees_the_shape_and_not_the_size() -> None:
    real = clip(talking())
    assert correlation.aperture_score(real, Made(mouth(0.5 * talking() + 3))).value == pytest.approx(1)
    assert correlation.aperture_score(real, Made(mouth(-talking()))).value == pytest.approx(-1)
    assert abs(correlation.aperture_score(real, Made(mouth(talking(seed=9)))).value) < 0.5


def test_a_mouth_that_does_not_move_has_no_correlation() -> None:
    assert np.isnan(correlation.aperture_score(clip(talking()), Made(mouth(np.full(FRAMES, 3.0)))).value)
    assert np.isnan(correlation.width_score(clip(talking()), Made(mouth(talking()))).value)


def test_lip_error_is_the_distance_in_percent_of_iod() -> None:
    real, shifted = clip(talking()), Made(mouth(talking() + 2.5))
    assert landmark_error.raw_score(real, shifted).value == pytest.approx(2.5, abs=1e-4)
    assert landmark_error.centred_score(real, shifted).value == pytest.approx(0, abs=1e-4)


def test_frames_without_a_face_do_not_count() -> None:
    real = clip(talking())
    spoiled = talking()
    spoiled[:10] = 50
    hidden = replace(real, valid=np.arange(FRAMES) >= 10)
    assert landmark_error.raw_score(hidden, Made(mouth(spoiled))).value == pytest.approx(0, abs=1e-4)
    assert correlation.aperture_score(hidden, Made(mouth(spoiled))).value == pytest.approx(1)


@pytest.mark.parametrize("late", [-8, -3, 0, 1, 5])
def test_offset_is_positive_when_ours_is_late(late: int) -> None:
    long = talking(FRAMES + 20)
    real, ours = long[10:-10], long[10 - late : len(long) - 10 - late]
    assert offset.offset_score(clip(real), Made(mouth(ours))).value == late


def test_late_sound_is_brought_forward() -> None:
    sound = np.zeros(FRAMES * SAMPLES_PER_FRAME, dtype=np.float32)
    sound[20 * SAMPLES_PER_FRAME] = 1
    moved = lag_corrected(clip(talking(), sound), -4.0)
    assert moved.samples.argmax() == 16 * SAMPLES_PER_FRAME
    assert not moved.valid[-4:].any() and moved.valid[:-4].all(), "no sound is left for the last frames"
    back = lag_corrected(clip(talking(), sound), 1.5)
    assert back.samples.argmax() == 21.5 * SAMPLES_PER_FRAME
    assert not back.valid[:2].any() and back.valid[2:].all()


def test_silence_is_measured_away_from_the_speech() -> None:
    real = clip(talking())
    padded = np.full(FRAMES + 2 * SILENCE_FRAMES, 1.0)
    padded[SILENCE_FRAMES - 5 : SILENCE_FRAMES + FRAMES + 14] = 20  # speech, opening and closing
    assert silence.silence_score(real, Made(real.mouth, mouth(padded))).value == pytest.approx(1.0)
    assert np.isnan(silence.silence_score(real, Made(real.mouth)).value)
    assert with_silence(real).frames == len(padded)


def test_the_real_mouth_at_rest_is_looked_for_outside_the_speech() -> None:
    aperture = np.full(FRAMES, 0.7)
    aperture[25:50] = 12
    rng = np.random.default_rng(0)
    sound = np.zeros(FRAMES * SAMPLES_PER_FRAME, dtype=np.float32)
    sound[25 * SAMPLES_PER_FRAME : 50 * SAMPLES_PER_FRAME] = rng.normal(0, 0.1, 25 * SAMPLES_PER_FRAME)
    assert silence.real_rest_score(clip(aperture, sound)).value == pytest.approx(0.7)


def sentence() -> tuple[Float, Float]:
    """Aperture and sound of 'bin blue at f two please': it closes until 19, at 24 and 45, and for the f at 34."""
    aperture = np.full(FRAMES, 0.5)
    aperture[20:52] = 8
    for frame in (24, 34, 45):
        aperture[frame - 1 : frame + 2] = [1.5, 0.3, 1.5]
    sound = np.zeros(FRAMES * SAMPLES_PER_FRAME, dtype=np.float32)
    first, last = 20 * SAMPLES_PER_FRAME, 52 * SAMPLES_PER_FRAME
    sound[first:last] = np.random.default_rng(0).normal(0, 0.1, last - first)
    return aperture, sound


def test_bilabials_are_the_closures_where_their_words_are() -> None:
    real = clip(*sentence(), "bin blue at f two please")
    assert closure.closures(real) == [24, 34, 45]
    assert closure.bilabials(real) == [19, 24, 45]
    assert closure.bilabials(replace(real, words=())) == []
    assert closure.bilabials(replace(real, words=("set", "red", "at", "f", "two", "again"))) == []


def test_kept_closures_may_be_two_frames_off() -> None:
    aperture, sound = sentence()
    real = clip(aperture, sound, "bin blue at f two please")
    for late, kept in ((0, 1.0), (2, 1.0), (-2, 1.0)):
        assert [s.value for s in closure.bilabial_scores(real, Made(mouth(np.roll(aperture, late))))] == [kept] * 3
    half = np.where(np.arange(FRAMES) < 30, aperture, aperture + 1.8)
    scores = closure.bilabial_scores(real, Made(mouth(half)))
    assert [s.value for s in scores] == pytest.approx([2 / 3, 2 / 3, 1.0])
    assert {s.weight for s in scores} == {3}
    assert closure.any_score(real, Made(mouth(aperture + 5))).value == 0


def test_closing_everywhere_is_caught() -> None:
    aperture, sound = sentence()
    shut = Made(mouth(np.zeros(FRAMES)))
    assert closure.false_score(clip(aperture, sound), shut).value == 1
    assert closure.false_score(clip(aperture, sound), Made(mouth(aperture))).value == 0


def test_other_sound_is_made_to_fit() -> None:
    a, b = clip(talking()), clip(talking(40), np.arange(40 * SAMPLES_PER_FRAME, dtype=np.float32))
    heard = with_sound_of(a, b)
    assert heard.frames == a.frames
    assert heard.samples[40 * SAMPLES_PER_FRAME] == 0, "a shorter sound starts again"


def test_mouths_are_measured_in_percent_of_iod() -> None:
    face = np.repeat(canonical_face()[None], 2, axis=0)
    face[1, [87, 14, 317], 1] += 0.05
    face[1, 291, 0] += 0.02
    closed, opened = mouth_of(face).aperture
    assert opened - closed == pytest.approx(5, abs=1e-3)
    assert np.diff(mouth_of(face).width)[0] == pytest.approx(2, abs=1e-3)
    assert mouth_of(face).lips.shape == (2, 40, 2)


def test_spells_are_runs_of_true() -> None:
    assert spells(np.array([1, 1, 0, 0, 1, 0, 1], dtype=bool)) == [(0, 2), (4, 5), (6, 7)]
    assert spells(np.zeros(3, dtype=bool)) == []
