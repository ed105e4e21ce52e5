"""Eyes: what appears from behind the lids when irises move, and the line of shut lids."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from dreamtalk.face import FaceModel
from dreamtalk.face.arkit import weights
from dreamtalk.render import MeshRenderer
from dreamtalk.render.mesh import MeshAnimator
from dreamtalk.render.mesh import topology as topo
from dreamtalk.render.mesh.canvas import Canvas, make_canvas
from dreamtalk.render.mesh.drawing import fill, soften
from dreamtalk.render.mesh.eyeball import prepare_eye
from dreamtalk.render.mesh.eyes import EyeLayer
from dreamtalk.render.mesh.geometry import FaceGeometry
from dreamtalk.types import Image, Portrait

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


def right_eye(animator: MeshAnimator, model: FaceModel, gaze: float = 0.0, **actions: float) -> tuple[Image, Image]:
    """A frame of the expression as it is drawn, and the same without painted eyes: (h, w, 3) of the right eye."""
    expression = model.from_arkit(weights(**actions))
    displacement, closure = model.displacement(expression), model.lid_closure(expression)
    still, look = np.zeros(3, np.float32), np.array([gaze, 0.0, gaze, 0.0], np.float32)
    drawn = animator.frame_of(displacement, closure, still, still, look)
    bare = animator._warp(animator._shape(displacement, closure, still, still))
    x0, y0, x1, y1 = animator._eyes._eyes[0].box
    return drawn[y0:y1, x0:x1], bare[y0:y1, x0:x1]


def test_eyes_that_hardly_move_are_the_photos_own(renderer: MeshRenderer, closed: Portrait, model: FaceModel) -> None:
    animator = renderer.prepare(closed, None)
    for gaze, actions in ((0.003, {}), (0.0, {"eyeWide": 0.8}), (0.0, {"eyeBlink": 0.03})):
        drawn, bare = right_eye(animator, model, gaze, **actions)
        np.testing.assert_array_equal(drawn, bare)
    for gaze, actions in ((0.03, {}), (0.0, {"eyeBlink": 0.6})):
        drawn, bare = right_eye(animator, model, gaze, **actions)
        assert np.abs(drawn.astype(int) - bare).max() > 20, "and are painted when they do"


def test_a_widened_eye_that_looks_aside_has_no_pale_rim(closed: Portrait) -> None:
    canvas, _ = eye_canvas(closed, 2.0)
    layer = EyeLayer(canvas, geometry := FaceGeometry(canvas))
    eye = layer._eyes[0]
    raised = np.zeros((468, 3), np.float32)
    raised[list(topo.LID_UPPER[0][1:-1]), 1] = -1.4 * canvas.mm / canvas.iod
    still = np.zeros(3, np.float32)
    shape = geometry.shape(raised, still[:2], still, still)
    picture = np.full_like(canvas.image, 170)
    layer.draw(picture, shape, still[:2], np.full(4, 0.02, np.float32))
    line = np.rint(shape.vertices[eye.upper, :2][6:-6]).astype(int)
    below = picture[line[:, 1] + round(0.2 * eye.radius), line[:, 0]].mean(axis=1)
    assert below.max() < 0.6 * WHITE, "the upper lid's shadow goes up with the lid"


def test_shut_lids_do_not_draw_out_what_little_skin_is_above_them(closed: Portrait) -> None:
    """Deep-set eyes: hairs in the narrow strip between crease and lashes would become streaks."""
    rows = [np.asarray(row[0]) for row in (topo.CREASE_ROW, topo.LASH_ROW)]

    def roughness(gap_mm: float, glasses: bool = False) -> float:
        canvas, _ = eye_canvas(closed, 2.0)
        landmarks = canvas.landmarks.copy()
        landmarks[rows[0], 1] = landmarks[rows[1], 1] - gap_mm * canvas.mm
        hairs = canvas.image.copy()
        hairs[:, ::4] = (hairs[:, ::4] * 0.4).astype(np.uint8)
        if glasses:
            hairs[round(landmarks[6, 1]) :][: round(2 * canvas.mm)] = 10
        canvas = replace(canvas, image=hairs, landmarks=landmarks)
        eye = prepare_eye(canvas, FaceGeometry(canvas), 0)
        x = int(landmarks[rows[0][4], 0]) - eye.box[0]
        y = int((landmarks[rows[0][4], 1] + landmarks[rows[1][4], 1]) / 2) - eye.box[1]
        return float(np.abs(np.diff(eye.lids[y, x - 12 : x + 12].astype(float), axis=0)).mean())

    assert roughness(1.5) < 0.2 * roughness(9.0)
    assert roughness(1.5, glasses=True) == pytest.approx(roughness(9.0), rel=0.5), "rims of glasses stay"


def test_soften_takes_steps_out_of_a_line_and_leaves_the_rest() -> None:
    ys, xs = np.mgrid[0:24, 0:48]
    picture = np.where(ys < 8 + xs // 6, 40.0, 200.0).astype(np.float32)[..., None].repeat(3, axis=2)
    line = np.stack([np.arange(48.0), 8.0 + np.arange(48.0) / 6.0], axis=1)
    smooth = soften(picture, line, 0, 0)
    assert np.abs(np.diff(smooth[:, 4:44], axis=1)).max() < 0.75 * np.abs(np.diff(picture, axis=1)).max()
    far = np.abs(ys - (8 + xs / 6.0)) > 6
    np.testing.assert_allclose(smooth[far], picture[far], atol=0.5)
    np.testing.assert_array_equal(soften(picture, line, 0, 0, 0.0), picture)
