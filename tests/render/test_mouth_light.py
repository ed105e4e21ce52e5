"""The light in the mouth: whose teeth are bright, and when."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dreamtalk.render.mesh.canvas import Canvas, make_canvas
from dreamtalk.render.mesh.geometry import rotation_matrix
from dreamtalk.render.mesh.mouth_light import mouth_light
from dreamtalk.types import Portrait


@pytest.fixture(scope="module")
def canvas(closed: Portrait) -> Canvas:
    return make_canvas(closed, None)


def test_teeth_are_lit_by_a_raised_lip_and_by_a_lip_below_them(canvas: Canvas) -> None:
    light = mouth_light(canvas)
    rising = [light.upper_teeth(-raised, 6.0, 0.0) for raised in np.linspace(-2.0, 8.0, 21)]
    assert (np.diff(rising) >= 0.0).all() and rising[-1] > 1.2 * rising[0]
    falling = [light.upper_teeth(-1.0, gap, 0.0) for gap in (2.0, 8.0, 16.0)]
    assert falling == sorted(falling, reverse=True), "a jaw that falls brings no light"
    assert light.upper_teeth(1.0, 2.0, 1.0) == pytest.approx(rising[-1]), "f, v: teeth on the lower lip"


def test_small_photos_get_less_contrast(canvas: Canvas) -> None:
    coarse, sharp = (mouth_light(replace(canvas, mm=mm, zoom=1.0)) for mm in (0.7, 1.6))
    assert coarse.covered < sharp.covered and coarse.cavity > sharp.cavity and coarse.wet > sharp.wet
    assert mouth_light(replace(canvas, mm=1.4, zoom=2.0)) == coarse, "enlarging adds no detail"


def test_turned_heads_have_dimmer_upper_teeth(canvas: Canvas) -> None:
    front, aside, far = (
        mouth_light(replace(canvas, rotation=rotation_matrix(np.radians([0.0, yaw, 0.0])))).raised
        for yaw in (5.0, -20.0, 35.0)
    )
    assert far < aside < front
