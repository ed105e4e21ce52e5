"""The picture that the square is cut from and pasted back into, with the background that was asked for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dreamtalk.render.mesh.canvas import Canvas, make_canvas
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
class Cutout:
    """cover: (H, W) how much of each pixel is person, 0 to 1. own: (H, W, 3) uint8 RGB, the photo with the background's
    share taken out of its colours. still: (H, W, 3) or RGBA, not premultiplied: the photo before the new background."""

    cover: Float
    own: Image
    still: Image


@dataclass(frozen=True, slots=True)
class Scene:
    """image: (H, W, 3) uint8 RGB, the photo. landmarks: (478, 3) in its px. cutout: None where the background stays.

    The network sees the photo as it is, whatever comes behind the person: its norms run over the whole picture, and
    with another background the skin would have another colour, too.
    """

    image: Image
    landmarks: Float
    background: Background
    cutout: Cutout | None = None

    @property
    def still(self) -> Image:
        """What a pasted frame shows around the square: (H, W, 3), or (H, W, 4) RGBA, not premultiplied."""
        return self.image if self.cutout is None else self.cutout.still


def scene_of(portrait: Portrait, background: Background, whole: bool) -> Scene:
    """The photo before that background. whole: it will be shown, so its sides are made even and at most 2048 px.

    Raises UnusableInput for photos too small.
    """
    if background.kept and not whole:
        return Scene(portrait.image, portrait.landmarks, background)
    canvas = make_canvas(portrait, None)
    landmarks = canvas.landmarks.astype(np.float32)
    cutout = None if background.kept else _cut_out(canvas, background.colour)
    return Scene(canvas.image, landmarks, background, cutout)


def _cut_out(canvas: Canvas, colour: Rgb | None) -> Cutout:
    cover = person_matte(canvas)
    own = own_colours(canvas, cover)
    if colour is not None:
        return Cutout(cover, own, over_colour(canvas, cover, colour))
    return Cutout(cover, own, np.dstack([own, np.rint(cover * 255.0).astype(np.uint8)]))
