"""Options that exclude each other, and colours."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dreamtalk.errors import UnusableInput
from dreamtalk.options import TalkOptions, colour_of
from dreamtalk.types import Style


@pytest.mark.parametrize(
    ("given", "colour"),
    [
        ("keep", None),
        ("transparent", None),
        ("black", (0, 0, 0)),
        ("#0a14ff", (10, 20, 255)),
        ("0A14FF", (10, 20, 255)),
    ],
)
def test_colours(given: str, colour: tuple[int, int, int] | None) -> None:
    assert colour_of(given) == colour


@pytest.mark.parametrize(
    "wrong",
    [
        {"background": "mauve"},
        {"background": "#12345"},
        {"background": "#12345g"},
        {"full_frame": True, "size": 512},
        {"lip_scale": -0.1},
        {"expression_scale": 2.1},
        {"pose_scale": float("nan")},
        {"smoothing": 9.0},
        {"upper_intensity": 3.5},
        {"lower_intensity": -0.5},
        {"gaze": "wild"},
        {"accents": "on"},
        {"style": "auto", "style_neutral": "calm.jpg"},
        {"style": Style(np.zeros(256, np.float32), "made"), "style_neutral": "calm.jpg"},
    ],
)
def test_what_cannot_be_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(UnusableInput):
        TalkOptions(**wrong)
