"""Painted teeth."""

from __future__ import annotations

import numpy as np
import pytest

from dreamtalk.render.mesh.teeth import arch_table, paint_teeth


@pytest.mark.parametrize("upper", [True, False])
def test_teeth_are_bright_and_pale_below_a_redder_gum(upper: bool) -> None:
    teeth = paint_teeth(upper, 6.0)
    middle = teeth.texture[:, teeth.texture.shape[1] // 2 - 12]
    edge = round(teeth.above * teeth.scale)
    tooth, gum = (middle[edge - 18], middle[4]) if upper else (middle[edge + 18], middle[-5])
    assert tooth[3] == pytest.approx(1.0, abs=0.02)
    assert tooth[:3].min() > 140
    assert gum[0] - gum[1] > 2 * (tooth[0] - tooth[1])


def test_nothing_is_painted_beyond_the_incisal_edge() -> None:
    upper = paint_teeth(True, 6.0)
    assert upper.texture[round((upper.above + 0.5) * upper.scale) :, :, 3].max() < 0.02


def test_arch_is_symmetric_and_falls_back() -> None:
    x, arc, depth = arch_table()
    np.testing.assert_allclose(arc, -arc[::-1], atol=1e-9)
    assert (np.diff(arc) > 0).all()
    assert depth[len(x) // 2] == 0 and depth[0] > 20
