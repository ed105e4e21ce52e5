"""PIRenderer behind the Renderer protocol: a portrait is framed and encoded once, then drawn in batches of frames."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from dreamtalk.errors import UnusableInput
from dreamtalk.render.mesh.canvas import MAX_SIDE, MIN_SIDE
from dreamtalk.render.pirenderer.framing import (
    Head,
    Square,
    cut,
    cut_values,
    from_network,
    head_of,
    square_around,
    to_network,
)
from dreamtalk.render.pirenderer.layout import Layout, layout_of
from dreamtalk.render.pirenderer.network import PIRendererNetwork
from dreamtalk.render.pirenderer.paste import Alone, PastedBack, Placing
from dreamtalk.render.pirenderer.precision import Precision, choose_type, computing
from dreamtalk.render.pirenderer.scene import Background, Rgb, Scene, scene_of
from dreamtalk.render.pirenderer.warping import warp
from dreamtalk.render.pirenderer.windows import windows_of
from dreamtalk.types import Float, FrameStream, Image, Motion, Portrait

_BATCH = {"cpu": 1, "cuda": 16}
"""Frames drawn in one pass. On a CPU more are no faster: one frame's features already fill the caches."""


class PIRenderer:
    """Renderer that paints the head with a network, 256 px a side, back into its place in the photo."""

    def __init__(
        self,
        network: PIRendererNetwork,
        precision: Precision = "auto",
        batch: int | None = None,
        *,
        transparent: bool = False,
        colour: Rgb | None = None,
    ) -> None:
        """precision: see precision.py. batch: frames in one pass of the network; None: what is fast on its device.
        transparent: frames are (H, W, 4) RGBA, not premultiplied. colour: put this one behind the person instead.

        Raises UnusableInput when the network's layout has not its number of coefficients.
        """
        self.layout = layout_of(network.layout)
        if self.layout.size != network.config.coefficients:
            raise UnusableInput(
                f"The renderer takes {network.config.coefficients} numbers per frame, "
                f"but its layout {network.layout} has {self.layout.size}."
            )
        device = next(network.parameters()).device.type
        self.number_type = choose_type(precision, device)
        exact = self.number_type == torch.float32
        form = torch.contiguous_format if exact else torch.channels_last  # what is faster
        self._network = network.to(memory_format=form).eval()  # type: ignore[call-overload]
        self._batch = _BATCH[device] if batch is None else batch
        self._background = Background(transparent, colour)

    @classmethod
    def load(cls, file: Path, device: str = "cpu", precision: Precision = "auto") -> PIRenderer:
        """With the weights of a file. Raises UnusableInput."""
        return cls(PIRendererNetwork.load(file, device), precision)

    def prepare(self, portrait: Portrait, size: int | None = None) -> PIAnimator:
        """A portrait ready to move.

        size None: the whole photo, the head drawn in its place. A number: the square around the head as the network
        draws it, so many px a side. Raises UnusableInput for sizes out of range and faces too small.
        """
        if size is not None and not MIN_SIDE <= size <= MAX_SIDE:
            raise UnusableInput(f"Frames can be {MIN_SIDE} to {MAX_SIDE} px wide, not {size}.")
        scene = scene_of(portrait, self._background, whole=size is None)
        head = head_of(scene.landmarks)
        square = square_around(head)
        placing: Placing = PastedBack(scene.still, square) if size is None else Alone(size - size % 2)
        return PIAnimator(self._network, self.layout, scene, (head, square), placing, (self.number_type, self._batch))


class PIAnimator:
    """Draws frames of one portrait.

    A frame depends on its neighbours (13 each way), so motion is best given whole, to `frames`; `frame` draws a moment
    as if the face rested in it.
    """

    def __init__(
        self,
        network: PIRendererNetwork,
        layout: Layout,
        scene: Scene,
        place: tuple[Head, Square],
        placing: Placing,
        numbers: tuple[torch.dtype, int],
    ) -> None:
        """place: the head in the scene, and the square to cut. numbers: format of the products; frames in a pass."""
        self._network, self._layout, self._place, self._placing = network, layout, place, placing
        self._type, self._frames_at_once = numbers
        self._device = next(network.parameters()).device
        side = network.config.side
        self.picture = cut(scene.image, place[1], side)
        self._person = self._person_in(scene, place[1], side)
        self._colour = _colour_values(scene.background, self._device)
        with torch.inference_mode(), computing(self._type, self._device.type):
            self._source = network.encode(self._on_device(to_network(self.picture)))

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the frames, px."""
        return self._placing.size

    def frame(self, expression: Float, rotation: Float, translation: Float, gaze: Float) -> Image:
        """One frame (H, W, 3) uint8 RGB, as if the face rested in this moment; see Motion for the arguments."""
        space = self._layout.face_space
        still = Motion(expression[None], rotation[None], translation[None], gaze[None], face_space=space)
        return next(self.frames([still]))

    def frames(self, motion: Iterable[Motion]) -> FrameStream:
        """Frames (H, W, 3) uint8 RGB of a motion given in one or more chunks; half a second behind it.

        Raises UnusableInput when a chunk is of another face space.
        """
        return self.draw(self._layout.rows(chunk, *self._place) for chunk in motion)

    def draw(self, rows: Iterable[Float]) -> FrameStream:
        """Frames of coefficient rows (n, C) themselves, in one or more chunks; see layout.py for their order."""
        for windows in windows_of(rows, self._network.config.window, self._frames_at_once):
            yield from self._batch(windows)

    def _batch(self, windows: Float) -> Iterator[Image]:
        with torch.inference_mode(), computing(self._type, self._device.type):
            drawn = self._network.draw(self._source, torch.from_numpy(windows).to(self._device))
            assert drawn.picture is not None
            pictures = self._before_background(drawn.picture.float(), drawn.flow)
        yield from map(self._placing.frame, from_network(pictures.cpu().numpy()))

    def _before_background(self, pictures: Tensor, flow: Tensor) -> Tensor:
        """Pictures (B, 3, H, W) before the plain colour, or with their cover as fourth channel, both in -1..1.

        Who is person moves as the picture's places do: looked up in the photo where the flow points.
        """
        if self._person is None:
            return pictures
        person = warp(self._person, flow, outside="border")
        correction, cover = person[:, :3], person[:, 3:]
        own = (pictures + correction).clamp(-1.0, 1.0)
        if self._colour is None:
            return torch.cat([own, 2.0 * cover - 1.0], dim=1)
        return cover * own + (1.0 - cover) * self._colour

    def _person_in(self, scene: Scene, square: Square, side: int) -> Tensor | None:
        """(1, 4, side, side): what takes the background's share out of the colours, and the cover."""
        if scene.cutout is None:
            return None
        correction = to_network(cut(scene.cutout.own, square, side)) - to_network(self.picture)
        cover = cut_values(scene.cutout.cover, square, side)[None]
        return self._on_device(np.concatenate([correction, cover]))

    def _on_device(self, values: Float) -> Tensor:
        """(C, H, W) as a batch of one."""
        return torch.from_numpy(values[None]).to(self._device)


def _colour_values(background: Background, device: torch.device) -> Tensor | None:
    """(3, 1, 1) in -1..1."""
    if background.colour is None:
        return None
    return torch.from_numpy(to_network(np.array(background.colour, np.uint8).reshape(1, 1, 3))).to(device)
