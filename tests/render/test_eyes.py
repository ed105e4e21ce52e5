"""Eyes: what appears from behind the lids when irises move, and the line of shut lids."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from dreamtalk.render.mesh import topology as topo
from dreamtalk.render.mesh.canvas import Canvas, make_canvas
from dreamtalk.render.mesh.drawing import fill, soften
from dreamtalk.render.mesh.eyeball import prepare_eye
from dreamtalk.render.mesh.geometry import FaceGeometry
from dreamtalk.types import Portrait

SCALE = 4
"""The drawn face is made this much larger: an eye 10 px high has no room for lids' shadows."""
WHITE, IRIS, SHADOW = 225, 110, 25


def eye_canvas(closed: Portrait, lower: float) -> tuple[Canvas, float]:
    """A face with a painted right eye: white, an iris whose picture ends `lower` radii below its centre, and the dark
    shadow of the upper lid over both. Also the radius of the iris, px."""
    landmarks = closed.landmarks * SCALE
    outline = landmarks[list(topo.hole_loop(topo.LID_UPPER[0], topo.LID_LOWER[0])), :2]
    height, width = (side * SCALE for side in closed.image.shape[:2])
    inside = fill((height, width), outline, 0, 0) > 0.5
    ys, xs = np.mgrid[0:height, 0:width]
    centre = landmarks[topo.IRIS[0][0], :2]
    radius = float(np.linalg.norm(landmarks[topo.IRIS[0][1], :2] - centre))
    disc = (np.hypot(xs - centre[0], ys - centre[1]) < radius) & (ys < centre[1] + lower * radius)
    top = np.argmax(inside, axis=0)[None]
    image = np.full((height, width, 3), 170, np.uint8)
    image[inside] = WHITE
    image[inside & disc] = IRIS
    image[inside & (ys < top + 0.35 * radius)] = SHADOW
    portrait = replace(closed, image=cv2.GaussianBlur(image, (0, 0), 0.7), landmarks=landmarks)
    return make_canvas(portrait, None), radius


@pytest.mark.parametrize("lower", [2.0, 0.5])
def test_no_dark_arc_below_the_iris(closed: Portrait, lower: float) -> None:
    canvas, radius = eye_canvas(closed, lower)
    eye = prepare_eye(canvas, FaceGeometry(canvas), 0)
    below = int(eye.centre[1] + 0.1 * radius)
    column = eye.ball[below : int(eye.centre[1] + 1.3 * radius), round(float(eye.centre[0])), 1]
    assert column.min() > 0.8 * IRIS, "the upper lid's shadow is not seen below"
    assert np.diff(column).min() > -8.0, "from the iris to the white, and not back"


def test_soften_takes_steps_out_of_a_line_and_leaves_the_rest() -> None:
    ys, xs = np.mgrid[0:24, 0:48]
    picture = np.where(ys < 8 + xs // 6, 40.0, 200.0).astype(np.float32)[..., None].repeat(3, axis=2)
    line = np.stack([np.arange(48.0), 8.0 + np.arange(48.0) / 6.0], axis=1)
    smooth = soften(picture, line, 0, 0)
    assert np.abs(np.diff(smooth[:, 4:44], axis=1)).max() < 0.75 * np.abs(np.diff(picture, axis=1)).max()
    far = np.abs(ys - (8 + xs / 6.0)) > 6
    np.testing.assert_allclose(smooth[far], picture[far], atol=0.5)
    np.testing.assert_array_equal(soften(picture, line, 0, 0, 0.0), picture)
