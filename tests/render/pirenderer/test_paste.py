"""The drawn square back in its place: what is the photo's stays so to the byte, and the seam is soft."""

from __future__ import annotations

import numpy as np
import pytest

from dreamtalk.render.pirenderer.framing import Square, cut
from dreamtalk.render.pirenderer.paste import Alone, PastedBack
from dreamtalk.types import Image

PHOTO: Image = np.random.default_rng(0).integers(0, 256, (120, 160, 3)).astype(np.uint8)
INSIDE = Square(30, 20, 64)


def plain(level: int, side: int = 32, channels: int = 3) -> Image:
    return np.full((side, side, channels), level, np.uint8)


@pytest.mark.parametrize("level", [0, 255])
def test_only_the_square_changes(level: int) -> None:
    paste = PastedBack(PHOTO, INSIDE)
    frame = paste.frame(plain(level))
    outside = np.ones(PHOTO.shape[:2], bool)
    outside[20:84, 30:94] = False
    assert frame.shape == PHOTO.shape and frame.dtype == np.uint8 and paste.size == (120, 160)
    assert np.array_equal(frame[outside], PHOTO[outside])
    assert np.array_equal(frame[~paste.touched], PHOTO[~paste.touched])
    assert np.all(frame[35:69, 45:79] == level), "the middle is wholly drawn"
    assert not np.array_equal(PHOTO, frame)


def test_the_seam_is_soft() -> None:
    """On a plain photo the step between neighbours stays small wherever the square ends."""
    photo = np.full((120, 160, 3), 40, np.uint8)
    frame = PastedBack(photo, INSIDE).frame(plain(200)).astype(int)
    assert frame.max() == 200 and frame.min() == 40
    for axis in (0, 1):
        assert np.abs(np.diff(frame, axis=axis)).max() < 160 / 4


def test_pasting_what_was_cut_gives_the_photo_back() -> None:
    paste = PastedBack(PHOTO, INSIDE)
    assert np.array_equal(paste.frame(cut(PHOTO, INSIDE, INSIDE.side)), PHOTO)


@pytest.mark.parametrize("square", [Square(-20, 20, 64), Square(30, 80, 64), Square(-10, -10, 200)])
def test_there_is_no_seam_where_the_photo_ends(square: Square) -> None:
    paste = PastedBack(PHOTO, square)
    frame = paste.frame(plain(7, square.side))
    height, width = PHOTO.shape[:2]
    y, x = (min(start + square.side // 2, n - 1) for start, n in ((square.top, height), (square.left, width)))
    if square.left <= 0:
        assert np.all(frame[y, 0] == 7)
    if square.top + square.side >= height:
        assert np.all(frame[-1, x] == 7)
    shown = cut(PHOTO, square, square.side)
    assert np.array_equal(paste.frame(shown), PHOTO), "and it is in its place"


def test_transparency_is_pasted_like_a_colour() -> None:
    photo = np.dstack([PHOTO, np.full(PHOTO.shape[:2], 90, np.uint8)])
    frame = PastedBack(photo, INSIDE).frame(plain(255, channels=4))
    assert frame.shape == photo.shape and frame[52, 62, 3] == 255 and frame[0, 0, 3] == 90


def test_a_square_alone_is_what_was_drawn() -> None:
    drawn = PHOTO[:64, :64]
    assert np.array_equal(Alone(64).frame(drawn), drawn)
    assert Alone(128).frame(drawn).shape == (128, 128, 3) and Alone(128).size == (128, 128)
    means = Alone(32).frame(drawn).astype(float)
    assert np.abs(means - drawn.reshape(32, 2, 32, 2, 3).mean(axis=(1, 3))).max() <= 0.5, "averaged, not picked"
