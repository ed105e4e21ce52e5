"""The picture that the square is cut from and pasted back into, with the background that was asked for."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from dreamtalk.render.mesh.canvas import make_canvas
from dreamtalk.render.mesh.matte import over_colour, own_colours, person_matte
from dreamtalk.types import Float, Image, Portrait

Rgb = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Background:
    """What is behind the person: the photo's own (neither given), nothing (transparent), or a colour (R, G, B)."""

    transparent: bool = False
    colour: Rgb | None = None

    @property
    def kept(self) -> bool:
        """Whether it is the photo's own."""
        return not self.transparent and self.colour is None


@dataclass(frozen=True, slots=True)
class Scene:
    """image: (H, W, 3) uint8 RGB. landmarks: (478, 3) in its px. matte: (H, W) how much of each pixel is person, 0 to
    1; None where the background is the photo's own. background: what was asked for."""

    image: Image
    landmarks: Float
    matte: Float | None
    background: Background

    @property
    def still(self) -> Image:
        """What a pasted frame shows around the square: (H, W, 3), or (H, W, 4) RGBA, not premultiplied."""
        if not self.background.transparent:
            return self.image
        assert self.matte is not None
        return np.dstack([self.image, np.rint(self.matte * 255.0).astype(np.uint8)])


def scene_of(portrait: Portrait, background: Background, whole: bool) -> Scene:
    """The photo before that background. whole: it will be shown, so its sides are made even and at most 2048 px.

    Raises UnusableInput for photos too small.
    """
    if background.kept and not whole:
        return Scene(portrait.image, portrait.landmarks, None, background)
    canvas = make_canvas(portrait, None)
    landmarks = canvas.landmarks.astype(np.float32)
    scene = Scene(canvas.image, landmarks, None, background)
    if background.kept:
        return scene
    matte = person_matte(canvas)
    if background.colour is not None:
        return replace(scene, image=over_colour(canvas, matte, background.colour), matte=matte)
    return replace(scene, image=own_colours(canvas, matte), matte=matte)
