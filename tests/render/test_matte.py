"""The person cut out: a face with a body before a wall of another colour, and the frames that come of it."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from dreamtalk.face import FaceModel
from dreamtalk.face.arkit import weights
from dreamtalk.provenance import Badge
from dreamtalk.render import MeshRenderer
from dreamtalk.render.mesh import topology as topo
from dreamtalk.render.mesh.canvas import make_canvas
from dreamtalk.render.mesh.matte import over_colour, own_colours, person_matte
from dreamtalk.types import Bool, Image, Portrait

WALL, SKIN, HAIR, COAT = (70, 130, 190), (205, 160, 130), (60, 40, 30), (150, 40, 50)


@pytest.fixture(scope="module")
def person(closed: Portrait) -> tuple[Portrait, Bool]:
    """Hair, face and coat before a wall with a little noise; and where the person is."""
    height, width = 520, 360
    landmarks = closed.landmarks + np.array([40, 60, 0], np.float32)
    image, where = np.full((height, width, 3), WALL, np.uint8), np.zeros((height, width), np.uint8)
    oval = landmarks[list(topo.OVAL), :2]
    centre = oval.mean(axis=0)
    chin = landmarks[topo.CHIN, :2]
    coat = chin + np.array([[-20, -20], [20, -20], [130, 190], [-130, 190]])
    hair = centre + (oval - centre) * (1.2, 1.3) + (0, -12)
    for outline, colour in ((coat, COAT), (hair, HAIR), (oval, SKIN)):
        points = np.rint(outline).astype(np.int32)
        cv2.fillPoly(image, [points], colour)
        cv2.fillPoly(where, [points], 1)
    noise = np.random.default_rng(0).normal(0, 5, image.shape)
    noisy = np.clip(image + noise, 0, 255).astype(np.uint8)
    box = np.concatenate([landmarks[:, :2].min(axis=0), landmarks[:, :2].max(axis=0)])
    return replace(closed, image=noisy, landmarks=landmarks, box=box), where > 0


def test_the_matte_is_where_the_person_is(person: tuple[Portrait, Bool]) -> None:
    portrait, where = person
    canvas = make_canvas(portrait, None)
    matte = person_matte(canvas)
    assert matte.shape == where.shape and matte.min() == 0.0 and matte.max() == 1.0
    assert ((matte > 0.5) & where).sum() / ((matte > 0.5) | where).sum() > 0.95
    np.testing.assert_array_equal(matte, person_matte(canvas))


def test_a_colour_stands_behind_and_no_wall_shines_through(person: tuple[Portrait, Bool]) -> None:
    portrait, where = person
    canvas = make_canvas(portrait, None)
    matte = person_matte(canvas)
    shown = over_colour(canvas, matte, (10, 200, 60)).astype(int)
    far = cv2.erode((~where).astype(np.uint8), np.ones((31, 31))) > 0
    assert np.abs(shown[far] - (10, 200, 60)).max() == 0
    np.testing.assert_array_equal(shown[matte >= 1.0], canvas.image[matte >= 1.0])
    edge = (matte > 0.2) & (matte < 0.8)
    assert edge.any()
    blue = own_colours(canvas, matte)[edge].astype(int)
    assert np.median(blue[:, 2] - blue[:, 0]) < 0, "the edge has the person's colours, not the wall's"


def rendered(model: FaceModel, portrait: Portrait, turn: float) -> Image:
    animator = MeshRenderer(model, transparent=True).prepare(portrait, None)
    still = np.zeros(3, np.float32)
    return animator.frame(
        model.from_arkit(weights(jawOpen=0.3)), np.array([0, 0, turn], np.float32), still, np.zeros(4, np.float32)
    )


def test_transparency_moves_with_the_head(model: FaceModel, person: tuple[Portrait, Bool]) -> None:
    portrait, where = person
    straight, turned = (rendered(model, portrait, turn)[..., 3].astype(int) for turn in (0.0, 0.15))
    assert straight.shape == where.shape
    assert (straight[where].mean() > 240) and (straight[~where].mean() < 15)
    chin = int(portrait.landmarks[topo.CHIN, 1])
    assert (np.abs(turned - straight)[: chin - 20] > 200).sum() > 50
    assert np.abs(turned - straight)[-20:].mean() < 1.0, "the body stands still"


def test_the_mark_is_seen_on_a_transparent_frame() -> None:
    frame = np.zeros((256, 256, 4), np.uint8)
    frame[..., 0] = 255
    marked = Badge(256, 256).draw(frame)
    mark = marked[..., 3] > 0
    assert 100 < mark.sum() < 3000
    assert mark[200:, 180:].sum() == mark.sum()
    assert marked[mark][:, :3].max() > 200
    assert marked[mark][:, :3].min() < 30, "the plate is dark, not the red that could not be seen"
