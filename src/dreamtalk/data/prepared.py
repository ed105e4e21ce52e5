"""A prepared folder as talking clips, as the training stages take them. The arrays stay in the files until used."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from dreamtalk.data.shards import ClipHandle, read_shards
from dreamtalk.data.talkers import TalkingClip
from dreamtalk.errors import UnusableInput
from dreamtalk.types import Float


class PreparedTalker(TalkingClip):
    """A TalkingClip whose arrays are read from its shard whenever they are asked for: keep none you do not need."""

    __slots__ = ("_handle",)

    def __new__(cls, *values: Any, **named: Any) -> Any:
        """`dataclasses.replace` calls the class with all fields: what it makes is a plain clip in memory."""
        return TalkingClip(**named) if named else super().__new__(cls)

    def __init__(self, handle: ClipHandle) -> None:
        object.__setattr__(self, "_handle", handle)
        object.__setattr__(self, "id", handle.info.id)
        object.__setattr__(self, "speaker", handle.info.speaker)
        object.__setattr__(self, "rest", handle.info.rest)

    @property
    def expression(self) -> Float:
        return self._handle.array("unblinking")  # type: ignore[attr-defined, no-any-return]

    @property
    def closure(self) -> Float:
        return self._handle.array("closure")  # type: ignore[attr-defined, no-any-return]

    @property
    def features(self) -> Float:
        return np.asarray(self._handle.array("features"), dtype=np.float32)  # type: ignore[attr-defined]


def load_prepared(
    folder: Path,
    encoder: str,
    face_space: str = "mesh64",
    split: str = "train",
    clean_only: bool = True,
    max_clips: int | None = None,
    needed: bool = True,
) -> list[TalkingClip]:
    """The talking clips of a split of a prepared folder, without blinks, light until their arrays are used.

    encoder, face_space: what the folder must have been made with. clean_only: licence-clean clips only, as weights that
    are shipped require. max_clips: speakers with few clips come first. needed: whether none is too few. Raises
    UnusableInput when too few are left, or when the folder holds other features.
    """
    handles = [
        h for h in read_shards(folder) if h.info.split == split and (h.info.licence_class == "clean" or not clean_only)
    ]
    if not handles and not needed:
        return []
    if not handles:
        only = "licence-clean " if clean_only else ""
        hint = " Use --any-licence for weights that are yours alone." if clean_only else ""
        raise UnusableInput(f"{folder} has no {only}talking clips in its split {split!r}.{hint}")
    for wanted, found in ((encoder, handles[0].info.encoder), (face_space, handles[0].info.face_space)):
        if wanted != found:
            raise UnusableInput(f"{folder} was prepared with {found}, but this training needs {wanted}. Prepare again.")
    count: dict[str, int] = {}
    for handle in handles:
        count[handle.info.speaker] = count.get(handle.info.speaker, 0) + 1
    handles.sort(key=lambda h: (count[h.info.speaker], h.info.id))
    return [PreparedTalker(handle) for handle in handles[:max_clips]]
