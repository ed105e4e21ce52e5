"""Controls of a motion: each moves its own part and nothing else, and smoothing neither lags nor shuts eyes less."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dreamtalk.face import FaceModel
from dreamtalk.face.arkit import weights
from dreamtalk.motion.controls import Controls, controlled
from dreamtalk.motion.stream import joined
from dreamtalk.render.mesh import topology as topo
from dreamtalk.types import Float, Motion

FRAMES = 60
BROWS = [70, 63, 105, 66, 107, 336, 296, 334, 293, 300]
LIPS = [61, 13, 14, 291, 17, 0]


@pytest.fixture(scope="module")
def face() -> FaceModel:
    return FaceModel.load()


@pytest.fixture(scope="module")
def talk(face: FaceModel) -> Motion:
    """Somebody who speaks, raises the brows, blinks once and turns the head, a little shaky."""
    time = np.arange(FRAMES)
    scores = [
        weights(
            jawOpen=0.2 + 0.2 * np.sin(0.9 * t),
            browInnerUp=0.4 + 0.2 * np.sin(0.2 * t),
            eyeBlink=max(0.0, 1.0 - abs(t - 30) / 3),
        )
        for t in time
    ]
    shake = np.random.default_rng(1).normal(0.0, 0.004, (FRAMES, 3)).astype(np.float32)
    turn = (0.1 * np.sin(0.1 * time)[:, None] + shake).astype(np.float32)
    gaze = np.repeat(0.02 * np.sign(np.sin(0.3 * time))[:, None], 4, axis=1).astype(np.float32)
    tongue = (0.5 + 0.5 * np.sin(0.7 * time)).astype(np.float32)
    return Motion(face.from_arkit(np.stack(scores)), turn, turn * 0.5, gaze, tongue=tongue)


def changed(talk: Motion, face: FaceModel, controls: Controls) -> Motion:
    return joined(controlled([talk], controls, face))


def moved(face: FaceModel, motion: Motion, points: list[int]) -> Float:
    """(T,) mean length of the displacement of some points, iod."""
    return np.linalg.norm(face.displacement(motion.expression)[:, points], axis=-1).mean(axis=1)


def test_nothing_asked_for_changes_nothing(talk: Motion, face: FaceModel) -> None:
    assert next(controlled([talk], Controls(), face)) is talk


def test_lips_move_alone(talk: Motion, face: FaceModel) -> None:
    half = changed(talk, face, Controls(lips=0.5))
    np.testing.assert_allclose(moved(face, half, LIPS), 0.5 * moved(face, talk, LIPS), rtol=0.1, atol=2e-3)
    np.testing.assert_allclose(moved(face, half, BROWS), moved(face, talk, BROWS), atol=1e-3)
    np.testing.assert_array_equal(half.expression[:, list(face.upper)], talk.expression[:, list(face.upper)])
    for name in ("rotation", "translation", "gaze"):
        np.testing.assert_array_equal(getattr(half, name), getattr(talk, name))


@pytest.mark.parametrize("scale", [0.0, 0.5, 2.0])
def test_brows_move_alone_and_the_blink_stays(talk: Motion, face: FaceModel, scale: float) -> None:
    other = changed(talk, face, Controls(expression=scale))
    np.testing.assert_array_equal(other.expression[:, list(face.lower)], talk.expression[:, list(face.lower)])
    no_blink = np.r_[0:25, 36:FRAMES]
    np.testing.assert_allclose(
        moved(face, other, BROWS)[no_blink], scale * moved(face, talk, BROWS)[no_blink], rtol=0.15, atol=3e-3
    )
    np.testing.assert_allclose(face.lid_closure(other.expression), face.lid_closure(talk.expression), atol=0.02)
    assert face.lid_closure(other.expression).max() > 0.9


def test_head_and_irises_move_alone(talk: Motion, face: FaceModel) -> None:
    head, irises = changed(talk, face, Controls(pose=0.5)), changed(talk, face, Controls(gaze=0.0))
    np.testing.assert_allclose(head.rotation, 0.5 * talk.rotation)
    np.testing.assert_allclose(head.translation, 0.5 * talk.translation)
    np.testing.assert_array_equal(head.expression, talk.expression)
    np.testing.assert_array_equal(head.gaze, talk.gaze)
    assert not irises.gaze.any()
    np.testing.assert_array_equal(irises.rotation, talk.rotation)


def test_smoothing_calms_the_head_without_delay_and_leaves_lips_and_blinks(talk: Motion, face: FaceModel) -> None:
    calm = changed(talk, face, Controls(smoothing=1.5))

    def shaking(values: Float) -> float:
        return float(np.abs(np.diff(values, 2, axis=0)).mean())

    assert shaking(calm.rotation) < 0.25 * shaking(talk.rotation)
    lags = [
        float(np.corrcoef(calm.rotation[5 + lag : FRAMES - 5 + lag, 0], talk.rotation[5 : FRAMES - 5, 0])[0, 1])
        for lag in (-2, -1, 0, 1, 2)
    ]
    assert int(np.argmax(lags)) == 2, "neither early nor late"
    np.testing.assert_array_equal(calm.expression[:, list(face.lower)], talk.expression[:, list(face.lower)])
    np.testing.assert_array_equal(calm.gaze, talk.gaze)
    np.testing.assert_allclose(face.lid_closure(calm.expression), face.lid_closure(talk.expression), atol=0.03)


@pytest.mark.parametrize("size", [1, 7, 25, 59])
def test_chunks_give_what_the_whole_gives(talk: Motion, face: FaceModel, size: int) -> None:
    def piece(start: int) -> Motion:
        rows = slice(start, start + size)
        return replace(
            talk,
            expression=talk.expression[rows],
            rotation=talk.rotation[rows],
            translation=talk.translation[rows],
            gaze=talk.gaze[rows],
            tongue=None if talk.tongue is None else talk.tongue[rows],
        )

    controls = Controls(0.8, 1.1, 0.9, 1.0, 1.2)
    whole = changed(talk, face, controls)
    parts = joined(controlled((piece(start) for start in range(0, FRAMES, size)), controls, face))
    assert len(parts) == len(whole) == FRAMES
    for name in ("expression", "rotation", "translation", "gaze", "tongue"):
        np.testing.assert_allclose(getattr(parts, name), getattr(whole, name), atol=1e-6)


def test_the_points_named_here_are_brows_and_lips() -> None:
    assert set(LIPS) & set(topo.LIP_OUTER)
    assert not set(BROWS) & set(topo.LIP_OUTER)
