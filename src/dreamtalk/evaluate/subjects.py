"""The portraits that the renderer is measured on: still pictures of the talkset of every kind, tracked.

They are dev: nothing is ever learned or tuned on them, they only measure.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from dreamtalk.data.talkset import read_talkset
from dreamtalk.errors import FaceNotFound, UnusableInput
from dreamtalk.face.model import FaceModel
from dreamtalk.face.tracker import FaceTracker
from dreamtalk.face.video import track_picture
from dreamtalk.media import read_image
from dreamtalk.types import Portrait

SUBJECTS: dict[str, tuple[str, ...]] = {
    "light skin": (
        "dreamtalk-cut-img", "dreamtalk-f30", "dreamtalk-male-face", "echomimic-b", "echomimic-c", "hallo-7", "lp-s1",
    ),
    "dark skin": ("dreamtalk-face3", "anitalker-sad", "sadtalker-art-14", "sadtalker-art-5"),
    "beard": ("joyvasa-005", "lp-s12", "sadtalker-art-13"),
    "glasses": ("sadtalker-art-15", "sadtalker-art-6"),
    "fringe": ("anitalker-aiface3", "joyvasa-006"),
    "painting": ("anitalker-monalisa", "dreamtalk-zp1", "sadtalker-art-10", "sadtalker-art-12"),
    "drawing": ("echomimic-d", "sadtalker-art-3", "dreamtalk-zt12"),
    "statue": ("anitalker-statue",),
    "open mouth": ("dreamtalk-menglu2", "hallo-3", "sadtalker-happy1"),
}  # fmt: skip
"""Portraits by kind, by their id. Type, glasses and an open mouth are in the notes of clips.csv; skin, beard and fringe
are by eye (clips.csv does not tell). "dark skin" is everything from brown on; two of the four are computer graphics,
for the talkset has no more photos of dark skin."""

NO_PHOTOS = ("painting", "drawing", "statue")
"""Kinds of portraits of which a face embedding, learned from photos, says little."""


@dataclass(frozen=True, slots=True)
class Subject:
    """id: of the talkset. group: the kind of portrait."""

    id: str
    group: str
    portrait: Portrait


def chosen(only: Sequence[str] = ()) -> list[tuple[str, str]]:
    """(id, group) of the subjects; `only`: these ids, in this order, those we do not know as group "other"."""
    groups = {name: group for group, names in SUBJECTS.items() for name in names}
    return [(name, groups.get(name, "other")) for name in only or groups]


def load_subjects(dataset: Path, tracker: FaceTracker, face: FaceModel, only: Sequence[str] = ()) -> Iterator[Subject]:
    """The portraits of a talkset folder, one at a time.

    Raises UnusableInput when the folder is no talkset or lacks a portrait, FaceNotFound when a picture has no face.
    """
    files = {clip.id: clip.file for clip in read_talkset(dataset) if clip.kind == "portrait"}
    wanted = chosen(only)
    missing = [name for name, _ in wanted if name not in files]
    if missing:
        raise UnusableInput(f"{dataset} has no portrait called {missing[0]}.")
    return (Subject(name, group, _tracked(files[name], tracker, face)) for name, group in wanted)


def _tracked(file: Path, tracker: FaceTracker, face: FaceModel) -> Portrait:
    try:
        return track_picture(read_image(file), tracker, face)
    except FaceNotFound as error:
        raise FaceNotFound(f"{file}: {error}") from error
