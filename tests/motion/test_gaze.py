"""Gaze: on the viewer, in jumps, and kept there while the head turns."""

from __future__ import annotations

import numpy as np

from dreamtalk.motion.gaze import EYE_RADIUS, GazeMotion
from dreamtalk.types import VIDEO_FPS, Float


def gazes(seed: int, frames: int, rotation: Float | None = None) -> Float:
    machine = GazeMotion(seed)
    turned = np.zeros(3, dtype=np.float32) if rotation is None else rotation
    return np.array([machine.next(0.7, turned) for _ in range(frames)])


def test_mostly_at_the_viewer_with_a_few_glances_away() -> None:
    off = np.degrees(np.hypot(*gazes(0, 5 * 60 * VIDEO_FPS).T[:2]) / EYE_RADIUS)
    assert 0.80 < (off < 2.2).mean() < 0.99
    assert off.max() < 9


def test_eyes_jump_and_then_stay() -> None:
    steps = np.abs(np.diff(gazes(1, 60 * VIDEO_FPS), axis=0)).max(axis=1)
    assert (steps < 1e-5).mean() > 0.75
    assert (steps > 1e-4).sum() > 30


def test_the_portrait_keeps_its_own_gaze_at_first() -> None:
    assert not gazes(2, 15).any()


def test_eyes_hold_the_viewer_while_the_head_turns() -> None:
    left = gazes(3, 5, np.array([0.0, 0.1, 0.0], dtype=np.float32))  # the nose goes to the picture's left
    down = gazes(3, 5, np.array([0.1, 0.0, 0.0], dtype=np.float32))
    assert np.allclose(left[:, [0, 2]], EYE_RADIUS * np.sin(0.1), atol=1e-5)
    assert np.allclose(down[:, [1, 3]], -EYE_RADIUS * np.sin(0.1), atol=1e-5)


def test_both_eyes_move_alike_and_the_seed_decides() -> None:
    a, b = gazes(4, 500), gazes(5, 500)
    assert np.array_equal(a[:, :2], a[:, 2:])
    assert np.array_equal(a, gazes(4, 500))
    assert not np.array_equal(a, b)
