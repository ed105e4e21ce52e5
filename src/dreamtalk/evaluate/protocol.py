"""The paper's protocol on a data set, any method, one report: `dreamtalk evaluate protocol DATASET ROOT -o DIR`.

Three passes, each in one process or many, each kept under the sha256 of what it was made of, so that a run that was
stopped goes on where it was: the inputs of every clip, our videos of every take, the scores of every scene.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np

from dreamtalk.data.held_out import HeldOut, held_out
from dreamtalk.data.source import SourceClip
from dreamtalk.errors import UnusableInput
from dreamtalk.evaluate import published
from dreamtalk.evaluate.choices import ScoringChoices
from dreamtalk.evaluate.figures import Figure
from dreamtalk.evaluate.judges import Judges
from dreamtalk.evaluate.portraits import PortraitChoice, parted_lips
from dreamtalk.evaluate.protocol_make import Method, Studio, make_inputs, make_take, parse_method, plain
from dreamtalk.evaluate.protocol_plan import ABOUT, SAME, TITLES, Cross, Take, evenly, takes_of
from dreamtalk.evaluate.report import Report, Value, versions
from dreamtalk.evaluate.scenes import (
    DIED,
    LEGEND,
    Desk,
    Real,
    Scene,
    SceneScores,
    score_scenes,
    set_distances,
    values_of,
    with_bar,
)
from dreamtalk.evaluate.sources import saying_else
from dreamtalk.evaluate.stamps import given, shipped
from dreamtalk.evaluate.suite import EVERYTHING, NO_REAL, OTHER_MANNER, OTHER_PERSON, Asks, Label, metrics_of, suite
from dreamtalk.evaluate.videos import figures_of, videos_of
from dreamtalk.evaluate.watching import Watching

Item = TypeVar("Item")
Result = TypeVar("Result")

_ELSEWHERE = ("out", "workers", "address")
"""Of the configuration: what no result depends on."""

ASKED: dict[str, frozenset[Asks]] = {
    SAME: EVERYTHING,
    "style": OTHER_MANNER,
    "portrait": OTHER_PERSON,
    "emotion": NO_REAL | {"lips"},
}
"""What can be measured in each kind of take."""


@dataclass(frozen=True)
class ProtocolEvaluation(ScoringChoices):
    """What to make and measure."""

    dataset: str
    """talkset, mead, hdtf, voxceleb2, ravdess, crema-d, grid, or folder (any folder of videos)."""
    root: Path
    """Its folder, as `dreamtalk prepare` expects it."""
    out: Path
    """Folder for the report (report.html and tables), the inputs of all methods and our videos."""
    listed: Path | None = None
    """File with the names of the test clips, one per line. None: the data set's own rule (docs/video_evaluation.md)."""
    methods: tuple[str, ...] = ("ours",)
    """Ways to make videos: "ours", or NAME:option=value,... such as "regression:motion_weights=regression.safetensors",
    "calm:intensity=0.5", "real head:pose=real"."""
    videos: tuple[str, ...] = ()
    """Other people's videos beside: "SadTalker=DIR", a folder of <clip>.mp4 made from DIR/inputs of this command."""
    cross: tuple[Cross, ...] = ("style", "portrait", "emotion")
    """Cross-ID tables: the style, the portrait, or emotions of another person."""
    cross_clips: int = 24
    """Clips of each cross-ID table, at most."""
    portrait: PortraitChoice = "first"
    """Frame of the test video that is the portrait. first: the first with a face, as in the paper. calmest: the one
    with the most closed lips in the first 3 s."""
    coefficients: Path | None = None
    """Folder with <clip>.mat, the coefficients that official weights take as style and pose."""


def evaluate_protocol(config: ProtocolEvaluation) -> tuple[Report, list[Figure]]:
    """Makes what is missing, scores it, and puts it together; the same for the same data, however often it was stopped.

    Raises UnusableInput when the data set, a method, or a folder cannot be used, or nothing could be scored.
    """
    _check(config)
    run = _Run(config)
    run.make()
    scenes = run.scenes()
    found = run.score(scenes)
    return run.report(scenes, found)


class _Run:
    """One evaluation: its clips, takes and places."""

    def __init__(self, config: ProtocolEvaluation) -> None:
        self.config = config
        tests = held_out(config.dataset, config.root, config.listed)
        self.tests = HeldOut(
            evenly(tests.clips, config.limit), tests.references, tests.groups, tests.rule, tests.published
        )
        self.takes = takes_of(self.tests, config.cross, config.cross_clips, config.seed)
        self.methods = tuple(parse_method(text) for text in config.methods)
        self.others = dict(_other(text) for text in config.videos)
        self.judges = Judges.load(config.judges)  # a wrong file is told now
        watching = Watching(config.seconds, config.out / "kept" / "tracks")
        self.studio = Studio(config.out, watching, self.methods, config.coefficients, config.portrait)
        self.desk = Desk(watching, config.judges, config.out / "kept" / "scores")
        self.marks = config.out / "kept" / "begun"
        self.clips = {clip.id: clip for clip in (*self.tests.references, *self.tests.clips)}
        self.notes: list[str] = []
        _check_names(self.methods, self.others)

    def make(self) -> None:
        """Inputs of every clip that a take uses, then our videos of every take."""
        used = {name for take in self.takes for name in (take.speech, take.portrait, take.style)}
        clips = [clip for name, clip in sorted(self.clips.items()) if name in used]
        silent = frozenset(clip.id for clip in self.tests.references)
        told = self._all("inputs", partial(make_inputs, studio=self.studio, silent=silent), clips)
        bad = set()
        for clip, problem in zip(clips, told, strict=True):
            if problem != "":
                bad.add(clip.id)
                self.notes.append(problem or f"{clip.id} left out: {DIED}")
        self.takes = [take for take in self.takes if not {take.speech, take.portrait, take.style} & bad]
        faces = sorted({take.portrait for take in self.takes})
        self.notes += parted_lips({name: self.studio.inputs(name).track for name in faces}, self.config.portrait)
        made = self._all("videos", partial(make_take, studio=self.studio), self.takes)
        for take, problems in zip(self.takes, made, strict=True):
            self.notes += (f"{take.speech}, not made: {DIED}",) if problems is None else problems

    def scenes(self) -> list[Scene]:
        """A scene per take, and for clips of a group one more, whose scores are the same."""
        reals = {take.speech: self._real(take.speech) for take in self.takes}
        others = self._others(sorted(reals))
        groups = dict(self.tests.groups)
        scenes = [self._scene(take, reals, others) for take in self._shared(self.takes)]
        own = [scene for scene in scenes if scene.set == TITLES[SAME] and scene.clip in groups]
        return scenes + [replace(scene, set=groups[scene.clip]) for scene in own]

    def _shared(self, takes: list[Take]) -> list[Take]:
        """The takes without clips that somebody's folder lacks, which is noted: rows are means of the same clips."""
        own = {take.speech for take in takes if take.kind == SAME}
        lacking: set[str] = set()
        for name, folder in self.others.items():
            if missing := own - folder.keys():
                self.notes.append(f"{name} lacks {len(missing)} of {len(own)} clips: they count for no row.")
                lacking |= missing
        return [take for take in takes if take.kind != SAME or take.speech not in lacking]

    def score(self, scenes: list[Scene]) -> list[SceneScores]:
        """Every scene's scores; a scene that stands in two tables is scored once."""
        first = [scene for scene in scenes if scene.set in TITLES.values()]
        scored = score_scenes(first, self.desk, self.marks, self.config.workers, self.config.address)
        known = {scene.clip: result for scene, result in zip(first, scored, strict=True) if scene.set == TITLES[SAME]}
        return scored + [known[scene.clip] for scene in scenes[len(first) :]]

    def report(self, scenes: list[Scene], found: list[SceneScores]) -> tuple[Report, list[Figure]]:
        """Tables and figures."""
        config = self.config
        values, more = values_of(scenes, found)
        if not values:
            why = [note for note in (*self.notes, *more) if "not made: " in note or "left out: " in note]
            raise UnusableInput("Nothing could be scored. " + " ".join(why[:3]))
        rows = self._rows(values)
        figures = self._figures(scenes, found, rows)
        notes = [f"Test clips: {self.tests.rule}", *self.notes, *more, *set_distances(scenes, found, rows)]
        facts: dict[str, object] = {
            "config": _plain({key: value for key, value in asdict(config).items() if key not in _ELSEWHERE}),
            "versions": versions(),
            "weights": shipped() | config.judges.shas | given([f for m in self.methods for f in m.options.files]),
            "notes": notes,
        }
        report = Report(
            metrics=metrics_of(suite(self.judges)),
            sets=tuple(dict.fromkeys(scene.set for scene in scenes)),
            rows=rows,
            values=tuple(values),
            facts=facts,
            resamples=config.resamples,
            seed=config.seed,
            title=f"Protocol on {config.dataset}",
            legend=self._legend(rows),
            bounds=tuple(row for row in rows if row in LEGEND),
            tables=() if self.tests.published is None else (published.table(self.tests.published),),
        )
        return report, figures

    def _all(self, title: str, work: Callable[[Item], Result], items: Sequence[Item]) -> list[Result | None]:
        return with_bar(title, work, items, self.marks, self.config.workers, self.config.address)

    def _real(self, name: str) -> Real:
        clip = self.clips[name]
        inputs = self.studio.inputs(name)
        if clip.sound is not None and clip.part is None:  # the input's sound is in step already
            return Real(inputs.video, 0.0, label_of(clip), inputs.sound)
        return Real(inputs.video, clip.lag_frames or 0.0, label_of(clip))

    def _others(self, names: list[str]) -> dict[str, str]:
        """Another clip for every one, for the shuffled row."""
        places = saying_else([self.clips[name].transcript for name in names], np.random.default_rng(self.config.seed))
        return {name: names[place] for name, place in zip(names, places, strict=True) if place is not None}

    def _scene(self, take: Take, reals: dict[str, Real], others: dict[str, str]) -> Scene:
        made = [(method.name, self.studio.video(take, method)) for method in self.methods]
        if take.kind == SAME:
            made += [(name, folder[take.speech]) for name, folder in self.others.items() if take.speech in folder]
        manner = None if take.style == take.speech else self._real(take.style)
        clip, lent, face = self.clips[take.speech], self.clips[take.style], self.clips[take.portrait]
        return Scene(
            set=TITLES[take.kind],
            clip=take.speech,
            real=reals[take.speech],
            made=tuple(made),
            asked=ASKED[take.kind],
            label=Label(lent.emotion, lent.intensity, face.speaker, clip.transcript),
            person=self.studio.inputs(take.portrait).video,
            other=reals[others[take.speech]] if take.speech in others else None,
            manner=manner,
            about=ABOUT.get(take.kind, "").format(style=take.style, portrait=take.portrait),
        )

    def _rows(self, values: list[Value]) -> tuple[str, ...]:
        used = {value.row for value in values}
        wanted = [*(method.name for method in self.methods), *self.others, *LEGEND]
        return tuple(row for row in wanted if row in used)

    def _legend(self, rows: tuple[str, ...]) -> dict[str, str]:
        told = {m.name: f"made here: {text}" for m, text in zip(self.methods, self.config.methods, strict=True)}
        told |= dict.fromkeys(self.others, "other people's videos of the same clips")
        return {row: (told | LEGEND)[row] for row in rows}

    def _figures(self, scenes: list[Scene], found: list[SceneScores], rows: tuple[str, ...]) -> list[Figure]:
        """Of the takes; a clip of a group is shown there, too."""
        own = [(scene, scores) for scene, scores in zip(scenes, found, strict=True) if scene.set in TITLES.values()]
        shown, scores = [scene for scene, _ in own], [each for _, each in own]
        drawn = figures_of(shown, scores, self.desk.watching, rows, self.config, self.marks)
        groups = {(TITLES[SAME], clip): name for clip, name in self.tests.groups}
        return [replace(f, sets=(*f.sets, groups.get((f.sets[0], f.clip), f.sets[0]))) for f in drawn]


def label_of(clip: SourceClip) -> Label:
    """What its data set says of a clip."""
    return Label(clip.emotion, clip.intensity, clip.speaker, clip.transcript)


def _check(config: ProtocolEvaluation) -> None:
    """Raises UnusableInput for a configuration that makes no sense, or without the packages that are needed."""
    config.check()
    if config.cross_clips < 1:
        raise UnusableInput(f"--cross-clips must be at least 1, not {config.cross_clips}.")


def _check_names(methods: Sequence[Method], others: Iterable[str]) -> None:
    """Raises UnusableInput unless every row has a name of its own."""
    names = [*LEGEND, *(method.name for method in methods), *others]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise UnusableInput(f"There would be more than one row {twice[0]!r}. Give every method a name of its own.")
    folders = [plain(method.name) for method in methods]
    if twice := sorted({name for name in folders if folders.count(name) > 1}):
        raise UnusableInput(f"More than one --method would be kept in the folder {twice[0]!r}. Give them other names.")
    if not methods:
        raise UnusableInput("Give at least one --method, such as ours.")


def _plain(config: dict[str, object]) -> object:
    """As JSON has it: paths as text."""
    return json.loads(json.dumps(config, default=str))


def _other(given: str) -> tuple[str, dict[str, Path]]:
    """ "NAME=DIR" as the name and its videos. Raises UnusableInput."""
    name, sign, folder = given.partition("=")
    if not sign or not name.strip():
        raise UnusableInput(f"--videos {given!r} must read NAME=FOLDER, such as SadTalker=results/sadtalker.")
    return name.strip(), videos_of(Path(folder))
