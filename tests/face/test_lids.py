"""Blinks taken out of expression."""

from __future__ import annotations

import numpy as np

from dreamtalk.face.arkit import weights
from dreamtalk.face.lids import remove_blinks, running_median
from dreamtalk.face.model import FaceModel


def test_blinks_go_and_slow_lids_stay() -> None:
    model = FaceModel.load()
    blink, squint = model.from_arkit(weights(eyeBlink=1.0)), model.from_arkit(weights(browInnerUp=0.5))
    closing = np.zeros(120, np.float32)
    closing[[50, 51, 52]] = (0.5, 1.0, 0.6)
    expression = closing[:, None] * blink + squint
    cleaned = remove_blinks(expression.astype(np.float32), model)
    assert model.lid_closure(expression[51]).min() > 0.9
    assert model.lid_closure(cleaned).max() < 0.1
    np.testing.assert_allclose(cleaned[:40], expression[:40], atol=1e-4)
    drooping = np.tile(0.4 * blink, (120, 1)).astype(np.float32)
    np.testing.assert_allclose(remove_blinks(drooping, model), drooping, atol=1e-5)


def test_running_median_equals_its_definition() -> None:
    values = np.random.default_rng(0).random(40).astype(np.float32)
    padded = np.pad(values, (12, 12), mode="edge")
    assert running_median(values, 25).tolist() == [float(np.median(padded[i : i + 25])) for i in range(40)]
