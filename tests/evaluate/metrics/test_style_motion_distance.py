"""SCD and MD against scipy, and what they are to tell."""

from __future__ import annotations

import numpy as np
import pytest

from dreamtalk.evaluate.metrics.motion_distance import motion_distance
from dreamtalk.evaluate.metrics.style_code_distance import code_distance, style_code_distance
from dreamtalk.face.arkit import weights
from dreamtalk.face.model import FaceModel
from dreamtalk.types import Float


def talk(seed: int, **actions: float) -> Float:
    """(100, 64) a mouth that opens and shuts, on a face that holds these actions."""
    rng, face = np.random.default_rng(seed), FaceModel.load()
    opening = np.abs(np.sin(np.arange(100) * 0.5 + rng.uniform(0, 3)))[:, None]
    held = face.from_arkit(weights(**actions)) if actions else np.zeros(64)
    return np.asarray(opening * face.from_arkit(weights(jawOpen=0.3)) + held, dtype=np.float32)


def test_distances_are_scipys() -> None:
    distance = pytest.importorskip("scipy.spatial.distance")
    rng = np.random.default_rng(0)
    code, others = rng.standard_normal(128).astype(np.float32), rng.standard_normal((5, 128)).astype(np.float32)
    assert code_distance(code, others) == pytest.approx(distance.cdist(code[None], others).mean(), rel=1e-9)
    made, real = rng.standard_normal((2, 30, 64)).astype(np.float32)
    expected = np.mean([distance.euclidean(a, b) for a, b in zip(made.astype(float), real.astype(float), strict=True)])
    assert motion_distance(made, real) == pytest.approx(expected, rel=1e-9)


def test_another_mood_is_farther_than_other_words_in_the_same() -> None:
    smile = {"mouthSmileLeft": 0.6, "mouthSmileRight": 0.6}
    frown = {"browDownLeft": 0.8, "browDownRight": 0.8, "mouthFrownLeft": 0.5, "mouthFrownRight": 0.5}
    same = style_code_distance(talk(0, **smile), talk(1, **smile))
    assert style_code_distance(talk(0, **smile), talk(0, **smile)) == 0.0
    assert style_code_distance(talk(0, **smile), talk(0, **frown)) > 3 * same
    assert style_code_distance(talk(0), talk(0, **frown)) > 3 * same


def test_delay_counts_in_the_motion_and_not_in_the_manner() -> None:
    real = talk(0)
    late = np.roll(real, 2, axis=0)
    assert motion_distance(real, real) == 0.0
    assert motion_distance(late, real) > 0.5 * motion_distance(np.zeros_like(real), real)
    assert style_code_distance(late, real) < 0.5 * style_code_distance(talk(0, mouthPucker=0.7), real)
    offset = np.full((100, 64), 0.125, np.float32)  # sqrt(64) / 8
    assert motion_distance(real + offset, real) == pytest.approx(1.0, abs=1e-6)


def test_nothing_to_compare() -> None:
    none = np.zeros((0, 64), np.float32)
    assert np.isnan(motion_distance(none, none)) and np.isnan(style_code_distance(none, talk(0)))
    with pytest.raises(ValueError, match="frame by frame"):
        motion_distance(talk(0), talk(0)[:50])
