"""How blurred and how dark a photo is."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from dreamtalk.render.mesh.canvas import make_canvas
from dreamtalk.render.mesh.photo_look import photo_look
from dreamtalk.types import Portrait


@pytest.mark.parametrize("blur", [1.0, 2.0])
def test_blur_is_measured(astronaut: Portrait, blur: float) -> None:
    canvas = make_canvas(astronaut, None)
    before = photo_look(canvas).blur
    after = photo_look(replace(canvas, image=np.asarray(cv2.GaussianBlur(canvas.image, (0, 0), blur), np.uint8))).blur
    assert after == pytest.approx(np.hypot(before, blur), rel=0.35)


def test_haze_lifts_the_darkest_parts(astronaut: Portrait) -> None:
    canvas = make_canvas(astronaut, 256)
    hazy = replace(canvas, image=(60 + canvas.image * (195 / 255)).astype(np.uint8))
    assert photo_look(canvas).darkest < 60
    assert photo_look(hazy).darkest == pytest.approx(60 + photo_look(canvas).darkest * 195 / 255, abs=3)


def test_a_picture_of_one_colour_has_no_blur(astronaut: Portrait) -> None:
    canvas = make_canvas(astronaut, 256)
    look = photo_look(replace(canvas, image=np.full_like(canvas.image, 90)))
    assert look.blur == 0.0
    assert look.darkest == pytest.approx(90)
