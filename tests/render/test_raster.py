"""The compiled loops: what they draw, and that they run where nothing can be cached."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
import numpy as np
import pytest

from dreamtalk.render.mesh.raster import compiled, relax_folds
from dreamtalk.render.mesh.warp import draw_map
from dreamtalk.types import Float

SQUARE = np.array([[2, 2], [12, 2], [12, 12], [2, 12]], np.float32)
TRIANGLES = np.array([[0, 1, 2], [0, 2, 3]], np.int32)


def drawn(target: Float, one_sided: bool = False) -> tuple[Float, Float]:
    """Sampling map (16, 16) of the square drawn at target (4, 3); -1 where nothing is drawn."""
    map_x, map_y = np.full((16, 17), -1.0, np.float32)[:, :16], np.full((16, 17), -1.0, np.float32)[:, :16]
    depth = np.full((16, 17), 1e9, np.float32)[:, :16]
    every = np.arange(2, dtype=np.int32)
    draw_map(target, SQUARE, TRIANGLES, every, np.full(2, one_sided), map_x, map_y, depth, 0, 0)
    return map_x, map_y


def with_depth(points: Float, z: float = 0.0) -> Float:
    return np.column_stack([points, np.full(len(points), z)]).astype(np.float32)


def test_shifted_square_reads_from_where_it_was() -> None:
    map_x, map_y = drawn(with_depth(SQUARE + np.array([1.5, -1.0], np.float32)))
    ys, xs = np.mgrid[2:11, 5:13]
    np.testing.assert_allclose(map_x[2:11, 5:13], xs - 1.5, atol=1e-4)
    np.testing.assert_allclose(map_y[2:11, 5:13], ys + 1.0, atol=1e-4)
    assert (map_x[:, 14:] == -1).all(), "outside nothing is drawn"


def test_neighbours_leave_no_seam() -> None:
    turned = SQUARE @ np.array([[0.96, 0.28], [-0.28, 0.96]], np.float32) + np.array([3.3, -0.7], np.float32)
    map_x, _ = drawn(with_depth(turned))
    rows = [row[row >= 0] for row in map_x]
    assert all((np.diff(row) > 0).all() for row in rows if len(row) > 1)
    assert sum(len(row) for row in rows) > 85


def test_turned_over_triangles_show_only_when_two_sided() -> None:
    mirrored = with_depth(SQUARE * np.array([-1, 1], np.float32) + np.array([14, 0], np.float32))
    assert (drawn(mirrored)[0] >= 0).any()
    assert not (drawn(mirrored, one_sided=True)[0] >= 0).any()


def test_folds_are_smoothed_but_fixed_points_stay() -> None:
    rest = np.array([[x, y, 0.0] for y in range(0, 50, 10) for x in range(0, 50, 10)])
    cells = [(5 * r + c, 5 * r + c + 1, 5 * r + c + 5) for r in range(4) for c in range(4)]
    cells += [(5 * r + c + 1, 5 * r + c + 6, 5 * r + c + 5) for r in range(4) for c in range(4)]
    triangles = np.array(cells, np.int32)
    moved = np.zeros_like(rest)
    moved[12] = (16.0, 0.0, 0.0)
    fixed = np.zeros(25, np.bool_)
    untouched, loose = moved.copy(), moved.copy()
    winding = np.ones(len(triangles), np.float32)
    assert relax_folds(rest, untouched, triangles, winding, fixed, 0, 0.3, 0.5) > 0
    assert relax_folds(rest, loose, triangles, winding, fixed, 20, 0.3, 0.5) == 0
    fixed[12] = True
    relax_folds(rest, moved, triangles, winding, fixed, 20, 0.3, 0.5)
    assert moved[12, 0] == 16.0


def test_code_runs_where_nothing_can_be_written(monkeypatch: pytest.MonkeyPatch) -> None:
    real: Callable[..., Any] = numba.njit

    def read_only(*arguments: Any, **options: Any) -> Any:
        if options.get("cache"):
            raise RuntimeError("cannot cache function: no locator available")
        return real(*arguments, **options)

    monkeypatch.setattr(numba, "njit", read_only)

    @compiled
    def double(value: float) -> float:
        return 2.0 * value

    assert double(21.0) == 42.0
