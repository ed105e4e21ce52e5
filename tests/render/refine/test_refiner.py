"""The refinement of mouth and eyes: untrained it changes nothing, trained it stays where it may be."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from dreamtalk.errors import UnusableInput
from dreamtalk.face import FaceModel
from dreamtalk.face.arkit import weights
from dreamtalk.render.mesh import topology as topo
from dreamtalk.render.mesh.canvas import make_canvas
from dreamtalk.render.refine import RefineConfig, RefineNetwork, Refiner
from dreamtalk.render.refine.layers import LayeredAnimator, Layers
from dreamtalk.render.refine.network import skin_shift
from dreamtalk.render.refine.regions import REGIONS, SIDE, crop_matrix, cut, maps, outlines, to_crop, window
from dreamtalk.types import Image, Portrait

MOUTH, RIGHT, LEFT = REGIONS
TINY = RefineConfig(width=4)


@pytest.fixture(scope="module")
def speaking(closed: Portrait, model: FaceModel) -> Layers:
    """The drawn face with an open mouth, turned a little."""
    animator = LayeredAnimator(closed, model)
    open_mouth = model.from_arkit(weights(jawOpen=0.6))
    return animator.layers(open_mouth, np.array([0.0, 0.05, 0.1], np.float32), np.zeros(4, np.float32))


def trained() -> RefineNetwork:
    """A network that does something: its last layers do not start at zero."""
    torch.manual_seed(0)
    network = RefineNetwork(TINY)
    for one in (network.mouth, network.eye):
        last = next(layer for layer in one.leave if isinstance(layer, torch.nn.Conv2d))
        torch.nn.init.normal_(last.weight, 0.0, 0.5)
        torch.nn.init.normal_(last.bias, 0.0, 0.5)
    return network


def refined(network: RefineNetwork, portrait: Portrait, layers: Layers) -> Image:
    picture = layers.drawn.copy()
    Refiner(network, make_canvas(portrait, None)).draw(picture, layers.shape)
    return picture


def test_untrained_it_changes_no_bit(closed: Portrait, speaking: Layers) -> None:
    assert np.array_equal(refined(RefineNetwork(TINY), closed, speaking), speaking.drawn)


def test_only_mouth_and_eyes_change_and_twice_the_same(closed: Portrait, speaking: Layers) -> None:
    once, again = (refined(trained(), closed, speaking) for _ in range(2))
    assert np.array_equal(once, again)
    changed = np.abs(once.astype(int) - speaking.drawn).max(axis=2) > 0
    near = np.zeros(changed.shape, np.uint8)
    for each in REGIONS:
        outline = np.rint(speaking.shape.vertices[list(each.outer), :2]).astype(np.int32)
        cv2.fillPoly(near, [outline], 1)
        x, y = outline.mean(axis=0).astype(int)
        assert changed[y - 3 : y + 4, x - 3 : x + 4].any(), f"the {each.name} was not touched"
    far = cv2.dilate(near, np.ones((51, 51), np.uint8)) == 0
    assert not changed[far].any()


def test_layers_tell_painted_from_warped(closed: Portrait, speaking: Layers) -> None:
    mouth = np.rint(speaking.shape.vertices[list(MOUTH.hole), :2].mean(axis=0)).astype(int)
    x, y = mouth
    assert np.abs(speaking.drawn[y, x].astype(int) - speaking.warped[y, x]).max() > 5, "a mouth was painted"
    assert not np.array_equal(speaking.rigid, speaking.warped)
    assert speaking.rigid.shape == closed.image.shape


def test_crops_are_centred_level_and_the_left_eye_mirrored(closed: Portrait) -> None:
    marks = closed.landmarks.astype(np.float64)
    angle = np.array([[np.cos(0.3), -np.sin(0.3)], [np.sin(0.3), np.cos(0.3)]])
    turned = marks.copy()
    turned[:, :2] = marks[:, :2] @ angle.T
    for each in REGIONS:
        placed = to_crop(crop_matrix(each, turned, 90.0), turned)
        assert np.allclose(placed[list(each.outer)].mean(axis=0), (SIDE - 1) / 2, atol=0.01)
        assert np.allclose(placed, to_crop(crop_matrix(each, marks, 90.0), marks), atol=0.01), "it turns with the head"
    inner_right = to_crop(crop_matrix(RIGHT, marks, 90.0), marks)[133, 0]
    inner_left = to_crop(crop_matrix(LEFT, marks, 90.0), marks)[362, 0]
    assert inner_right > SIDE / 2 and inner_left > SIDE / 2, "both noses are on the same side"


def test_a_larger_picture_has_the_same_crop(closed: Portrait) -> None:
    smooth = np.asarray(cv2.GaussianBlur(closed.image, (0, 0), 3.0), np.uint8)
    large = np.asarray(cv2.resize(smooth, None, fx=4, fy=4, interpolation=cv2.INTER_CUBIC), np.uint8)
    marks = closed.landmarks * 4.0 + 1.5
    small = cut(smooth, crop_matrix(MOUTH, closed.landmarks, 90.0))
    assert np.abs(small.astype(int) - cut(large, crop_matrix(MOUTH, marks, 360.0))).mean() < 1.5


def test_maps_say_where_the_mouth_is_open(closed: Portrait, speaking: Layers) -> None:
    points = speaking.shape.vertices
    hole, outer, opening = outlines(MOUTH, crop_matrix(MOUTH, points, 90.0), points)
    inside, to_hole, to_outer, gap = maps(hole, outer, opening)
    shut = outlines(MOUTH, crop_matrix(MOUTH, closed.landmarks, 90.0), closed.landmarks)
    assert gap.max() == pytest.approx(opening) and opening > 3 * shut[2]
    assert inside.sum() > 3 * maps(*shut)[0].sum()
    assert to_hole[inside > 0.9].max() < 0 and to_outer[inside > 0.9].max() < 0
    assert window(outer)[0].max() == 0 and window(outer)[inside > 0.5].min() > 0.99


def test_a_colour_shift_of_all_skin_is_found_whole() -> None:
    change = torch.full((1, 3, SIDE, SIDE), 0.1)
    skin = torch.ones(1, 1, SIDE, SIDE)
    skin[..., 40:60, 20:80] = 0.0
    found = skin_shift(change, skin)
    assert float((found - 0.1)[skin.expand_as(found) > 0].abs().max()) < 0.02


def test_files_come_back_and_others_are_refused(tmp_path: Path, closed: Portrait, speaking: Layers) -> None:
    file = tmp_path / "refine.safetensors"
    network = trained()
    network.save(file)
    found = RefineNetwork.load(file)
    assert found.config == TINY
    before, after = refined(network, closed, speaking), refined(found, closed, speaking)
    assert np.abs(before.astype(int) - after).max() <= 2, "fp16 weights"
    file.write_bytes(b"no model")
    with pytest.raises(UnusableInput, match="weights file"):
        RefineNetwork.load(file)


def test_a_face_beyond_the_edge_is_no_trouble(closed: Portrait, speaking: Layers) -> None:
    moved = speaking.shape.vertices + np.array([400.0, 0.0, 0.0], np.float32)
    picture = speaking.drawn.copy()
    Refiner(trained(), make_canvas(closed, None)).draw(picture, replace(speaking.shape, vertices=moved))
    assert np.array_equal(picture, speaking.drawn)
    assert len(moved) > topo.LANDMARKS
