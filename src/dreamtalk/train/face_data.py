"""Tracked people for the face model: which clips belong to whom, each person's neutral, and displacement samples."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dreamtalk.errors import UnusableInput
from dreamtalk.face.align import FACE_POINTS, align
from dreamtalk.face.neutral import neutral_of_track
from dreamtalk.types import Float

Row = dict[str, str]

_NEUTRAL_CLIPS, _NEUTRAL_FRAMES = 100, 3000
"""At most so many clips and frames of one person, evenly spread, take part in finding the neutral."""


@dataclass(frozen=True)
class Person:
    """name. rows: the person's clips. neutral_rows: those that show the resting face."""

    name: str
    rows: tuple[Row, ...]
    neutral_rows: tuple[Row, ...]


@dataclass(frozen=True)
class Samples:
    """Frames of one person. displacement: (F, 468, 3) iod from the neutral, face frame. scores: (F, 52) of the tracker.
    neutral: (478, 3). weight: of each frame, so that no person counts for more than the limit."""

    name: str
    displacement: Float
    scores: Float
    neutral: Float
    weight: float


def is_clean_training(row: Row) -> bool:
    """May the row be learned from in a shipped asset?"""
    return row["licence_class"] == "clean" and row["split"] == "train"


def people(
    clips: Path, tracks: Path, wanted: Callable[[Row], bool], limit: int | None = None, *, required: bool = True
) -> list[Person]:
    """Everyone in clips.csv with tracked clips that are `wanted`, in order of name; each one's first `limit` clips.

    A speaker with emotional clips and a neutral one rests in the neutral one. Silent clips without a neutral stand
    alone: they may be of one person in different recordings. Raises UnusableInput when nobody is left, if `required`.
    """
    with clips.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if (tracks / f"{row['id']}.npz").is_file()]
    groups: dict[str, list[Row]] = {}
    for row in rows:
        stands_alone = row["kind"] == "style" and row["dataset"] != "MEAD"
        groups.setdefault(row["id"] if stands_alone else row["speaker"], []).append(row)
    found = []
    for name, members in sorted(groups.items()):
        chosen = tuple(row for row in members if wanted(row))[:limit]
        calm = tuple(row for row in members if row["dataset"] == "MEAD" and row["emotion"] == "neutral")
        if chosen:
            resting = sorted(calm or members, key=lambda row: row["split"] != "train")  # dev must not shape the neutral
            found.append(Person(name, chosen, tuple(resting)[:_NEUTRAL_CLIPS]))
    if not found and required:
        raise UnusableInput(f"No tracked clip in {tracks} fits. Track the clips of {clips} first (dreamtalk track).")
    return found


def read_tracks(rows: tuple[Row, ...], tracks: Path) -> tuple[Float, Float]:
    """Landmarks (F, 478, 3) px and scores (F, 52) of all valid frames of some clips."""
    landmarks, scores = [], []
    for row in rows:
        with np.load(tracks / f"{row['id']}.npz", allow_pickle=False) as track:
            landmarks.append(track["landmarks"][track["valid"]])
            scores.append(track["blendshapes"][track["valid"]])
    return np.concatenate(landmarks), np.concatenate(scores)


def neutral_of(person: Person, tracks: Path, reference: Float) -> Float:
    """The person's resting face (478, 3) in the face frame, all of their neutral clips pooled."""
    landmarks, _ = read_tracks(person.neutral_rows, tracks)
    step = -(-len(landmarks) // _NEUTRAL_FRAMES)
    return neutral_of_track(landmarks[::step], reference)


def samples(
    everyone: list[Person], tracks: Path, reference: Float, frames: int, limit: int, rng: np.random.Generator
) -> Iterator[Samples]:
    """Up to `frames` random frames of each person, together worth `limit` frames at most."""
    for person in everyone:
        neutral = neutral_of(person, tracks, reference)
        landmarks, scores = read_tracks(person.rows, tracks)
        chosen = np.sort(rng.permutation(len(landmarks))[:frames])
        aligned, _ = align(landmarks[chosen], neutral)
        yield Samples(
            name=person.name,
            displacement=(aligned - neutral)[:, :FACE_POINTS],
            scores=scores[chosen],
            neutral=neutral,
            weight=min(1.0, limit / len(chosen)),
        )
