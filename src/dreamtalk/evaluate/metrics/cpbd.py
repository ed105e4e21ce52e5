"""CPBD: how sharp is a picture? The share of edges whose blur nobody would notice (Narvekar and Karam 2011)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dreamtalk.evaluate.scoring import Metric
from dreamtalk.types import Bool, Image

METRIC = Metric(
    name="cpbd",
    title="CPBD",
    unit="share",
    span="0 to 1",
    good="the real row",
    definition="Cumulative probability of blur detection of the luma: the share of vertical-edge pixels, in 64 px "
    "blocks that hold edges, whose width makes a blur that is noticed with a probability of at most 0.63 (beta 3.6; "
    "just noticeable width 5 px in blocks of contrast up to 50, else 3); mean over frames.",
    reference="N. D. Narvekar, L. J. Karam, IEEE Trans. Image Processing 20 (2011). Within 0.002 of the package "
    "cpbd-py312.",
    pitfalls="Depends on size and codec: compare frames of the same size and encoding. Noise and ringing count as "
    "sharp (AniPortrait scores above real video). A background that stands still counts as much as the face.",
)

_BLOCK = 64
"""px."""
_EDGES_IN_BLOCK = 0.002
"""Share of edge pixels from which a block counts."""
_BETA = 3.6
_LOW_CONTRAST = 50
"""Grey levels up to which an edge may be _WIDE."""
_WIDE, _NARROW = 5.0, 3.0
"""Just noticeable widths, px."""
_NOTICED = 0.63
"""Probability at the just noticeable width."""
_LONGEST = 100
"""px; a ramp longer than this is no edge."""


def cpbd(grey: Image) -> float:
    """CPBD of a picture (H, W) uint8, 0 (all blurred) to 1; nan where there are no edges or no whole block."""
    picture = grey.astype(np.float32)
    height, width = (side // _BLOCK * _BLOCK for side in grey.shape)
    if height == 0 or width == 0:
        return float("nan")
    widths = np.where(_vertical_edges(picture), _edge_widths(picture), 0)
    blocks = _blocks(picture[:height, :width])
    contrast = blocks.max(axis=1) - blocks.min(axis=1)
    busy = _blocks(_any_edges(grey)[:height, :width]).mean(axis=1) > _EDGES_IN_BLOCK
    just = np.where(contrast <= _LOW_CONTRAST, _WIDE, _NARROW)[busy, None]
    found = _blocks(widths[:height, :width])[busy]
    noticed = 1.0 - np.exp(-((found / just) ** _BETA))
    edges = found > 0
    if not edges.any():
        return float("nan")
    return float((np.round(noticed[edges], 2) <= _NOTICED).mean())


def _blocks(picture: NDArray[np.generic]) -> NDArray[np.generic]:
    """(H, W), both whole multiples of the block, to (blocks, pixels of a block)."""
    rows, columns = picture.shape[0] // _BLOCK, picture.shape[1] // _BLOCK
    split = picture.reshape(rows, _BLOCK, columns, _BLOCK).swapaxes(1, 2)
    return np.asarray(split.reshape(rows * columns, _BLOCK * _BLOCK))


def _any_edges(grey: Image) -> Bool:
    """Canny's edges, which say which blocks count."""
    from skimage.feature import canny

    return np.asarray(canny(grey.astype(np.float32)), dtype=np.bool_)  # type: ignore[no-untyped-call]


def _vertical_edges(picture: NDArray[np.float32]) -> Bool:
    """Thin vertical edges by Sobel's filter.

    The threshold compares a square with twice a root, as Octave and the package `cpbd` do, by which the field
    measures: with MATLAB's (four times the mean square) sharp pictures lose 0.14.
    """
    from skimage.filters import sobel_v

    # Half of scikit-image's filter: weights of absolute sum 1, as the threshold is not free of scale.
    strength = (0.5 * np.asarray(sobel_v(picture), dtype=np.float64)) ** 2  # type: ignore[no-untyped-call]
    strong = np.where(strength > 2.0 * np.sqrt(strength.mean()), strength, 0.0)
    padded = np.pad(strong, 1)
    across = (strong > padded[1:-1, :-2]) & (strong > padded[1:-1, 2:])
    down = (strong > padded[:-2, 1:-1]) & (strong > padded[2:, 1:-1])
    return np.asarray(across | down)


def _edge_widths(picture: NDArray[np.float32]) -> NDArray[np.intp]:
    """Width (H, W) px of the ramp along the row through every pixel (Marziliano et al. 2002); 0 where it is steeper
    across the row."""
    step = np.diff(picture, axis=1)
    rise, fall = _runs(step > 0), _runs(step < 0)
    down, across = np.gradient(picture)
    along = np.abs(across) * np.tan(np.pi / 8) >= np.abs(
        down
    )  # the gradient's angle, to the nearest 45 degrees, is 0 or 180
    width = np.where(across > 0, rise, fall)
    return np.where(along & (across != 0), np.minimum(width, _LONGEST), 0)


def _runs(steps: Bool) -> NDArray[np.intp]:
    """For every pixel of (H, W), steps (H, W - 1) being those between them: how wide
    the ramp of true steps around it is. Its two neighbours always belong to it; borders have none."""
    height, width = steps.shape[0], steps.shape[1] + 1
    before = np.zeros((height, width), dtype=np.intp)
    after = np.zeros((height, width), dtype=np.intp)
    for column in range(1, width):
        before[:, column] = np.where(steps[:, column - 1], before[:, column - 1] + 1, 0)
        after[:, -column - 1] = np.where(steps[:, -column], after[:, -column] + 1, 0)
    wide = np.zeros((height, width), dtype=np.intp)
    wide[:, 1:-1] = 2 + before[:, :-2] + after[:, 2:]
    return wide
