"""A Talker whose frames can be looked at while they are made."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeAlias

from dreamtalk.talker import Talker
from dreamtalk.types import FrameStream, Image, Motion

if TYPE_CHECKING:
    from dreamtalk.options import TalkOptions
    from dreamtalk.talk import Stage
    from dreamtalk.timing import Stopwatch

Watcher: TypeAlias = Callable[[Image], None]
"""Called with every marked frame (H, W, 3 or 4) uint8; what it raises ends the talk."""


class WatchedTalker(Talker):
    """Shows each frame to whoever watches."""

    _watcher: Watcher | None = None

    @contextmanager
    def watched(self, watcher: Watcher) -> Iterator[None]:
        """Within the block, frames are shown."""
        self._watcher = watcher
        try:
            yield
        finally:
            self._watcher = None

    def _frames(self, stage: Stage, motion: Iterator[Motion], options: TalkOptions, watch: Stopwatch) -> FrameStream:
        for frame in super()._frames(stage, motion, options, watch):
            if self._watcher is not None:
                self._watcher(frame)
            yield frame
