"""A Talker for many talks: the portraits and speeches used last are not prepared again."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import Generic, TypeVar

from dreamtalk.media import check_input
from dreamtalk.options import TalkOptions
from dreamtalk.render import Animator, Renderer
from dreamtalk.talker import Talker
from dreamtalk.types import Image, Portrait, Speech

Value = TypeVar("Value")

KEPT = 4
"""Portraits, portraits ready to move, and speeches that are kept; one of 64 megapixels takes 200 MB."""


class KeepingTalker(Talker):
    """As Talker; files are known by name, size and time of change."""

    def __init__(self, device: str = "auto", threads: int | None = None) -> None:
        super().__init__(device, threads)
        self._portraits: Kept[Portrait] = Kept()
        self._speeches: Kept[Speech] = Kept()
        self._animators: Kept[tuple[Portrait, Animator]] = Kept()

    def portrait(self, given: str | Path | Image | Portrait, face: int = 0) -> Portrait:
        """As Talker.portrait."""
        tracked = super().portrait
        if not isinstance(given, str | Path):
            return tracked(given, face)
        return self._portraits.get((*_stamp(given), face), lambda: tracked(given, face))

    def speech(self, given: str | Path | Speech) -> Speech:
        """As Talker.speech."""
        read = super().speech
        if isinstance(given, Speech):
            return given
        return self._speeches.get(_stamp(given), lambda: read(given))

    def _renderer(self, options: TalkOptions) -> tuple[Renderer, str]:
        renderer, space = super()._renderer(options)
        look = (options.renderer, str(options.renderer_weights), options.background)
        return _KeepingRenderer(renderer, self._animators, look), space


class Kept(Generic[Value]):
    """The values used last, by key."""

    def __init__(self, most: int = KEPT) -> None:
        self._most = most
        self._values: OrderedDict[Hashable, Value] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], Value]) -> Value:
        """The value of a key, made when it is not there."""
        value = self._values.pop(key) if key in self._values else make()
        self._values[key] = value
        while len(self._values) > self._most:
            self._values.popitem(last=False)
        return value


class _KeepingRenderer:
    """A renderer that remembers the portraits it prepared last, for all renderers of a look."""

    def __init__(self, renderer: Renderer, kept: Kept[tuple[Portrait, Animator]], look: Hashable) -> None:
        self._renderer, self._kept, self._look = renderer, kept, look

    def prepare(self, portrait: Portrait, size: int | None = None) -> Animator:
        """As Renderer.prepare. The portrait is kept with what was made of it, so that its id stays its own."""
        key = (self._look, id(portrait), size)
        return self._kept.get(key, lambda: (portrait, self._renderer.prepare(portrait, size)))[1]


def _stamp(file: str | Path) -> tuple[str, int, int]:
    """Raises UnusableInput when the file is missing or empty."""
    stat = check_input(file).stat()
    return str(file), stat.st_size, stat.st_mtime_ns
