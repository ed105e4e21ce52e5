"""Who speaks what in which manner with whose face: the takes of the protocol, drawn by a seed.

The paper's protocol (IV-A): the sound and the first picture of a test video, and a segment of the same video as style.
Cross-ID as in its Tables II and V: the style of another person, or the portrait of another person.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

import numpy as np

from dreamtalk.data.held_out import HeldOut
from dreamtalk.data.source import SourceClip

Cross: TypeAlias = Literal["style", "portrait", "emotion"]
"""style: the reference is another person's, of the same emotion where clips have labels (Table II). portrait: the face
is another person's (Table V). emotion: the reference is another person's, emotions in turn."""

SAME = "same"
TITLES: dict[str, str] = {
    SAME: "all clips",
    "style": "cross-ID: style of another person",
    "portrait": "cross-ID: portrait of another person",
    "emotion": "cross-ID: emotions of another person",
}
"""Of the tables, by kind of take."""

ABOUT = {"style": "Style of {style}.", "portrait": "Portrait of {portrait}.", "emotion": "Style of {style}."}
"""Whose clip lends what, by kind of take."""


@dataclass(frozen=True, slots=True)
class Take:
    """Clips by id. speech: whose words. portrait: whose first picture. style: whose manner."""

    kind: str
    speech: str
    portrait: str
    style: str


def takes_of(tests: HeldOut, cross: Sequence[Cross], most: int, seed: int) -> list[Take]:
    """The protocol's own takes, one per clip, then up to `most` of each kind of cross-ID."""
    found = [Take(SAME, clip.id, clip.id, clip.id) for clip in tests.clips]
    for kind in [kind for kind in get_args(Cross) if kind in cross]:
        found += _crossed(kind, evenly(tests.clips, most), tests, np.random.default_rng(seed))
    return found


def evenly(clips: Sequence[SourceClip], most: int | None) -> tuple[SourceClip, ...]:
    """At most so many of the clips, from all speakers in turn, and evenly through each one's; in the given order."""
    if most is None or most >= len(clips):
        return tuple(clips)
    by: dict[str, list[int]] = {}
    for number, clip in enumerate(clips):
        by.setdefault(clip.speaker, []).append(number)
    chosen: list[int] = []
    shares = {speaker: _spread(len(own)) for speaker, own in by.items()}
    for turn in range(max(map(len, by.values()))):
        chosen += [own[shares[speaker][turn]] for speaker, own in by.items() if turn < len(own)]
    return tuple(clips[number] for number in sorted(chosen[:most]))


def _spread(count: int) -> list[int]:
    """The numbers below `count` in an order whose beginnings lie far apart: by their bits, backwards."""
    bits = max(1, (count - 1).bit_length())
    order = (int(f"{number:0{bits}b}"[::-1], 2) for number in range(1 << bits))
    return [number for number in order if number < count]


def _crossed(kind: Cross, clips: Sequence[SourceClip], tests: HeldOut, rng: np.random.Generator) -> list[Take]:
    found = []
    everyone = [*tests.clips, *tests.references]
    emotions = sorted({clip.emotion for clip in everyone if clip.emotion})
    for number, clip in enumerate(clips):
        if kind == "portrait":
            others = [other for other in tests.clips if other.speaker != clip.speaker]
        elif kind == "style":
            others = [other for other in everyone if other.speaker != clip.speaker]
            others = [other for other in others if clip.emotion and other.emotion == clip.emotion] or others
        else:
            wanted = emotions[number % len(emotions)] if len(emotions) > 1 else None
            others = [other for other in everyone if other.speaker != clip.speaker and other.emotion == wanted]
        if not others:
            continue
        other = _one(others, rng)
        portrait = other.id if kind == "portrait" else clip.id
        found.append(Take(kind, clip.id, portrait, clip.id if kind == "portrait" else other.id))
    return found


def _one(clips: Sequence[SourceClip], rng: np.random.Generator) -> SourceClip:
    """One clip of a person drawn first: a speaker with many clips is no more likely than others."""
    speakers = sorted({clip.speaker for clip in clips})
    speaker = speakers[int(rng.integers(len(speakers)))]
    own = [clip for clip in clips if clip.speaker == speaker]
    return own[int(rng.integers(len(own)))]
