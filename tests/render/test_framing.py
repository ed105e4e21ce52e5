"""How much of the photo is shown, and what is said about it."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from dreamtalk.face import FaceModel
from dreamtalk.face.arkit import weights
from dreamtalk.options import TalkOptions
from dreamtalk.render import MeshRenderer
from dreamtalk.render.framing import notes_of, shows_all, side_of
from dreamtalk.render.mesh.canvas import MAX_SIDE, cut_side, make_canvas
from dreamtalk.types import Portrait


def within(portrait: Portrait, height: int, width: int) -> Portrait:
    """The same face in the middle of a larger picture of waves."""
    ys, xs = np.mgrid[0:height, 0:width]
    image = np.stack([127 + 60 * np.sin(xs / (4 + c)) + 50 * np.cos(ys / (5 + c)) for c in range(3)], axis=2)
    y, x = (height - portrait.image.shape[0]) // 2, (width - portrait.image.shape[1]) // 2
    picture = image.astype(np.uint8)
    picture[y : y + portrait.image.shape[0], x : x + portrait.image.shape[1]] = portrait.image
    shift = np.array([x, y, 0], np.float32)
    return replace(
        portrait, image=picture, landmarks=portrait.landmarks + shift, box=portrait.box + np.tile(shift[:2], 2)
    )


@pytest.mark.parametrize("shape", [(500, 700), (701, 433), (411, 900)])
def test_the_whole_photo_is_shown_with_every_byte_around_the_head(
    model: FaceModel, closed: Portrait, shape: tuple[int, int]
) -> None:
    portrait = within(closed, *shape)
    assert shows_all(portrait, TalkOptions()) and side_of(portrait, TalkOptions()) is None
    animator = MeshRenderer(model).prepare(portrait, None)
    turn = np.full(3, 0.2, np.float32)
    moved = animator.frame(model.from_arkit(weights(jawOpen=0.7)), turn, turn, np.zeros(4, np.float32))
    assert moved.shape[:2] == (shape[0] // 2 * 2, shape[1] // 2 * 2)
    still = portrait.image[: moved.shape[0], : moved.shape[1]]
    changed = (moved != still).any(axis=2)
    assert changed.mean() > 0.05
    ys, xs = np.nonzero(changed)
    reach = 2.7 * np.ptp(closed.landmarks[:, :2], axis=0) / 2
    centre = animator.canvas.centre
    assert np.abs(xs - centre[0]).max() < reach[0] + 40 and np.abs(ys - centre[1]).max() < reach[1] + 40


def test_a_tiny_face_is_cut_out_and_that_is_said(closed: Portrait) -> None:
    wide = within(closed, 900, 1200)
    small = replace(wide, image=cv2.resize(wide.image, (4800, 3600)), landmarks=wide.landmarks, box=wide.box)
    assert not shows_all(small, TalkOptions())
    side = side_of(small, TalkOptions())
    assert side == cut_side(small) and side is not None and side % 2 == 0
    assert make_canvas(small, side).zoom == pytest.approx(1.0, abs=0.01), "the head keeps its resolution"
    assert "--full-frame" in notes_of(small, TalkOptions(), (side, side))[0]
    assert side_of(small, TalkOptions(full_frame=True)) is None
    assert side_of(wide, TalkOptions(full_frame=False)) == cut_side(wide)
    assert side_of(wide, TalkOptions(size=256)) == 256


def test_a_huge_photo_is_made_smaller_and_that_is_said(closed: Portrait) -> None:
    big = replace(closed, image=cv2.resize(closed.image, (2990, 4000)))
    factor = np.array([2990 / 280, 4000 / 300, 10], np.float32)
    big = replace(big, landmarks=big.landmarks * factor, box=big.box * np.tile(factor[:2], 2))
    canvas = make_canvas(big, None)
    height, width = canvas.image.shape[:2]
    assert max(height, width) == MAX_SIDE and height % 2 == width % 2 == 0
    (note,) = notes_of(big, TalkOptions(), (width, height))
    assert "2990 × 4000" in note and f"{width} × {height}" in note
    assert notes_of(closed, TalkOptions(), (280, 300)) == ()
