"""Scenes: a real clip, every video that was made for it, and their scores, kept so that nothing is scored twice."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from rich.progress import Progress

from dreamtalk.errors import DreamTalkError, UnusableInput
from dreamtalk.evaluate.judges import JudgeFiles, Judges
from dreamtalk.evaluate.metrics.picture_frechet import distance
from dreamtalk.evaluate.report import Value
from dreamtalk.evaluate.scoring import Score
from dreamtalk.evaluate.stamps import code_of, sha_of, shipped, stamp
from dreamtalk.evaluate.suite import CHANCE, EVERYTHING, Asks, Case, Label, score
from dreamtalk.evaluate.watching import Watched, Watching, watch
from dreamtalk.media.files import check_input, replacing
from dreamtalk.types import SAMPLE_RATE, VIDEO_FPS, Float
from dreamtalk.workers import run_all

REAL, STILL, SHUFFLED = "real video", "still photo", "shuffled"
AS_CAME, MANNER = "real, sound as it came", "style reference"

Item = TypeVar("Item")
Result = TypeVar("Result")

LEGEND: dict[str, str] = {
    STILL: "the real video's first frame with a face, held: what can be had without moving",
    REAL: "the real video against itself: the bound; its sound is put in step where it is known not to be",
    AS_CAME: "the same clips with their sound as it came",
    MANNER: "the clip that lent its style, itself",
    SHUFFLED: "the first method's video against real lips and sound of another clip with other words: what chance is "
    "worth. Often it is another person's, whose face has another shape: its landmark distances hold that, too",
}
"""Rows beside the methods', in their order."""

DIED = "the process that worked on it died twice."
"""Why a result is missing, where nothing better is known."""

_LEAST_LENGTH = 0.5
"""Share of the real video's frames below which a video is not scored."""

_IN_SIGHT = 6
"""Videos that a process keeps in memory while it goes through the scenes of one clip."""

_CODE = (
    "audio", "lipsync", "motion/model.py", "motion/denoiser.py", "motion/layers.py", "motion/reader.py",
    "motion/rest.py", "face", "style/guess.py", "media", "evaluate/metrics", "evaluate/suite.py", "evaluate/judges.py",
    "evaluate/scenes.py", "evaluate/watching.py", "evaluate/closure.py", "evaluate/silence.py", "evaluate/identity.py",
    "evaluate/correlation.py", "evaluate/lip_expert.py", "evaluate/emotion_judge.py", "evaluate/likeness.py",
)  # fmt: skip
"""Sources that scores depend on; so do all embedded models."""


@dataclass(frozen=True, slots=True)
class Real:
    """A real video. lag: frames by which its sound is early (negative: late); it is corrected. label: its face's.
    sound: a file that holds its sound; None: its own."""

    file: Path
    lag: float = 0.0
    label: Label = field(default_factory=Label)
    sound: Path | None = None


@dataclass(frozen=True)
class Scene:
    """One clip in one set of the report.

    made: per row the video of a method. asked: what makes sense to measure in these rows. label: what the made faces
    should show. person: whose face they have; None: the real video's. other: a real clip for the shuffled row.
    manner: the reference of the style, where it is another clip. about: of it, in words, for those who look at it.
    """

    set: str
    clip: str
    real: Real
    made: tuple[tuple[str, Path], ...]
    asked: frozenset[Asks] = EVERYTHING
    label: Label = field(default_factory=Label)
    person: Path | None = None
    other: Real | None = None
    manner: Real | None = None
    about: str = ""


@dataclass(frozen=True, slots=True)
class Desk:
    """How scenes are scored. scores: folder where scores are kept; None: nothing is kept."""

    watching: Watching
    judges: JudgeFiles
    scores: Path | None = None


@dataclass(frozen=True)
class Scored:
    """Scores of a row, notes on it, and what FID and FVD need: per name features (n, D)."""

    scores: dict[str, Score]
    notes: tuple[str, ...]
    features: dict[str, Float] = field(default_factory=dict)


@dataclass(frozen=True)
class SceneScores:
    """What came of a scene: per row its scores; problems: rows that could not be scored, in words."""

    rows: dict[str, Scored]
    problems: tuple[str, ...]


@dataclass(frozen=True)
class Row:
    """One row of a scene before it is scored: the files it depends on decide under which name it is kept."""

    name: str
    file: Path
    truth: Real
    person: Path
    label: Label
    asked: frozenset[Asks]
    lag: float = 0.0
    sound: Path | None = None

    def key(self, desk: Desk) -> str:
        """Of everything that its scores depend on."""
        kind = self.name if self.name in LEGEND else ""
        files = [sha_of(check_input(file)) for file in (self.file, self.truth.file, self.person)]
        files += [sha_of(file) if file else "" for file in (self.sound, self.truth.sound)]
        how = [desk.watching.seconds, *desk.watching.models, desk.judges.shas, str(desk.judges.embedding)]
        ours = [code_of(*_CODE), shipped()]
        lags = [self.lag, self.truth.lag]
        return stamp(kind, files, lags, asdict(self.label), sorted(self.asked), how, ours)


def rows_of(scene: Scene) -> list[Row]:
    """All rows of a scene, the first method's first."""
    real, person = scene.real, scene.person or scene.real.file
    found = [Row(name, file, real, person, scene.label, scene.asked) for name, file in scene.made]
    known = Row(REAL, real.file, real, real.file, real.label, EVERYTHING, real.lag, real.sound)
    if scene.asked == EVERYTHING:
        found.append(replace(known, name=STILL))
    found.append(known)
    if real.lag:
        found.append(replace(known, name=AS_CAME, asked=frozenset(("sound",)), lag=0.0))
    if scene.manner is not None:
        lent = scene.manner
        found.append(Row(MANNER, lent.file, lent, lent.file, lent.label, frozenset(("itself", "label"))))
    if scene.other is not None and scene.made:
        found.append(Row(SHUFFLED, scene.made[0][1], scene.other, person, scene.label, CHANCE & scene.asked))
    return found


def score_scenes(
    scenes: Sequence[Scene], desk: Desk, marks: Path, workers: int = 0, address: str | None = None
) -> list[SceneScores]:
    """Scores of all scenes, in their order; kept ones are read. workers, address, marks: as run_all has them."""
    order = sorted(range(len(scenes)), key=lambda number: scenes[number].clip)  # a real video is looked at once
    work = partial(score_scene, desk=desk)
    results = with_bar("scoring", work, [scenes[number] for number in order], marks, workers, address)
    found = [result for _, result in sorted(zip(order, results, strict=True), key=lambda pair: pair[0])]
    return [f or SceneScores({}, (f"{s.clip} left out: {DIED}",)) for s, f in zip(scenes, found, strict=True)]


def with_bar(
    title: str, work: Callable[[Item], Result], items: Sequence[Item], marks: Path, workers: int, address: str | None
) -> list[Result | None]:
    """run_all with a progress bar; results in the items' order, None where the worker died twice."""
    found: list[Result | None] = [None] * len(items)
    with Progress(transient=True) as bar:
        task = bar.add_task(title, total=len(items))
        for number, result in run_all(work, list(items), workers, marks, address):
            found[number] = result
            bar.advance(task)
    return found


def score_scene(scene: Scene, desk: Desk) -> SceneScores:
    """All rows of a scene; videos are looked at only for rows that are not kept."""
    torch.set_num_threads(1)  # the same sums in every process
    rows: dict[str, Scored] = {}
    problems: list[str] = []
    for row in rows_of(scene):
        try:
            rows[row.name] = _kept(row, desk) or _scored(row, desk)
        except DreamTalkError as problem:
            problems.append(f"{scene.clip}, {row.name}, left out: {problem}")
    return SceneScores(rows, tuple(problems))


def values_of(scenes: Sequence[Scene], found: Sequence[SceneScores]) -> tuple[list[Value], list[str]]:
    """Numbers for the report, and notes, in the scenes' order, each note once.

    A clip that one of the methods lacks counts for none of the rows, so that all are means of the same clips.
    """
    values: list[Value] = []
    notes: list[str] = []
    for scene, result in zip(scenes, found, strict=True):
        notes += result.problems
        if not complete(scene, result):
            continue
        for row, scored in result.rows.items():
            values += [Value(scene.set, row, scene.clip, name, score) for name, score in scored.scores.items()]
            notes += scored.notes
    return values, list(dict.fromkeys(notes))


def complete(scene: Scene, result: SceneScores) -> bool:
    """Whether every method, and the real video, has a score."""
    return {REAL, *(name for name, _ in scene.made)} <= result.rows.keys()


def set_distances(scenes: Sequence[Scene], found: Sequence[SceneScores], rows: Sequence[str]) -> list[str]:
    """FID, FVD and the expressions' distance of every row against the real videos, over all complete scenes of a set,
    in words; and what two halves of the real videos are apart, which is the part that few videos make."""
    by: dict[tuple[str, str], dict[str, list[Float]]] = {}
    for scene, result in zip(scenes, found, strict=True):
        for row, scored in result.rows.items() if complete(scene, result) else ():
            for name, features in scored.features.items():
                by.setdefault((scene.set, name), {}).setdefault(row, []).append(features)
    return [
        f"{name} against the real videos, all of them together ({where}): "
        + ", ".join(f"{row} {distance(kept[row], kept[REAL]):.3g}" for row in rows if row in kept and row != REAL)
        + _halves(kept[REAL])
        for (where, name), kept in by.items()
        if REAL in kept
    ]


def _halves(real: Sequence[Float]) -> str:
    """What every second real video is apart from the others, in words; "" where there are too few."""
    return (
        f"; every second real video against the others {distance(real[::2], real[1::2]):.3g}" if len(real) > 1 else ""
    )


@lru_cache(maxsize=_IN_SIGHT)
def _seen(sha: str, file: Path, watching: Watching, sound: Path | None) -> Watched:
    """A video looked at; sha: of its file, so that it is looked at again when that changes."""
    return watch(file, watching, sound)


def _video(desk: Desk, file: Path, lag: float = 0.0, sound: Path | None = None) -> Watched:
    """A video, its sound moved; sound: a file that holds it instead."""
    found = _seen(sha_of(file), file, desk.watching, sound)
    return found if not lag else replace(found, samples=moved(found.samples, lag))


def moved(samples: Float, lag: float) -> Float:
    """Samples (S,) at 16 kHz of a sound that is `lag` frames early (negative: late), put in step; silence fills up."""
    shift = round(lag * SAMPLE_RATE / VIDEO_FPS)
    if shift >= 0:
        return np.concatenate([np.zeros(shift, np.float32), samples])[: len(samples)]
    return np.concatenate([samples[-shift:], np.zeros(min(-shift, len(samples)), np.float32)])


def _scored(row: Row, desk: Desk) -> Scored:
    """Looks at the videos of a row, scores it, and keeps that."""
    clip, truth, notes = _ready(row, desk)
    judges = Judges.load(desk.judges)
    case = Case(clip, truth, _video(desk, row.person), row.label, judges)
    features = {} if row.name in (SHUFFLED, AS_CAME) else judges.set_features(clip)
    found = Scored(score(case, row.asked), notes, features)
    if desk.scores is not None:
        _keep(desk.scores / row.key(desk), found)
    return found


def _ready(row: Row, desk: Desk) -> tuple[Watched, Watched, tuple[str, ...]]:
    """A row's video and its truth, of the same length, and what was made equal."""
    clip = _video(desk, row.file, row.lag, row.sound)
    truth = _video(desk, row.truth.file, row.truth.lag, row.truth.sound)
    if row.name == REAL:
        return clip, truth, tuple(f"{clip.name}, {REAL}: {note}" for note in truth.notes)
    if row.name in (AS_CAME, MANNER):
        return clip, truth, ()
    if row.name == STILL:
        return clip.held(), truth, ()
    if row.name == SHUFFLED:
        clip, truth = _same_length(clip, truth)
        return replace(clip, samples=truth.samples), truth, ()
    if len(clip) < _LEAST_LENGTH * len(truth):
        raise UnusableInput(f"{len(clip)} frames are less than half of the real video's {len(truth)}.")
    return (*_same_length(clip, truth), tuple(_differences(row, clip, truth)))


def _same_length(clip: Watched, truth: Watched) -> tuple[Watched, Watched]:
    frames = min(len(clip), len(truth))
    return clip.first(frames), truth.first(frames)


def _differences(row: Row, made: Watched, real: Watched) -> Iterator[str]:
    """What was made equal before scoring, in words."""
    name = f"{made.name}, {row.name}"
    if len(made) != len(real):
        yield f"{name}: {len(made)} frames against {len(real)}; the shorter was scored."
    if made.size != real.size and "picture" in row.asked:
        yield f"{name}: {made.size[0]} × {made.size[1]} px against {real.size[0]} × {real.size[1]}."
    yield from (f"{name}: {note}" for note in made.notes)


def _keep(file: Path, found: Scored) -> None:
    """As JSON, with the features in an .npz beside it, which is written first."""
    if found.features:
        with replacing(file.with_suffix(".npz")) as part, part.open("wb") as handle:
            np.savez(handle, **found.features)  # type: ignore[arg-type]
    text = json.dumps({"scores": found.scores, "notes": found.notes, "features": sorted(found.features)})
    with replacing(file.with_suffix(".json")) as part:
        part.write_text(text, encoding="utf-8")


def _kept(row: Row, desk: Desk) -> Scored | None:
    """What was scored before; None where nothing was, or the file is damaged."""
    if desk.scores is None:
        return None
    file = (desk.scores / row.key(desk)).with_suffix(".json")
    try:
        stored = json.loads(file.read_text(encoding="utf-8"))
        scores = {name: Score(*pair) for name, pair in stored["scores"].items()}
        features = {}
        if stored["features"]:
            with np.load(file.with_suffix(".npz"), allow_pickle=False) as arrays:
                features = {name: arrays[name] for name in stored["features"]}
        return Scored(scores, tuple(stored["notes"]), features)
    except (OSError, ValueError, KeyError, TypeError):
        return None
