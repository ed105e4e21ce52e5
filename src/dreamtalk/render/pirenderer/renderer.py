"""PIRenderer behind the Renderer protocol: a portrait is framed and encoded once, then drawn in batches of frames."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import cv2
import numpy as np
import torch

from dreamtalk.errors import UnusableInput
from dreamtalk.render.pirenderer.framing import (
    Head,
    Square,
    cut,
    from_network,
    head_of,
    square_around,
    to_network,
)
from dreamtalk.render.pirenderer.layout import Layout, layout_of
from dreamtalk.render.pirenderer.network import PIRendererNetwork
from dreamtalk.render.pirenderer.windows import windows_of
from dreamtalk.types import Float, FrameStream, Image, Motion, Portrait

_BATCH = {"cpu": 1, "cuda": 16}
"""Frames drawn at once. On a CPU more are no faster: one frame's features already fill the caches."""
_MAX_SIDE = 2048


class PIRenderer:
    """Renderer that paints frames with a network: 256 px a side, enlarged where more are asked for."""

    def __init__(self, network: PIRendererNetwork, bfloat16: bool = False) -> None:
        """bfloat16: convolutions in 16 bits: nearly twice as fast on processors that have them, and a little different.

        Raises UnusableInput when the network's layout has not its number of coefficients.
        """
        self.layout = layout_of(network.layout)
        if self.layout.size != network.config.coefficients:
            raise UnusableInput(
                f"The renderer takes {network.config.coefficients} numbers per frame, "
                f"but its layout {network.layout} has {self.layout.size}."
            )
        self._format = torch.channels_last if bfloat16 else torch.contiguous_format  # what is faster on a CPU
        self._network = network.to(memory_format=self._format).eval()  # type: ignore[call-overload]
        self._bfloat16 = bfloat16

    @classmethod
    def load(cls, file: Path, device: str = "cpu", bfloat16: bool = False) -> PIRenderer:
        """With the weights of a file. Raises UnusableInput."""
        return cls(PIRendererNetwork.load(file, device), bfloat16)

    def prepare(self, portrait: Portrait, size: int | None = None) -> PIAnimator:
        """A portrait ready to move, framed around the head. size: of the frames, px; None as the network draws them.

        Raises UnusableInput for sizes out of range and faces too small.
        """
        side = self._network.config.side
        size = side if size is None else size
        if not 16 <= size <= _MAX_SIDE:
            raise UnusableInput(f"Frames can be 16 to {_MAX_SIDE} px wide, not {size}.")
        head = head_of(portrait.landmarks)
        square = square_around(head)
        picture = cut(portrait.image, square, side)
        return PIAnimator(self._network, self.layout, picture, (head, square), size - size % 2, self._bfloat16)


class PIAnimator:
    """Draws frames of one portrait.

    A frame depends on its neighbours (13 each way), so motion is best given whole, to `frames`; `frame` draws a moment
    as if the face rested in it.
    """

    def __init__(
        self,
        network: PIRendererNetwork,
        layout: Layout,
        picture: Image,
        place: tuple[Head, Square],
        size: int,
        bfloat16: bool = False,
    ) -> None:
        """picture: (side, side, 3) the framed portrait. place: its head, and the square cut, in the whole photo."""
        self._network, self._layout, self._place = network, layout, place
        self._size, self._bfloat16 = size, bfloat16
        self._device = next(network.parameters()).device
        self.picture = picture
        with torch.inference_mode(), self._precision():
            self._source = network.encode(torch.from_numpy(to_network(picture)[None]).to(self._device))

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the frames, px."""
        return self._size, self._size

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
        for windows in windows_of(rows, self._network.config.window, _BATCH[self._device.type]):
            yield from self._batch(windows)

    def _batch(self, windows: Float) -> Iterator[Image]:
        with torch.inference_mode(), self._precision():
            drawn = self._network.draw(self._source, torch.from_numpy(windows).to(self._device))
            assert drawn.picture is not None
            pictures = drawn.picture.float().cpu().numpy()
        for picture in from_network(pictures):
            if self._size == len(picture):
                yield picture
            else:
                larger = cv2.resize(picture, (self._size, self._size), interpolation=cv2.INTER_CUBIC)
                yield np.asarray(larger, dtype=np.uint8)

    def _precision(self) -> AbstractContextManager[object]:
        return torch.autocast(self._device.type, torch.bfloat16, enabled=self._bfloat16)
