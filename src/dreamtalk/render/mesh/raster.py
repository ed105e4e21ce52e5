"""Inner loops of the mesh, compiled by numba: subdividing it and undoing its folds. The picture's are in warp.py."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
import numpy as np
from numpy.typing import NDArray

from dreamtalk.render.mesh.drawing import Index
from dreamtalk.types import Bool, Float

Function = TypeVar("Function", bound=Callable[..., Any])

_ARITHMETIC = {"nnan", "ninf", "nsz", "arcp", "contract"}
"""What LLVM may do to arithmetic: all of its fast mode but another order of sums. With that it unrolls our loops over a
few pixels into vector code that takes longer to compile and to run."""


def compiled(function: Function) -> Function:
    """numba.njit with the machine code kept on disk (beside this file, in numba's user folder or NUMBA_CACHE_DIR).

    Where none of these can be written the code is compiled anew in each process.
    """
    options: dict[str, Any] = {"fastmath": _ARITHMETIC, "error_model": "numpy", "nogil": True}
    try:
        return cast(Function, numba.njit(cache=True, **options)(function))
    except RuntimeError:
        return cast(Function, numba.njit(**options)(function))


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
            if not (bad[i] or bad[j] or bad[k]):
                continue  # sums are used where something is bad only
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
