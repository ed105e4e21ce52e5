"""One portrait ready to move, and the renderer that makes it so."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import replace
from typing import Protocol

import numpy as np

from dreamtalk.face.arkit import ARKIT
from dreamtalk.parallel import mapped
from dreamtalk.render.mesh.canvas import Canvas, make_canvas
from dreamtalk.render.mesh.eyes import EyeLayer
from dreamtalk.render.mesh.geometry import FaceGeometry, Shape
from dreamtalk.render.mesh.matte import over_colour, own_colours, person_matte
from dreamtalk.render.mesh.mouth import MouthLayer
from dreamtalk.render.mesh.own_teeth import split_mouth
from dreamtalk.render.mesh.topology import LANDMARKS
from dreamtalk.render.mesh.warp import Texture, draw_photo
from dreamtalk.types import Float, FrameStream, Image, Motion, Portrait

_MARGIN_IOD = 0.5
"""How far beyond the picture's edges it is continued by mirroring; nothing moves further."""

_PARTING = ("jaw", "mouthUpperUp", "mouthLowerDown", "mouthFunnel", "mouthClose")
_SMILING = ("mouthSmile", "mouthDimple")
"""Names, or how they begin, of the ARKit scores that part the lips and that draw them wide."""
_SMILE_OFF = 0.4
"""Share of its smile that a photo with an open mouth loses: over teeth it is wider than a closed mouth's."""


_WARM_UP = (
    np.linspace(0.0, 0.2, 468 * 3, dtype=np.float32).reshape(468, 3),
    np.full(2, 0.5, np.float32),
    np.full(3, 0.05, np.float32),
    np.zeros(3, np.float32),
    np.full(4, 0.01, np.float32),
)
"""A frame in which everything moves: displacement, closure, rotation, translation, gaze."""


class ExpressionSpace(Protocol):
    """What the renderer needs of a face model; see dreamtalk.face.FaceModel."""

    def displacement(self, expression: Float) -> Float:
        """(E,) -> (468, 3) iod in the face frame, relative to neutral."""

    def lid_closure(self, expression: Float) -> Float:
        """(E,) -> (2,) closure of the right and left lid, 0 open to 1 shut."""

    def above_rest(self, blendshapes: Float) -> Float:
        """Tracker scores (52,) -> ARKit weights (52,) beyond those of a resting face."""

    def from_arkit(self, scores: Float) -> Float:
        """ARKit weights (52,) -> (E,)."""


class _Skin(threading.local):
    """Each thread's own copy of the photo that is warped, and how far its lids are painted over."""

    def __init__(self, picture: Image, margin: int, alpha: Image | None) -> None:
        self.texture = Texture.of(picture, margin, alpha)
        self.lids = (0.0, 0.0)


class MeshAnimator:
    """Draws frames of one portrait. The same arguments give the same bytes in any order and from any thread.

    canvas: the picture that moves, with its landmarks and measures.
    """

    def __init__(
        self, canvas: Canvas, space: ExpressionSpace, own: Float, threads: int = 1, alpha: Image | None = None
    ) -> None:
        """own: see _own_displacement. threads: how many `frames` uses. alpha: (H, W) of the picture; None: opaque."""
        self.canvas = canvas
        self._still = canvas.image if alpha is None else np.dstack([canvas.image, alpha])
        self._threads = threads
        self._space = space
        self._geometry = FaceGeometry(canvas)
        self._own = own if self._geometry.parted else None
        skin, own_teeth = split_mouth(canvas, self._geometry.photo_gap_mm)
        self._skin = _Skin(skin.copy(), round(_MARGIN_IOD * canvas.iod), alpha)
        nothing = np.zeros(3, np.float32)
        rest = self._shape(np.zeros_like(own), nothing[:2], nothing, nothing)
        self._eyes = EyeLayer(canvas, self._geometry)
        self._mouth = MouthLayer(canvas, self._geometry, rest, own_teeth)
        self._source = np.ascontiguousarray(self._geometry.source[:, :2])

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the frames, px."""
        height, width = self.canvas.image.shape[:2]
        return height, width

    def frames(self, motion: Iterable[Motion]) -> FrameStream:
        """Frames (H, W, 3) uint8 RGB of a motion given in one or more chunks, drawn by several threads."""
        rows = (
            row
            for chunk in motion
            for row in zip(
                chunk.expression, chunk.rotation, chunk.translation, chunk.gaze, _tongues(chunk), strict=True
            )
        )
        return mapped(lambda row: self.frame(*row), rows, self._threads)

    def frame(self, expression: Float, rotation: Float, translation: Float, gaze: Float, tongue: float = 0.0) -> Image:
        """One frame (H, W, 3) uint8 RGB, or (H, W, 4) RGBA; see Motion for the arguments, one frame each."""
        displacement, closure = self._space.displacement(expression), self._space.lid_closure(expression)
        return self.frame_of(displacement, closure, rotation, translation, gaze, tongue)

    def frame_of(
        self,
        displacement: Float,
        closure: Float,
        rotation: Float,
        translation: Float,
        gaze: Float,
        tongue: float = 0.0,
    ) -> Image:
        """One frame from (468, 3) displacement in iod and (2,) lid closure instead of expression."""
        shape = self._shape(displacement, closure, rotation, translation)
        self._paint_lids(closure)
        picture: Image = self._warp(shape)
        colours = picture[..., :3]
        self._eyes.draw(colours, shape, closure, gaze)
        self._mouth.draw(colours, shape, tongue)
        return picture

    def face_points(self, expression: Float, rotation: Float, translation: Float) -> Float:
        """(468, 3) px where that frame shows the points of the face: what the renderer means, for measuring."""
        displacement, closure = self._space.displacement(expression), self._space.lid_closure(expression)
        return self._shape(displacement, closure, rotation, translation).vertices[:LANDMARKS]

    def _shape(self, displacement: Float, closure: Float, rotation: Float, translation: Float) -> Shape:
        return self._geometry.shape(displacement, closure, rotation, translation, self._own)

    def _paint_lids(self, closure: Float) -> None:
        """Takes the eyes out of the photo that is warped as far as the lids are down."""
        lids = self._eyes.lids_shown(closure)
        if lids != self._skin.lids:
            self._eyes.paint_lids(self._skin.texture.picture, lids)
            self._skin.lids = lids

    def _warp(self, shape: Shape) -> Image:
        """The skin moved with the mesh; what does not move is the photo itself."""
        mesh, one_sided = self._geometry.mesh, self._geometry.one_sided
        picture: Image = self._still.copy()
        draw_photo(picture, self._skin.texture, shape.vertices, self._source, mesh.triangles, one_sided)
        return picture


class MeshRenderer:
    """Renderer that warps the portrait itself: any size, on the CPU, no learned weights."""

    def __init__(
        self,
        face_model: ExpressionSpace,
        threads: int = 1,
        *,
        transparent: bool = False,
        colour: tuple[int, int, int] | None = None,
    ) -> None:
        """threads: how many draw frames at the same time; the bytes do not depend on it. transparent: cut the person
        out: frames are (H, W, 4) RGBA, not premultiplied. colour: put this one (R, G, B) behind the person instead.
        """
        self._space, self._threads = face_model, threads
        self._transparent, self._colour = transparent, colour

    def prepare(self, portrait: Portrait, size: int | None = None) -> MeshAnimator:
        """A portrait ready to move, in its own size (None) or as a size x size cut around the head.

        Raises UnusableInput for pictures or sizes too small.
        """
        own = _own_displacement(self._space, portrait.blendshapes)
        canvas, alpha = self._cut_out(make_canvas(portrait, size))
        animator = MeshAnimator(canvas, self._space, own, self._threads, alpha)
        animator.frame_of(*_WARM_UP)  # compiles what is not yet compiled, so that the first frame is not late
        return animator

    def _cut_out(self, canvas: Canvas) -> tuple[Canvas, Image | None]:
        """The picture before its new background, and its alpha (H, W) if it stays transparent."""
        if not self._transparent and self._colour is None:
            return canvas, None
        matte = person_matte(canvas)
        if self._colour is not None:
            return replace(canvas, image=over_colour(canvas, matte, self._colour)), None
        return replace(canvas, image=own_colours(canvas, matte)), np.rint(matte * 255.0).astype(np.uint8)


def _tongues(motion: Motion) -> Iterable[float]:
    """Each frame's tongue."""
    return [0.0] * len(motion) if motion.tongue is None else motion.tongue.tolist()


def _own_displacement(space: ExpressionSpace, scores: Float) -> Float:
    """(468, 3) what is taken off a photo with an open mouth: all that parts its lips, and some of its smile."""
    parting = np.array([name.startswith(_PARTING) for name in ARKIT])
    smiling = np.array([name.startswith(_SMILING) for name in ARKIT])
    share = np.where(parting, 1.0, np.where(smiling, _SMILE_OFF, 0.0))
    return space.displacement(space.from_arkit((space.above_rest(scores) * share).astype(np.float32)))
