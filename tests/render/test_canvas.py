"""The picture that moves: whole or cut, and landmarks that stay on their pixels."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from dreamtalk.errors import UnusableInput
from dreamtalk.render.mesh.canvas import MAX_SIDE, make_canvas
from dreamtalk.types import Float, Image, Portrait


def spot(image: Image) -> Float:
    """Centre of the only bright spot."""
    weight = image.astype(np.float64).sum(axis=2)
    ys, xs = np.mgrid[0 : image.shape[0], 0 : image.shape[1]]
    return np.array([(xs * weight).sum(), (ys * weight).sum()]) / weight.sum()


@pytest.mark.parametrize("size", [None, 64, 256, 512])
def test_landmarks_follow_the_cut(astronaut: Portrait, size: int | None) -> None:
    image = np.zeros_like(astronaut.image)
    nose = np.rint(astronaut.landmarks[4, :2]).astype(int)
    cv2.circle(image, nose.tolist(), 5, (255, 255, 255), -1)
    landmarks = astronaut.landmarks.copy()
    landmarks[4, :2] = nose
    canvas = make_canvas(replace(astronaut, image=image, landmarks=landmarks), size)
    np.testing.assert_allclose(canvas.landmarks[4, :2], spot(canvas.image), atol=0.25)


def test_whole_picture_is_the_photo_itself_with_even_sides(closed: Portrait) -> None:
    odd = replace(closed, image=closed.image[:299, :277])
    canvas = make_canvas(odd, None)
    assert canvas.image.shape == (298, 276, 3)
    np.testing.assert_array_equal(canvas.image, closed.image[:298, :276])


def test_huge_picture_is_shrunk(closed: Portrait) -> None:
    wide = replace(closed, image=cv2.resize(closed.image, (3000, 1001)))
    canvas = make_canvas(wide, None)
    assert canvas.image.shape[1] == MAX_SIDE
    assert canvas.image.shape[0] % 2 == 0


def test_face_at_the_border_is_cut_with_reflection(closed: Portrait) -> None:
    moved = replace(closed, landmarks=closed.landmarks - np.array([120, 90, 0], np.float32))
    canvas = make_canvas(moved, 128)
    assert canvas.image.shape == (128, 128, 3)
    assert canvas.image.std() > 10


@pytest.mark.parametrize("size", [0, -4, 8])
def test_impossible_size_is_refused(closed: Portrait, size: int) -> None:
    with pytest.raises(UnusableInput, match="too small"):
        make_canvas(closed, size)


def test_tiny_picture_is_refused(closed: Portrait) -> None:
    with pytest.raises(UnusableInput, match="too small"):
        make_canvas(replace(closed, image=closed.image[:4, :4]), None)
