"""Dots painted on a photo are found where they are, to a part of a pixel, and nowhere else."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from dreamtalk.evaluate.painted import dot_distances, with_dots
from dreamtalk.face import FaceModel
from dreamtalk.types import Float, Portrait


@pytest.fixture(scope="module")
def portrait() -> Portrait:
    """The mean face on skin with noise, 100 px between its outer eye corners."""
    model = FaceModel.load()
    points = (model.mean * 100.0 + (200.0, 200.0, 0.0)).astype(np.float32)
    marks = np.concatenate([points, np.repeat(points[[33]], 10, axis=0)])
    noise = np.random.default_rng(0).integers(-6, 7, (400, 400, 3))
    image = np.clip(np.full((400, 400, 3), (190, 150, 130)) + noise, 0, 255).astype(np.uint8)
    box = np.array([0.0, 0.0, 400.0, 400.0], np.float32)
    rest = np.zeros(52, np.float32)
    return Portrait(image, marks, np.eye(3, dtype=np.float32), rest, np.zeros(32, np.float32), box)


def test_a_wider_picture_has_its_dots_further_apart(portrait: Portrait) -> None:
    dotted = with_dots(portrait)
    assert (dotted.image != portrait.image).any(axis=2).sum() < 100, "two small dots"
    rest: Float = portrait.landmarks[:468]
    corners = float(np.linalg.norm(rest[291, :2] - rest[61, :2]))
    frames, meshes = [], []
    for share in (1.0, 1.03, 1.06):
        matrix = np.array([[share, 0.0, 200.0 * (1.0 - share)], [0.0, 1.0, 0.0]])
        frames.append(np.asarray(cv2.warpAffine(dotted.image, matrix, (400, 400), flags=cv2.INTER_CUBIC), np.uint8))
        meshes.append(rest)  # the mesh only says where to look: a renderer that lies about it is found out
    found = dot_distances(frames, np.stack(meshes), rest)
    np.testing.assert_allclose(found, (corners + 4.0) * np.array([1.0, 1.03, 1.06]), atol=0.3)


def test_no_dots_no_number(portrait: Portrait) -> None:
    bare = replace(portrait, image=portrait.image.copy())
    assert np.isnan(dot_distances([bare.image], portrait.landmarks[None, :468], portrait.landmarks[:468])).all()
