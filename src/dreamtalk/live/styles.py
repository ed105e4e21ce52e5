"""The style of a live talk, which may change while it goes on."""

from __future__ import annotations

from collections.abc import Callable

from dreamtalk.style.timeline import DEFAULT_TRANSITION, StyleFrames, StyleKey, Timeline
from dreamtalk.types import VIDEO_FPS, Style


class LiveStyles:
    """The styles that a talk began with, until another one is asked for; however many there were, two are kept."""

    def __init__(self, first: Callable[[int, int], StyleFrames]) -> None:
        """first: what the talk begins with, as StyleSource.frames."""
        self._frames = first

    def frames(self, first: int, count: int) -> StyleFrames:
        """The styles of frames first, ... first + count - 1 of the session."""
        return self._frames(first, count)

    def change(self, frame: int, style: Style, intensity: float, transition: float = DEFAULT_TRANSITION) -> None:
        """From that frame on go over to a style, from wherever the face is by then. Raises UnusableInput for numbers
        that make no sense."""
        new = StyleKey(frame / VIDEO_FPS, style, intensity, transition)
        now = self.frames(frame, 1)
        held = Style(
            code=now.code[0],
            source="the style before",
            rest=None if now.rest is None else now.rest[0],
            guidance=float(now.strength[0]),
            liveliness=now.liveliness[0],
        )
        self._frames = Timeline((StyleKey(0.0, held), new) if frame else (new,)).frames
