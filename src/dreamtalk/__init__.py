"""dreamtalk: expressive talking-face video from one portrait and speech.

In Python::

    import dreamtalk

    talker = dreamtalk.load()
    talker.generate("portrait.jpg", "speech.wav", "talk.mp4")
    for frame in talker.stream("portrait.jpg", "speech.wav"):
        ...  # (H, W, 3) uint8 RGB, 25 per second
"""

from __future__ import annotations

import logging
from importlib import import_module
from typing import TYPE_CHECKING, Any

from dreamtalk.errors import (
    AssetMissing,
    DreamTalkError,
    FaceNotFound,
    UnusableAudio,
    UnusableInput,
    UnusableOutput,
)
from dreamtalk.types import FaceTrack, Motion, Portrait, Speech, Style

if TYPE_CHECKING:
    from dreamtalk.options import TalkOptions
    from dreamtalk.style.timeline import StyleKey, Timeline
    from dreamtalk.talk import Talk
    from dreamtalk.talker import Talker, load

__all__ = [
    "AssetMissing",
    "DreamTalkError",
    "FaceNotFound",
    "FaceTrack",
    "Motion",
    "Portrait",
    "Speech",
    "Style",
    "StyleKey",
    "Talk",
    "TalkOptions",
    "Talker",
    "Timeline",
    "UnusableAudio",
    "UnusableInput",
    "UnusableOutput",
    "load",
]


logging.getLogger(__name__).addHandler(logging.NullHandler())  # who uses us decides where records go


def __getattr__(name: str) -> Any:
    """The Talker is imported when asked for: ``import dreamtalk`` alone stays quick."""
    homes = {
        "StyleKey": "style.timeline",
        "Talk": "talk",
        "TalkOptions": "options",
        "Talker": "talker",
        "Timeline": "style.timeline",
        "load": "talker",
    }
    if name in homes:
        return getattr(import_module(f"dreamtalk.{homes[name]}"), name)
    raise AttributeError(f"module 'dreamtalk' has no attribute {name!r}")
