"""TalkOptions from what people write in tables, JSON and forms: names and plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from math import isfinite
from pathlib import Path
from typing import Any

from dreamtalk.errors import UnusableInput
from dreamtalk.media.files import exists
from dreamtalk.options import TalkOptions

FILES = ("style_neutral", "timeline", "renderer_weights", "motion_weights")
"""Options that are files, whatever they are called."""
WORDS_OR_FILES = ("style", "pose", "speech_encoder")
"""Options that are a name, or a file where there is one."""

_YES, _NO = ("true", "yes", "on", "1"), ("false", "no", "off", "0")
_DEFAULTS: dict[str, Any] = {field.name: field.default for field in fields(TalkOptions)}
_NUMBERS = ("upper_intensity", "lower_intensity")
_FLAGS = ("full_frame",)
"""Options whose default, None, does not say what they are."""


def options_from(given: Mapping[str, object], folder: Path | None = None) -> TalkOptions:
    """The options of names and values; None and "" stand for the default.

    given: field names of TalkOptions, with underscores or hyphens, and text, numbers or booleans. folder: where files
    with relative names lie; None: as they are written. Raises UnusableInput, naming the option.
    """
    values: dict[str, Any] = {}
    for written, value in given.items():
        name = known_name(written)
        if value is None or (isinstance(value, str) and not value.strip()):
            continue
        values[name] = _value(name, value, folder)
    return TalkOptions(**values)


def known_name(written: str) -> str:
    """The field of TalkOptions that is meant. Raises UnusableInput, listing them, when there is none."""
    name = written.strip().lower().replace("-", "_")
    if name not in _DEFAULTS:
        raise UnusableInput(f"There is no option {written.strip()!r}. Options: {', '.join(_DEFAULTS)}.")
    return name


def _value(name: str, value: object, folder: Path | None) -> object:
    default = _DEFAULTS[name]
    if name == "size":
        return value if str(value).strip().lower() == "native" and isinstance(value, str) else _whole(name, value)
    if isinstance(default, bool) or name in _FLAGS:
        return _flag(name, value)
    if isinstance(default, float) or name in _NUMBERS:
        return _number(name, value)
    if isinstance(default, int):
        return _whole(name, value)
    if not isinstance(value, str):
        raise UnusableInput(f"The {_words(name)} must be text, not {value!r}.")
    text = value.strip()
    if folder is not None and (name in FILES or (name in WORDS_OR_FILES and exists(folder / text))):
        return folder / text
    return text


def _flag(name: str, value: object) -> bool:
    word = str(value).strip().lower()
    if word not in _YES + _NO:
        raise UnusableInput(f"The {_words(name)} must be true or false, not {value!r}.")
    return word in _YES


def _number(name: str, value: object) -> float:
    try:
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise ValueError
        number = float(value)
        if not isfinite(number):
            raise ValueError
    except ValueError:
        raise UnusableInput(f"The {_words(name)} must be a number, not {value!r}.") from None
    return number


def _whole(name: str, value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and value.strip().isdecimal():
        return int(value)  # not by way of float, which has no room for large seeds
    number = _number(name, value)
    if number != int(number):
        raise UnusableInput(f"The {_words(name)} must be a whole number, not {value!r}.")
    return int(number)


def _words(name: str) -> str:
    return name.replace("_", " ")
