"""Chance keyed by the absolute frame: the same seed gives the same numbers, whatever chunks they are asked in."""

from __future__ import annotations

import numpy as np

from dreamtalk.types import Float

_BLOCK = 64
"""Frames drawn at once; a block depends on nothing but seed, stream and its number."""

_KEY_BITS = 64

BLINK, GAZE, HEAD, BROWS = 1, 2, 3, 4
"""Streams: who draws. Numbers of different streams have nothing to do with each other."""


class Chance:
    """Random numbers for frame 0, 1, 2, ... of one stream."""

    def __init__(self, seed: int, stream: int, width: int) -> None:
        """width: how many numbers of each kind a frame may need."""
        self._key = np.array([seed % 2**_KEY_BITS, stream], dtype=np.uint64)
        self._width = width
        self._block = -1
        self._uniform = self._normal = np.empty((0, width), dtype=np.float32)

    def uniform(self, frame: int) -> Float:
        """(width,) numbers in 0..1."""
        self._draw(frame // _BLOCK)
        return np.asarray(self._uniform[frame % _BLOCK])

    def normal(self, frame: int) -> Float:
        """(width,) numbers with mean 0 and standard deviation 1."""
        self._draw(frame // _BLOCK)
        return np.asarray(self._normal[frame % _BLOCK])

    def _draw(self, block: int) -> None:
        if block == self._block:
            return
        source = np.random.Generator(np.random.Philox(key=self._key, counter=[0, 0, 0, block]))
        self._uniform = source.random((_BLOCK, self._width), dtype=np.float32)
        self._normal = source.standard_normal((_BLOCK, self._width), dtype=np.float32)
        self._block = block
