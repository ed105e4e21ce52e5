"""Does more intensity show more? `dreamtalk evaluate intensity DIR`, for anybody's videos called TALK@INTENSITY.mp4."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.progress import track as progress

from dreamtalk.errors import DreamTalkError, UnusableInput
from dreamtalk.evaluate.metrics.intensity import LEAST, METRICS, ORDER, SIZE, intensity_order, intensity_size, mean_face
from dreamtalk.evaluate.report import Report, Value, versions
from dreamtalk.evaluate.scoring import Score
from dreamtalk.evaluate.videos import videos_of
from dreamtalk.evaluate.watching import Watching, watch
from dreamtalk.types import Float

SHUFFLED = "intensities exchanged"
SET = "all talks"


@dataclass(frozen=True, slots=True)
class IntensityEvaluation:
    """What to measure, and how."""

    videos: Path
    """Folder of videos of talks at several intensities: anna@0.mp4, anna@0.5.mp4, anna@1.mp4, ben@0.mp4, ..."""
    name: str = "these videos"
    """Of the method, for the table."""
    kept: Path | None = None
    """Folder where tracks are kept, so that a second run need not make them. None: nothing is kept."""
    seconds: float = 20.0
    """Of each video, at most."""
    resamples: int = 1000
    """Of the bootstrap over talks."""
    seed: int = 0
    """Of the bootstrap and the exchanged intensities."""


def evaluate_intensity(config: IntensityEvaluation) -> Report:
    """A value per talk. Raises UnusableInput when there is no talk of three intensities."""
    if config.name == SHUFFLED or not config.name.strip():
        raise UnusableInput(f"--name {config.name!r} is taken; give the method another one.")
    if not 0 < config.seconds < math.inf or config.resamples < 1 or config.seed < 0:
        raise UnusableInput("--seconds must be above 0, --resamples at least 1, and --seed at least 0.")
    talks = talks_of(config.videos)
    watching = Watching(config.seconds, config.kept)
    random = np.random.default_rng(config.seed)
    values: list[Value] = []
    notes = [f"{talk}: fewer than {LEAST} intensities" for talk, files in talks.items() if len(files) < LEAST]
    for talk, files in progress(talks.items(), description="talks", transient=True):
        if len(files) < LEAST:
            continue
        try:
            faces = [mean_face(watch(file, watching).face) for file in files.values()]
        except DreamTalkError as problem:
            notes.append(f"{talk} left out: {problem}")
            continue
        mixed = [faces[int(i)] for i in random.permutation(len(faces))]
        values += _values(config.name, talk, faces) + _values(SHUFFLED, talk, mixed)
    if not values:
        raise UnusableInput(
            f"{config.videos} has no talk at {LEAST} intensities that could be scored. Names are TALK@INTENSITY.mp4, "
            "such as anna@0.5.mp4. " + " ".join(notes[:3])
        )
    return Report(
        metrics=METRICS,
        sets=(SET,),
        rows=(config.name, SHUFFLED),
        values=tuple(values),
        facts={"config": {"videos": str(config.videos)}, "versions": versions(), "notes": notes},
        resamples=config.resamples,
        seed=config.seed,
        title="Intensity",
        legend={config.name: "the videos to be scored", SHUFFLED: "the same in a wrong order: what chance is worth"},
        bounds=(SHUFFLED,),
    )


def talks_of(folder: Path) -> dict[str, dict[float, Path]]:
    """Per talk the videos at rising intensity; other names are passed over. Raises UnusableInput for no folder."""
    found: dict[str, dict[float, Path]] = defaultdict(dict)
    for stem, file in videos_of(folder).items():
        talk, _, strength = stem.rpartition("@")
        try:
            value = float(strength)
        except ValueError:
            continue
        if talk and math.isfinite(value):
            found[talk][value] = file
    return {talk: dict(sorted(files.items())) for talk, files in sorted(found.items())}


def _values(row: str, talk: str, faces: list[Float]) -> list[Value]:
    scores = {ORDER.name: intensity_order(faces), SIZE.name: intensity_size(faces)}
    return [Value(SET, row, talk, name, Score(score)) for name, score in scores.items()]
