"""A style that is a function of time, smoothed so that it may jump."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import numpy as np

from dreamtalk.errors import UnusableInput
from dreamtalk.options import MAX_INTENSITY
from dreamtalk.style.timeline import DEFAULT_TRANSITION, StyleFrames, blended
from dreamtalk.types import VIDEO_FPS, Style

StyleFunction: TypeAlias = Callable[[float], tuple[str | Path | Style, float]]
"""Seconds to a style (as people write it, or found) and its intensity."""

_REACH = round(DEFAULT_TRANSITION * VIDEO_FPS) // 2
"""Frames to either side over which the function is averaged."""


class FunctionTimeline:
    """Styles given by a function of time.

    Each frame takes the average of the function over 0.6 s around it, weighted so that a sudden change becomes the same
    smooth transition as in a Timeline, centred on the change. The function must give the same answer whenever it is
    asked for the same time; it is asked for times from 0 to 0.3 s after the last frame.
    """

    def __init__(self, function: StyleFunction, find: Callable[[str | Path | Style], Style]) -> None:
        """find: what the function says for a style, found."""
        self._function, self._find = function, find
        self._found: dict[str, Style] = {}
        steps = (np.arange(-_REACH, _REACH + 1) / (_REACH + 1) + 1.0) / 2.0
        kernel = (steps * (1.0 - steps)) ** 2  # the speed of the transition of a Timeline
        self._kernel = kernel / kernel.sum()

    def frames(self, first: int, count: int) -> StyleFrames:
        """The styles of frames first, ... first + count - 1 of the talk."""
        asked = [self._ask(max(0, frame) / VIDEO_FPS) for frame in range(first - _REACH, first + count + _REACH)]
        styles = list({id(style): style for style, _ in asked}.values())
        share, pull = np.zeros((2, count, len(styles)))
        for k, style in enumerate(styles):
            at = np.array([float(given is style) for given, _ in asked])
            share[:, k] = np.convolve(at, self._kernel, mode="valid")
            pull[:, k] = np.convolve(at * [intensity for _, intensity in asked], self._kernel, mode="valid")
        intensity = np.divide(pull, share, out=np.zeros_like(pull), where=share > 0.0)
        return blended(styles, share, intensity)

    def _ask(self, seconds: float) -> tuple[Style, float]:
        answer = self._function(seconds)
        try:
            style, intensity = answer
            intensity = float(intensity)
        except (TypeError, ValueError):
            raise UnusableInput(
                f"A timeline must give a style and a number, not {answer!r} (at {seconds:g} s)."
            ) from None
        if not 0.0 <= intensity <= MAX_INTENSITY:
            raise UnusableInput(
                f"A timeline's intensity must be between 0 and {MAX_INTENSITY:g}, not {intensity:g} (at {seconds:g} s)."
            )
        if isinstance(style, Style):
            return style, intensity
        if str(style) not in self._found:
            self._found[str(style)] = self._find(style)
        return self._found[str(style)], intensity
