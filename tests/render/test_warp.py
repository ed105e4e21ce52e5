"""The photo drawn through a moved mesh: the same samples as OpenCV's, mirrored edges, nothing where nothing moves."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from dreamtalk.render.mesh.drawing import Index
from dreamtalk.render.mesh.warp import Texture, draw_photo
from dreamtalk.types import Float, Image

HEIGHT, WIDTH = 90, 130


@pytest.fixture(scope="module")
def photo() -> Image:
    noise = np.random.default_rng(3).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    return np.asarray(cv2.GaussianBlur(noise, (0, 0), 1.0) * 1.6 - 60, np.uint8)


def square(x0: float, y0: float, x1: float, y1: float) -> tuple[Float, Index]:
    """Two triangles."""
    corners = np.array([[x0, y0, 0], [x1, y0, 0], [x1, y1, 0], [x0, y1, 0]], np.float32)
    return corners, np.array([[0, 1, 2], [0, 2, 3]], np.int32)


def drawn(photo: Image, source: Float, target: Float, triangles: Index, margin: int = 20) -> Image:
    picture = photo.copy()
    both = np.zeros(len(triangles), np.bool_)
    draw_photo(picture, Texture.of(photo, margin), target, np.ascontiguousarray(source[:, :2]), triangles, both)
    return picture


def test_samples_are_those_of_opencv(photo: Image) -> None:
    source, triangles = square(-5, -5, WIDTH + 5, HEIGHT + 5)
    affine = np.array([[1.03, 0.05, -2.3], [-0.04, 0.97, 1.7]])
    target = source.copy()
    target[:, :2] = source[:, :2] @ affine[:, :2].T + affine[:, 2]
    ours = drawn(photo, source, target, triangles)
    theirs = cv2.warpAffine(photo, affine, (WIDTH, HEIGHT), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101)
    inside = np.s_[6:-6, 6:-6]
    differ = np.abs(ours.astype(int) - theirs)[inside]
    assert np.ptp(photo) > 150
    assert differ.mean() < 1.0 and differ.max() < 12  # theirs rounds to 1/32 px, ours to 1/64


def test_whole_steps_move_pixels_without_changing_them(photo: Image) -> None:
    source, triangles = square(20, 20, 100, 70)
    ours = drawn(photo, source, source + np.array([3, -2, 0], np.float32), triangles)
    np.testing.assert_array_equal(ours[19:68, 24:103], photo[21:70, 21:100])


def test_what_does_not_move_keeps_its_bytes(photo: Image) -> None:
    source, triangles = square(40, 30, 80, 60)
    ours = drawn(photo, source, source + np.array([0.4, 0.3, 0], np.float32), triangles)
    changed = (ours != photo).any(axis=2)
    assert changed[32:59, 42:79].mean() > 0.9
    changed[30:62, 40:82] = False
    assert not changed.any()
    np.testing.assert_array_equal(drawn(photo, source, source, triangles), photo)


def test_the_picture_goes_on_mirrored_beyond_its_edges(photo: Image) -> None:
    source, triangles = square(-30, -30, WIDTH + 30, HEIGHT + 30)
    ours = drawn(photo, source, source + np.array([7, 0, 0], np.float32), triangles)
    np.testing.assert_array_equal(ours[:, :8], photo[:, 7::-1])


def test_samples_far_outside_do_not_fail(photo: Image) -> None:
    source, triangles = square(-3000, -3000, 3000, 3000)
    picture = drawn(photo, source, source * np.float32(0.3), triangles)
    assert picture.shape == photo.shape


def test_plain_areas_stay_plain() -> None:
    """The weights of every sample sum to one."""
    plain = np.full((64, 64, 3), 201, np.uint8)
    source, triangles = square(0, 0, 64, 64)
    turned = source.copy()
    turned[:, :2] = (source[:, :2] - 32) @ np.array([[0.9, 0.31], [-0.27, 1.1]], np.float32) + 32
    assert (drawn(plain, source, turned, triangles) == 201).all()


def test_the_nearest_triangle_is_seen(photo: Image) -> None:
    back, triangles = square(10, 10, 60, 60)
    front = back + np.array([40, 0, -5], np.float32)
    source = np.concatenate([back, back])
    target = np.concatenate([back + np.array([20, 0, 0], np.float32), front])
    both = np.concatenate([triangles, triangles + 4])
    for order in (both, both[::-1]):
        seen = drawn(photo, source, target, np.ascontiguousarray(order))
        np.testing.assert_array_equal(seen[12:58, 52:78], photo[12:58, 12:38])
