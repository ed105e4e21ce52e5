"""A head taken over: seen from its usual pose, without noise, gaps and jumps, and within what a portrait can show."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from dreamtalk.errors import DoubtfulInput, UnusableInput
from dreamtalk.motion.drive import RANGE, HeadPath, bridged, head_path, looped, smoothed, with_head
from dreamtalk.motion.gaze import EYE_RADIUS
from dreamtalk.render.mesh.geometry import MAX_TURN
from dreamtalk.types import VIDEO_FPS, FaceTrack, Float, Motion


def track(pose: Float, seen: float = 1.0) -> FaceTrack:
    count = len(pose)
    valid = np.ones(count, bool)
    valid[: round((1 - seen) * count)] = False
    shapes = {"landmarks": (478, 3), "expression": (64,), "gaze": (4,), "blendshapes": (52,)}
    parts = {name: np.zeros((count, *shape), np.float32) for name, shape in shapes.items()}
    return FaceTrack(pose=pose, valid=valid, fps=25.0, face_space="mesh64", **parts)


def swaying(frames: int, degrees: float = 4.0) -> Float:
    """(T, 6) a head that sways and moves a little."""
    time = np.arange(frames) / VIDEO_FPS
    pose = np.zeros((frames, 6), np.float32)
    pose[:, 0] = np.radians(degrees) * np.sin(2 * np.pi * 0.7 * time)
    pose[:, 1] = np.radians(degrees) * np.sin(2 * np.pi * 0.31 * time + 1)
    pose[:, 3] = 0.1 * np.sin(2 * np.pi * 0.31 * time)
    return pose


@pytest.mark.parametrize("frames", [3, 10, 40, 60, 200])
def test_a_clip_is_itself_and_then_goes_on_without_a_jump(frames: int) -> None:
    path = swaying(frames)
    made = looped(path, 0, 5 * frames + 50)
    np.testing.assert_allclose(made[:frames], path, atol=1e-6)
    most_speed = np.abs(np.diff(swaying(200), axis=0)).max()
    assert np.abs(np.diff(made, axis=0)).max() < 1.6 * most_speed
    assert np.abs(np.diff(made, n=2, axis=0)).max() < 0.4 * most_speed, "where it turns, too"


def test_pieces_are_the_whole() -> None:
    for frames in (30, 80):
        whole = looped(swaying(frames), 0, 300)
        parts = [looped(swaying(frames), at, 50) for at in range(0, 300, 50)]
        np.testing.assert_array_equal(np.concatenate(parts), whole)


def test_one_row_is_held() -> None:
    assert np.ptp(looped(swaying(30)[7:8], 3, 20), axis=0).max() == 0.0


def test_a_track_is_seen_from_its_usual_pose() -> None:
    tilted = swaying(100) + np.array([0.4, -0.5, 0.1, 3.0, 2.0, 0.0], np.float32)
    path = head_path(track(tilted), "it")
    assert np.abs(np.median(path.rotation, axis=0)).max() < 0.01
    assert np.abs(np.median(path.translation, axis=0)).max() < 0.01
    np.testing.assert_allclose(np.ptp(path.rotation[:, 1]), np.ptp(tilted[:, 1]), rtol=0.15)


def test_a_motion_keeps_its_own_pose() -> None:
    pose = swaying(100)
    still = np.zeros((100, 64), np.float32)
    path = head_path(Motion(still, pose[:, :3], pose[:, 3:], still[:, :4]), "it")
    np.testing.assert_allclose(path.rotation, pose[:, :3], atol=1e-6)


def test_noise_goes_and_nods_stay() -> None:
    noise = np.random.default_rng(0).normal(0, np.radians(0.3), (200, 6)).astype(np.float32)
    clean = swaying(200)
    made = smoothed(clean + noise)
    assert np.std(made - clean) < 0.6 * np.std(noise)
    np.testing.assert_allclose(smoothed(clean), clean, atol=2e-3)
    line = np.linspace(0, 1, 20, dtype=np.float32)[:, None]
    np.testing.assert_allclose(smoothed(line), line, atol=1e-5)
    np.testing.assert_array_equal(smoothed(line[:2]), line[:2])


def test_gaps_are_bridged() -> None:
    values, valid = swaying(50), np.ones(50, bool)
    valid[20:25] = False
    broken = values.copy()
    broken[20:25] = 9.0
    np.testing.assert_allclose(bridged(broken, valid), values, atol=0.05)


def test_great_turns_are_brought_into_range() -> None:
    path = head_path(track(swaying(200, degrees=35.0)), "it")
    assert (np.percentile(np.abs(path.rotation), 95, axis=0) <= RANGE + 1e-5).all()
    assert np.abs(path.rotation).max() > 0.9 * RANGE[0], "less throughout, not next to nothing"
    small = head_path(track(swaying(200, degrees=4.0)), "it").rotation
    assert np.ptp(small[:, 0]) > np.radians(7.5), "small ones stay as they are"
    assert (RANGE < MAX_TURN).all()


def test_a_half_damaged_video_is_refused_or_warned_about() -> None:
    with pytest.raises(UnusableInput, match=r"v\.mp4: the face is lost in 60"):
        head_path(track(swaying(100), seen=0.4), "v.mp4")
    with pytest.warns(DoubtfulInput, match=r"v\.mp4: the face is lost in 30"):
        head_path(track(swaying(100), seen=0.7), "v.mp4")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        head_path(track(swaying(100), seen=0.95), "v.mp4")


def test_a_single_frame_is_no_head_motion() -> None:
    with pytest.raises(UnusableInput, match="single frame"):
        head_path(track(swaying(1)), "p.jpg")


def test_eyes_hold_their_target() -> None:
    turned = HeadPath(np.tile(np.array([[0.0, 0.1, 0.0]], np.float32), (9, 1)), np.zeros((9, 3), np.float32))
    blank = np.zeros((9, 64), np.float32)
    made = with_head(Motion(blank, blank[:, :3], blank[:, :3], blank[:, :4]), turned)
    np.testing.assert_allclose(made.gaze[:, [0, 2]], EYE_RADIUS * np.sin(0.1), rtol=1e-5)
    assert not made.gaze[:, [1, 3]].any()


def test_the_head_of_official_models_is_refused() -> None:
    blank = np.zeros((9, 64), np.float32)
    official = Motion(blank, blank[:, :3], blank[:, :3], blank[:, :4], face_space="bfm64", crop=blank[:, :3])
    with pytest.raises(UnusableInput, match="official"):
        head_path(official, "x.npz")
