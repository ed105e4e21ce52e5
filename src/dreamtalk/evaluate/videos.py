"""Anybody's videos against real ones, by one protocol: `dreamtalk evaluate videos DIR --reference DIR`.

A video is compared with the real one of the same file name. Both are read at 25 fps, cut to the face (256 px, by where
the face is in their first frames) and tracked by the same tracker, so that any method, size and framing can be scored.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from dreamtalk.data.adapters import layout
from dreamtalk.errors import UnusableInput
from dreamtalk.evaluate.choices import ScoringChoices
from dreamtalk.evaluate.figures import Figure
from dreamtalk.evaluate.judges import Judges
from dreamtalk.evaluate.report import Report, versions
from dreamtalk.evaluate.scenes import (
    LEGEND,
    REAL,
    SHUFFLED,
    STILL,
    Desk,
    Real,
    Scene,
    SceneScores,
    complete,
    moved,
    score_scenes,
    set_distances,
    values_of,
    with_bar,
)
from dreamtalk.evaluate.sources import saying_else
from dreamtalk.evaluate.stamps import shipped
from dreamtalk.evaluate.suite import Label, metrics_of, suite
from dreamtalk.evaluate.video_figures import lips_over_sound, strip
from dreamtalk.evaluate.watching import Watching, watch

VIDEOS = (".mp4", ".mov", ".webm", ".mkv", ".avi", ".m4v")
SET = "all clips"


@dataclass(frozen=True)
class VideosEvaluation(ScoringChoices):
    """What to measure, and how."""

    videos: Path
    """Folder of the videos to score."""
    reference: Path
    """Folder of the real videos, by the same names."""
    name: str = "these videos"
    """Of the method, for the tables."""
    kept: Path | None = None
    """Folder where tracks and scores are kept: a run that was stopped goes on where it was. None: nothing is kept."""


def evaluate_videos(config: VideosEvaluation) -> tuple[Report, list[Figure]]:
    """Tables of every pair, and figures of the first `shown`. Clips that cannot be scored are named in the notes.

    Raises UnusableInput when the folders share no video, none can be scored, or the configuration makes no sense.
    """
    _check(config)
    every = paired(config.videos, config.reference)
    pairs, missing = every[: config.limit], len(videos_of(config.reference)) - len(every)
    notes = [f"{missing} of the real videos have no counterpart: a method is asked for all."] if missing else []
    scenes = _scenes(config.name, pairs, _labels(config.reference), config.seed)
    judges = Judges.load(config.judges)  # a wrong file is told now
    with TemporaryDirectory() as passing:
        folder = config.kept or Path(passing)
        desk = Desk(Watching(config.seconds, folder / "tracks"), config.judges, folder / "scores")
        found = score_scenes(scenes, desk, folder / "begun", config.workers, config.address)
        values, more = values_of(scenes, found)
        if not values:
            raise UnusableInput("None of the videos could be scored. " + " ".join(more[:3]))
        rows = (config.name, STILL, REAL, SHUFFLED)
        figures = figures_of(scenes, found, desk.watching, rows, config, folder / "begun")
    facts: dict[str, object] = {
        "config": {"videos": str(config.videos), "reference": str(config.reference), "seconds": config.seconds},
        "versions": versions(),
        "weights": shipped() | config.judges.shas,
        "notes": [*notes, *more, *set_distances(scenes, found, rows)],
    }
    metrics = metrics_of(suite(judges))
    report = Report(
        metrics=metrics,
        sets=(SET,),
        rows=rows,
        values=tuple(values),
        facts=facts,
        resamples=config.resamples,
        seed=config.seed,
        title="Videos",
        legend={config.name: "the videos to be scored"} | {row: LEGEND[row] for row in rows[1:]},
        bounds=rows[1:],
    )
    return report, figures


def figures_of(
    scenes: Sequence[Scene],
    found: Sequence[SceneScores],
    watching: Watching,
    rows: Sequence[str],
    choices: ScoringChoices,
    marks: Path,
) -> list[Figure]:
    """Frames, and the lips over the sound, of all methods in the first complete scenes of each set. rows: of the
    report."""
    whole = [scene for scene, result in zip(scenes, found, strict=True) if complete(scene, result)]
    sets = dict.fromkeys(scene.set for scene in whole)
    shown = [each for name in sets for each in [scene for scene in whole if scene.set == name][: choices.shown]]
    work = partial(_drawn, watching=watching, rows=rows)
    made = with_bar("figures", work, shown, marks, choices.workers, choices.address)
    return [figure for figures in made for figure in figures or ()]


def _drawn(scene: Scene, watching: Watching, rows: Sequence[str]) -> list[Figure]:
    """The figures of one scene."""
    videos = {name: watch(file, watching) for name, file in scene.made}
    real = watch(scene.real.file, watching, scene.real.sound)
    videos[REAL] = replace(real, samples=moved(real.samples, scene.real.lag))  # the curves over the sound in step
    return [
        replace(figure, text=f"{scene.about} {figure.text}".strip(), clip=scene.clip, sets=(scene.set,))
        for figure in (strip(videos), lips_over_sound(videos, rows))
    ]


def _scenes(name: str, pairs: list[tuple[Path, Path]], labels: Mapping[Path, Label], seed: int) -> list[Scene]:
    """A scene per pair, each with another clip for the shuffled row."""
    reals = [Real(real, label=labels.get(real, Label())) for _, real in pairs]
    others = saying_else([real.label.transcript for real in reals], np.random.default_rng(seed))
    return [
        Scene(SET, made.stem, real, ((name, made),), label=real.label, other=None if other is None else reals[other])
        for (made, _), real, other in zip(pairs, reals, others, strict=True)
    ]


def _labels(reference: Path) -> dict[Path, Label]:
    """Of the videos that a table clips.csv beside them names (see `dreamtalk prepare folder`)."""
    clips = layout("folder").find(reference)
    return {clip.video: Label(clip.emotion, clip.intensity, clip.speaker, clip.transcript) for clip in clips}


def paired(videos: Path, reference: Path) -> list[tuple[Path, Path]]:
    """Videos of two folders with the same name, sorted. Raises UnusableInput when there are none."""
    real, made = videos_of(reference), videos_of(videos)
    found = [(file, real[name]) for name, file in made.items() if name in real]
    if not found:
        raise UnusableInput(
            f"No video in {videos} ({len(made)}) has the name of one in {reference} ({len(real)}). Videos are compared "
            "with the real one of the same name."
        )
    return found


def videos_of(folder: Path) -> dict[str, Path]:
    """Videos of a folder by their names without ending, sorted. Raises UnusableInput when two have the same."""
    if not folder.is_dir():
        raise UnusableInput(f"{folder} is not a folder of videos.")
    found: dict[str, Path] = {}
    for file in sorted(folder.iterdir()):
        if file.suffix.lower() in VIDEOS and not file.name.startswith("."):
            if file.stem in found:
                raise UnusableInput(f"{folder} has both {found[file.stem].name} and {file.name}: which one is meant?")
            found[file.stem] = file
    return found


def _check(config: VideosEvaluation) -> None:
    """Raises UnusableInput for a configuration that makes no sense, or without the packages that are needed."""
    config.check()
    if config.name in LEGEND or not config.name.strip():
        raise UnusableInput(f"--name {config.name!r} is taken; give the method another one.")
