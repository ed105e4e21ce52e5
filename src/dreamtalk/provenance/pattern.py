"""The tile that the invisible mark repeats over the frame: waves with secret phases, some known, some with the payload.

A tile is a sum of waves that fit into it a whole number of times, so that copies of it join without seams. The marker
draws it; the detector measures the same waves. Both sides share nothing but this file.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache

import numpy as np

from dreamtalk.provenance.payload import CODED_BITS, Bits
from dreamtalk.types import Float

TILES = 4
"""Tiles along the shorter side of a frame: whatever size a video is scaled to, the count stays."""

MIN_TILE = 128
"""Smallest tile, px, of frames from SMALL on: shorter waves would not survive the video encoder."""

SMALL, _SMALL_MIN_TILE = 448, 80
"""Below this shorter side, px, tiles may be as small as the second: few pixels make it more important that the picture
has less strength in shorter waves. At 64 px they did not survive half size and the encoder, at 96 px they drowned."""

SHORTEST, LONGEST = 16.0, 5.3
"""Waves per tile of the finest and the coarsest wave: 8 and 24 px long in frames of 512 px, 5 and 15 in
frames of 256 px."""

_REPEATS = 2
"""How often every coded bit is in the tile."""

_KEY = b"dreamtalk invisible mark 1"
"""Phases come from this. It is public: the mark is for honest people, it does not withstand someone who removes it."""


@dataclass(frozen=True, slots=True)
class Waves:
    """Waves of one tile. x, y: (K,) times it fits into the tile's width and height (x >= 0). phase: (K,) in rad."""

    x: Bits
    y: Bits
    phase: Float

    def __len__(self) -> int:
        return len(self.x)


@cache
def known_waves() -> Waves:
    """Those that are the same in every video: they say that there is a mark, and where its tiles lie."""
    waves = _all_waves()
    return _some(waves, slice(_REPEATS * CODED_BITS // 2, None))


@cache
def payload_waves() -> Waves:
    """Those that carry the coded bits, two each, in order, repeated; their phases are those of the bits 0, 0."""
    return _some(_all_waves(), slice(0, _REPEATS * CODED_BITS // 2))


def phases_of(bits: Bits) -> Float:
    """Phases (K,) of the payload waves for coded bits (CODED_BITS,) of 0 and 1."""
    pairs = np.tile(bits, _REPEATS).reshape(-1, 2)
    # Gray order: neighbouring phases differ in one bit.
    quarter = np.array([[0, 3], [1, 2]])[pairs[:, 0], pairs[:, 1]]
    return np.asarray(payload_waves().phase + np.pi / 2 * quarter, np.float32)


def soft_bits(measured: np.ndarray) -> Float:
    """How much (CODED_BITS,) each coded bit looks like 1 (above 0) or 0 (below).

    measured: (K,) complex, the payload waves with the tile's offset taken out.
    """
    turned = measured * np.exp(1j * (np.pi / 4 - payload_waves().phase))
    pairs = -np.stack([turned.real, turned.imag], axis=1)
    # quarter 0: ++ (0, 0); 1: -+ (1, 0); 2: -- (1, 1); 3: +- (0, 1)
    return np.asarray(pairs.reshape(_REPEATS, CODED_BITS).sum(axis=0), np.float32)


def tile_side(height: int, width: int) -> float:
    """Side of the tile in frames of this size, px."""
    side = min(height, width)
    return max(float(_SMALL_MIN_TILE if side < SMALL else MIN_TILE), side / TILES)


def draw(height: int, width: int, bits: Bits) -> Float:
    """The mark (height, width) with these coded bits, all tiles, mean square 1."""
    known, payload = known_waves(), payload_waves()
    x = np.concatenate([known.x, payload.x])
    y = np.concatenate([known.y, payload.y])
    phase = np.concatenate([known.phase, phases_of(bits)])
    side = tile_side(height, width)
    reach = int(SHORTEST)
    strengths = np.zeros((2 * reach + 1, reach + 1), np.complex128)
    strengths[y + reach, x] = np.sqrt(2.0 / len(x)) * np.exp(1j * phase)
    down = np.exp(2j * np.pi / side * np.outer(np.arange(height), np.arange(-reach, reach + 1))) @ strengths
    across = np.exp(2j * np.pi / side * np.outer(np.arange(reach + 1), np.arange(width)))
    # The real part of down @ across, without a complex picture of many megapixels.
    parts = np.hstack([down.real, -down.imag]), np.vstack([across.real, across.imag])
    return np.asarray(parts[0].astype(np.float32) @ parts[1].astype(np.float32), np.float32)


@cache
def _all_waves() -> Waves:
    """Every wave between the coarsest and the finest, in an order that the key shuffles."""
    reach = int(SHORTEST)
    y, x = np.mgrid[-reach : reach + 1, 0 : reach + 1]
    length = np.hypot(x, y)
    half = (x > 0) | (y > 0)  # the other half are the same waves, seen from behind
    inside = (length >= LONGEST) & (length <= SHORTEST) & half
    x, y = x[inside], y[inside]
    noise = np.array([_random(index) for index in range(len(x))])
    order = np.argsort(noise[:, 0], kind="stable")
    return Waves(x[order], y[order], (2 * np.pi * noise[order, 1]).astype(np.float32))


def _random(index: int) -> tuple[float, float]:
    """Two numbers in [0, 1) for a wave; not from a library, whose generators may change."""
    digest = hashlib.sha256(_KEY + index.to_bytes(4, "big")).digest()
    return int.from_bytes(digest[:6], "big") / 2**48, int.from_bytes(digest[6:12], "big") / 2**48


def _some(waves: Waves, chosen: slice) -> Waves:
    return Waves(waves.x[chosen], waves.y[chosen], waves.phase[chosen])
