"""CSIM with an embedding whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from dreamtalk.evaluate.identity import Identity
from dreamtalk.evaluate.likeness import cosine_distance
from dreamtalk.evaluate.metrics.csim import csim, named
from dreamtalk.evaluate.watching import CROP, Watched
from dreamtalk.face.align import canonical_face
from dreamtalk.types import FaceTrack, Float, Image


def colour(image: Image, landmarks: Float) -> Float:
    """The mean colour stands for who it is; landmarks are those of the crop."""
    assert landmarks.shape == (478, 3)
    assert landmarks[:, :2].min() > 0 and landmarks[:, :2].max() < CROP
    return np.asarray(image.mean(axis=(0, 1)), dtype=np.float32)


def film(frames: list[tuple[int, int, int]]) -> Watched:
    face = np.concatenate([canonical_face(), canonical_face()[:10]]) * 100 + 300
    track = FaceTrack(
        landmarks=np.tile(face, (len(frames), 1, 1)).astype(np.float32),
        expression=np.zeros((len(frames), 64), np.float32),
        pose=np.zeros((len(frames), 6), np.float32),
        gaze=np.zeros((len(frames), 4), np.float32),
        blendshapes=np.zeros((len(frames), 52), np.float32),
        valid=np.ones(len(frames), np.bool_),
        fps=25.0,
        face_space="mesh64",
    )
    crops = np.stack([np.full((CROP, CROP, 3), value, np.uint8) for value in frames])
    return Watched("film", crops, track, np.zeros(0, np.float32), (600, 600))


def test_one_person_is_one_and_half_of_a_stranger_is_half_way() -> None:
    identity = Identity("colour", colour, cosine_distance)
    red, green = (200, 0, 0), (0, 200, 0)
    real = film([red] * 20)
    assert csim(identity, real, real) == pytest.approx(1.0)
    assert csim(identity, film([red] * 10 + [green] * 10), real) == pytest.approx(0.5)
    assert csim(identity, film([green] * 20), real) == pytest.approx(0.0)
    assert named(identity).title == "CSIM (colour)"
