"""Named styles live as their names say, and unnamed ones as usual."""

from __future__ import annotations

import numpy as np
import pytest

from dreamtalk.errors import UnusableInput
from dreamtalk.motion.head import HeadMotion
from dreamtalk.style.library import STYLES
from dreamtalk.style.liveliness import LIVELINESS, liveliness_of
from dreamtalk.types import Liveliness

SPEECH = np.tile(np.concatenate([np.tile([0.3, 0.5, 0.95, 0.8, 0.4], 15), np.zeros(25)]), 10).tolist()
"""40 s: syllables five times per second in phrases of 3 s, with pauses of 1 s."""


def test_every_named_style_but_the_neutral_one_is_in_the_table() -> None:
    assert LIVELINESS.keys() == STYLES.keys() - {"neutral"}
    assert liveliness_of("neutral") == Liveliness() == liveliness_of("nobody's")


def test_a_level_is_a_share_of_it() -> None:
    sad = LIVELINESS["sad"]
    assert liveliness_of("sad").head_drop == pytest.approx(sad.head_drop)
    assert liveliness_of("sad", 0.5).head_drop == pytest.approx(sad.head_drop / 2)
    assert liveliness_of("sad", 2.0).head_pace == pytest.approx(sad.head_pace**2)
    assert liveliness_of("sad", 0.0) == Liveliness()


@pytest.mark.parametrize("wrong", [{"blink_rate": 0.0}, {"nod": -1.0}, {"head_drop": float("nan")}])
def test_factors_are_above_zero(wrong: dict[str, float]) -> None:
    with pytest.raises(UnusableInput, match=next(iter(wrong))):
        Liveliness(**wrong)
    assert Liveliness(head_drop=-2.0, gaze_drop=0.0).head_drop == -2.0, "offsets may be anything"


def test_sad_heads_hang_and_are_slow_and_excited_ones_are_not() -> None:
    def head(name: str) -> tuple[float, float]:
        lively, angles = liveliness_of(name), []
        for seed in range(3):
            machine = HeadMotion(seed)
            angles.append(np.degrees([machine.next(level, lively)[0] for level in SPEECH]))
        return float(np.mean(angles, axis=0)[50:, 0].mean()), float(np.abs(np.diff(angles, axis=1)).mean())

    (sad, slow), (usual, middle), (_, quick) = head("sad"), head("neutral"), head("excited")
    assert sad > usual + 1.5, "degrees down"
    assert slow < 0.75 * middle and quick > 1.3 * middle
