"""The inner loops, compiled by numba: drawing triangles into a sampling map, and undoing folds of the mesh."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
import numpy as np
from numpy.typing import NDArray

from dreamtalk.render.mesh.drawing import Index
from dreamtalk.types import Bool, Float

Function = TypeVar("Function", bound=Callable[..., Any])


def compiled(function: Function) -> Function:
    """numba.njit with the machine code kept on disk (beside this file, in numba's user folder or NUMBA_CACHE_DIR).

    Where none of these can be written the code is compiled anew in each process.
    """
    try:
        return cast(Function, numba.njit(cache=True, fastmath=True)(function))
    except RuntimeError:
        return cast(Function, numba.njit(fastmath=True)(function))


_EDGE = 1e-4
"""Slack at triangle edges in barycentric units, so that neighbours leave no seam."""


@compiled
def moving_triangles(
    target: Float, source: Float, triangles: Index, least: float, moving: Bool, spans: Float, rows: int
) -> None:
    """Marks the triangles with a point that moves by more than `least` px in moving (M,).

    spans: (strips, 2) receives the columns from and to which they reach, for each strip of `rows` rows of the picture;
    from > to where nothing moves.
    """
    strips = spans.shape[0]
    spans[:, 0], spans[:, 1] = 1e9, -1e9
    for t in range(triangles.shape[0]):
        moves = False
        x0, y0, x1, y1 = np.float32(1e9), np.float32(1e9), np.float32(-1e9), np.float32(-1e9)
        for corner in range(3):
            n = triangles[t, corner]
            x, y = target[n, 0], target[n, 1]
            if abs(x - source[n, 0]) > least or abs(y - source[n, 1]) > least:
                moves = True
            x0, x1, y0, y1 = min(x0, x), max(x1, x), min(y0, y), max(y1, y)
        moving[t] = moves
        if moves and y1 >= 0.0:
            for strip in range(max(0, int(y0 - 1) // rows), min(strips - 1, int(y1 + 1) // rows) + 1):
                spans[strip, 0], spans[strip, 1] = min(spans[strip, 0], x0), max(spans[strip, 1], x1)


@compiled
def apply_stencils(start: Index, columns: Index, weights: Float, values: Float) -> Float:
    """Product of a sparse matrix in compressed rows with values (columns, C) float32."""
    result = np.zeros((start.shape[0] - 1, values.shape[1]), np.float32)
    for row in range(result.shape[0]):
        for entry in range(start[row], start[row + 1]):
            for c in range(values.shape[1]):
                result[row, c] += weights[entry] * values[columns[entry], c]
    return result


@compiled
def _clip_span(low: float, high: float, ax: float, p: float, c: float) -> tuple[float, float]:
    """The part of a row from low to high where a corner's weight c + p (x - ax) is not negative."""
    if p > 0:
        return max(low, ax + (-_EDGE - c) / p), high
    if p < 0:
        return low, min(high, ax + (-_EDGE - c) / p)
    if c < -_EDGE:
        return low, low - 1.0
    return low, high


@compiled
def draw_map(
    target: Float,
    source: Float,
    triangles: Index,
    one_sided: Bool,
    moving: Bool,
    map_x: Float,
    map_y: Float,
    depth: Float,
    x0: float,
    y0: float,
) -> None:
    """Draws triangles (M, 3) with their photo coordinates into a sampling map, nearest first.

    target: (N, 3) px and depth, smaller is nearer. source: (N, 2) photo px. one_sided: (M,) triangles that are skipped
    when they are turned over. moving: (M,) the others are skipped. map_x, map_y: (h, w) photo coordinates of each
    pixel, and depth: (h, w), of the region whose upper left pixel is (x0, y0).
    """
    height, width = map_x.shape
    single = np.float32
    for t in range(triangles.shape[0]):
        if not moving[t]:
            continue
        i, j, k = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        ay, by, cy = np.float64(target[i, 1]) - y0, np.float64(target[j, 1]) - y0, np.float64(target[k, 1]) - y0
        first = max(0, int(np.ceil(min(ay, by, cy) - _EDGE)))
        last = min(height - 1, int(np.floor(max(ay, by, cy) + _EDGE)))
        if last < first:
            continue
        ax, bx, cx = np.float64(target[i, 0]) - x0, np.float64(target[j, 0]) - x0, np.float64(target[k, 0]) - x0
        area = (bx - ax) * (cy - ay) - (cx - ax) * (by - ay)
        if abs(area) <= 1e-6 or (one_sided[t] and area < 0.0):
            continue
        # weight of a corner at (x, y): c + p (x - ax), where c depends on y only
        p1, q1 = (cy - ay) / area, -(cx - ax) / area
        p2, q2 = -(by - ay) / area, (bx - ax) / area
        p0, q0 = -p1 - p2, -q1 - q2
        du = single(p0 * source[i, 0] + p1 * source[j, 0] + p2 * source[k, 0])
        dv = single(p0 * source[i, 1] + p1 * source[j, 1] + p2 * source[k, 1])
        dz = single(p0 * target[i, 2] + p1 * target[j, 2] + p2 * target[k, 2])
        for y in range(first, last + 1):
            c0, c1, c2 = 1.0 + q0 * (y - ay), q1 * (y - ay), q2 * (y - ay)
            low, high = _clip_span(min(ax, bx, cx) - _EDGE, max(ax, bx, cx) + _EDGE, ax, p0, c0)
            low, high = _clip_span(low, high, ax, p1, c1)
            low, high = _clip_span(low, high, ax, p2, c2)
            left, right = max(0, int(np.ceil(low))), min(width - 1, int(np.floor(high)))
            w1, w2 = c1 + p1 * (left - ax), c2 + p2 * (left - ax)
            w0 = 1.0 - w1 - w2
            u = single(w0 * source[i, 0] + w1 * source[j, 0] + w2 * source[k, 0])
            v = single(w0 * source[i, 1] + w1 * source[j, 1] + w2 * source[k, 1])
            z = single(w0 * target[i, 2] + w1 * target[j, 2] + w2 * target[k, 2])
            for x in range(left, right + 1):
                if z < depth[y, x]:
                    depth[y, x] = z
                    map_x[y, x] = u
                    map_y[y, x] = v
                u += du
                v += dv
                z += dz


@compiled
def relax_folds(
    rest: NDArray[np.float64],
    moved: NDArray[np.float64],
    triangles: Index,
    winding: Float,
    fixed: Bool,
    rounds: int,
    least_area: float,
    pace: float,
) -> int:
    """Smooths the displacement `moved` (N, 3) in place where triangles shrink below `least_area` of their rest area.

    fixed: (N,) points that must not give way. pace: share of the way to the neighbours' mean per round. Returns the
    number of triangles still too small.
    """
    points = rest.shape[0]
    bad = np.zeros(points, np.bool_)
    total = np.zeros((points, 3))
    count = np.zeros(points)
    small = 0
    for turn in range(rounds + 1):
        bad[:] = False
        small = 0
        for t in range(triangles.shape[0]):
            i, j, k = triangles[t, 0], triangles[t, 1], triangles[t, 2]
            ex, ey = rest[j, 0] - rest[i, 0], rest[j, 1] - rest[i, 1]
            fx, fy = rest[k, 0] - rest[i, 0], rest[k, 1] - rest[i, 1]
            before = (ex * fy - fx * ey) * winding[t]
            if before < 1.0:
                continue
            ex, ey = ex + moved[j, 0] - moved[i, 0], ey + moved[j, 1] - moved[i, 1]
            fx, fy = fx + moved[k, 0] - moved[i, 0], fy + moved[k, 1] - moved[i, 1]
            if (ex * fy - fx * ey) * winding[t] < least_area * before:
                bad[i] = bad[j] = bad[k] = True
                small += 1
        if small == 0 or turn == rounds:
            break
        total[:] = 0.0
        count[:] = 0.0
        for t in range(triangles.shape[0]):
            i, j, k = triangles[t, 0], triangles[t, 1], triangles[t, 2]
            for c in range(3):
                total[i, c] += moved[j, c] + moved[k, c]
                total[j, c] += moved[i, c] + moved[k, c]
                total[k, c] += moved[i, c] + moved[j, c]
            count[i] += 2.0
            count[j] += 2.0
            count[k] += 2.0
        for n in range(points):
            if bad[n] and not fixed[n] and count[n] > 0:
                for c in range(3):
                    moved[n, c] += pace * (total[n, c] / count[n] - moved[n, c])
    return small
