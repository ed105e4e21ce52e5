"""Options as people write them in tables and JSON become those of Python."""

from __future__ import annotations

from dataclasses import asdict, fields
from pathlib import Path

import pytest

from dreamtalk.errors import UnusableInput
from dreamtalk.option_values import options_from
from dreamtalk.options import TalkOptions

OTHER = {
    "style": "happy:2",
    "intensity": 0.5,
    "upper_intensity": 0.25,
    "lower_intensity": 2.0,
    "pose": "still",
    "blink": "off",
    "gaze": "still",
    "accents": "off",
    "size": 512,
    "seed": 2**62 + 1,
    "face": 1,
    "badge": False,
    "provenance": False,
    "lip_scale": 1.5,
    "smoothing": 0.0,
    "background": "green",
}
"""Options that differ from the defaults."""


@pytest.mark.parametrize("written", [str, lambda value: value], ids=["as text", "as values"])
def test_options_arrive_however_they_are_written(written: object) -> None:
    given = {name.replace("_", "-"): written(value) for name, value in OTHER.items()}  # type: ignore[operator]
    assert asdict(options_from(given)) == asdict(TalkOptions(**OTHER))  # type: ignore[arg-type]


def test_every_option_has_a_name_and_nothing_means_the_default() -> None:
    empty = {field.name: blank for field in fields(TalkOptions) for blank in ("", None)}
    assert options_from(empty) == TalkOptions() == options_from({})
    assert options_from({"full_frame": "no"}).full_frame is False
    assert options_from({"size": "native"}).size == "native"


def test_files_lie_beside_the_table_and_words_stay_words(tmp_path: Path) -> None:
    (tmp_path / "angry.mp4").touch()
    found = options_from({"style": "angry.mp4", "pose": "natural", "timeline": "mood.json"}, tmp_path)
    assert (found.style, found.pose, found.timeline) == (tmp_path / "angry.mp4", "natural", tmp_path / "mood.json")
    assert options_from({"style": "angry"}, tmp_path).style == "angry"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"stlye": "happy"}, "stlye.*style, "),
        ({"intensity": "much"}, "intensity must be a number"),
        ({"intensity": "nan"}, "intensity must be a number"),
        ({"intensity": True}, "intensity must be a number"),
        ({"intensity": 9}, "between 0 and 3"),
        ({"seed": "1.5"}, "seed must be a whole number"),
        ({"badge": "perhaps"}, "badge must be true or false"),
        ({"size": "300"}, "size must be one of"),
        ({"style": ["happy"]}, "style must be text"),
        ({"blink": "rarely"}, "blink must be one of"),
    ],
)
def test_what_cannot_be_is_refused_by_name(given: dict[str, object], message: str) -> None:
    with pytest.raises(UnusableInput, match=message):
        options_from(given)
