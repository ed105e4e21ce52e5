"""What is measured of a clip, each rule that leaves one out, and where its sound belongs."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from dreamtalk.data.quality import QualityLimits, verdict
from dreamtalk.data.sighting import (
    Sighting,
    eye_distance,
    face_share,
    largest_change,
    largest_jump,
    loudness,
    second_face,
    thumbnail,
)
from dreamtalk.data.sync import REACH, SoundOffset, best_offset, correction, moved, offset_curve
from dreamtalk.face.detector import Detection

LIMITS = QualityLimits()
GOOD = Sighting(
    size=9, frames=75, face_share=1.0, other_faces=0.0, eye_distance=60.0, jump=0.05, change=3.0, loudness=-25.0
)


def test_a_good_clip_breaks_no_rule() -> None:
    assert verdict(GOOD, LIMITS) is None


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"frames": 24}, "too short"),
        ({"face_share": 0.89}, "face lost"),
        ({"other_faces": 0.2}, "several faces"),
        ({"eye_distance": 20.0}, "face too small"),
        ({"jump": 0.7}, "cut inside"),
        ({"change": 40.0}, "cut inside"),
        ({"loudness": -80.0}, "no sound"),
        ({"problem": "no moov atom"}, "unreadable"),
    ],
)
def test_each_rule_names_its_reason(change: dict[str, Any], reason: str) -> None:
    broken = verdict(replace(GOOD, **change), LIMITS)
    assert broken is not None and broken[0] == reason and broken[1]


def test_limits_are_limits() -> None:
    assert verdict(replace(GOOD, frames=24), QualityLimits(min_seconds=0.9)) is None
    assert verdict(replace(GOOD, other_faces=0.2), QualityLimits(max_other_faces=0.5)) is None


def eyes_at(x: list[float], distance: float = 40.0) -> np.ndarray:
    landmarks = np.zeros((len(x), 478, 3), np.float32)
    landmarks[:, 33, 0], landmarks[:, 263, 0] = x, np.array(x) + distance
    return landmarks


def test_faces_are_measured_where_they_are_found() -> None:
    valid = np.array([True, True, False, True])
    landmarks = eyes_at([0.0, 4.0, 900.0, 6.0])
    assert face_share(valid) == 0.75 and face_share(valid[:0]) == 0.0
    assert eye_distance(landmarks, valid) == 40.0 and eye_distance(landmarks, ~valid & False) == 0.0
    assert largest_jump(landmarks, valid) == pytest.approx(0.1), "only steps between frames that both show a face"
    assert largest_jump(eyes_at([0.0, 1.0, 41.0]), np.ones(3, bool)) == pytest.approx(1.0)


def test_only_a_comparable_second_face_counts() -> None:
    def seen(*sides: float) -> list[Detection]:
        return [Detection(np.array([0, 0, s, s], np.float32), np.zeros((6, 2), np.float32), 0.9) for s in sides]

    assert not second_face([]) and not second_face(seen(100.0)) and not second_face(seen(40.0, 100.0))
    assert second_face(seen(100.0, 60.0))


def test_a_cut_changes_the_whole_picture() -> None:
    rng = np.random.default_rng(0)
    room = rng.integers(0, 255, (90, 160, 3)).astype(np.uint8)
    noisy = np.clip(room.astype(int) + rng.integers(-20, 20, room.shape), 0, 255).astype(np.uint8)
    other = np.full_like(room, 200)
    assert largest_change([thumbnail(room), thumbnail(noisy)]) < 3.0
    assert largest_change([thumbnail(room), thumbnail(noisy), thumbnail(other)]) > LIMITS.max_change
    assert largest_change([thumbnail(room)]) == 0.0


def test_loudness_is_in_decibels_of_full_scale() -> None:
    assert loudness(np.full(100, 0.1, np.float32)) == pytest.approx(-20.0, abs=1e-3)
    assert loudness(np.zeros(100, np.float32)) == loudness(np.zeros(0, np.float32)) == -120.0


class Listener:
    """An expert that compares the first expression number with the first feature."""

    config = SimpleNamespace(frames=8)

    def style(self, reference: torch.Tensor) -> None:
        return None

    def __call__(self, motion: torch.Tensor, sound: torch.Tensor, style: None) -> torch.Tensor:
        return torch.exp(-(motion[:, :, 0] - sound[:, ::2, 0]).abs().mean(dim=1))


def talk(late: float, frames: int = 75) -> tuple[np.ndarray, np.ndarray]:
    """Expression and features of a clip whose sound is `late` frames late."""
    source = np.random.default_rng(0).random(2 * frames + 80).astype(np.float32)
    source = np.convolve(source, np.ones(4) / 4, mode="same").astype(np.float32)
    expression = np.zeros((frames, 64), np.float32)
    expression[:, 0] = source[40 : 40 + 2 * frames : 2]
    begin = 40 - round(2 * late)
    return expression, np.tile(source[begin : begin + 2 * frames, None], (1, 16))


@pytest.mark.parametrize("late", [0.0, 3.0, -2.5, 7.0])
def test_the_sound_is_found_where_it_is(late: float) -> None:
    expression, features = talk(late)
    curve = offset_curve(Listener(), expression, features)  # type: ignore[arg-type]
    assert curve is not None and len(curve) == 4 * REACH + 1
    offset = best_offset(curve)
    assert offset.frames == late and offset.margin > 0.1
    fitting = moved(features, offset.frames)[2 * REACH : -2 * REACH : 2, 0]
    np.testing.assert_allclose(fitting, expression[REACH:-REACH, 0], atol=1e-6)


def test_a_clip_too_short_to_judge_has_no_curve() -> None:
    assert offset_curve(Listener(), *talk(0.0, frames=28)) is None  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("offset", "wanted"),
    [
        (SoundOffset(0.5, 0.3), 0.5),
        (SoundOffset(0.5, 0.01), 0.0),
        (SoundOffset(-3.0, 0.3), -3.0),
        (SoundOffset(-3.0, 0.01), None),
        (SoundOffset(7.0, 0.3), None),
    ],
)
def test_small_sure_offsets_are_corrected_and_others_left_out(offset: SoundOffset, wanted: float | None) -> None:
    decided = correction(offset, LIMITS)
    if wanted is None:
        assert isinstance(decided, tuple) and decided[0] == "out of step"
    else:
        assert decided == wanted
