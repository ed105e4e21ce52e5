"""Makes a user study: videos under names that tell nothing, a page that shows them in each rater's own order, and the
key that says what was what, which stays with the maker.

Two kinds (paper IV-F): ratings from 1 to 5 of single videos, and the choice between two videos beside a reference.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import dataclass
from importlib import resources
from itertools import combinations
from pathlib import Path

import numpy as np

from dreamtalk.errors import UnusableInput, UnusableOutput
from dreamtalk.evaluate.videos import videos_of
from dreamtalk.media.files import replacing

QUESTIONS: dict[str, str] = {
    "lip_sync": "How well do the lips go with the speech?",
    "realness": "How real does the video look?",
    "style": "How well does the manner of speaking go with that of the reference?",
}
"""Aspects rated from 1 to 5 (5 is best). "style" is asked where there is a reference video."""

CHOICE = "Which of the two shows the manner of speaking of the reference better?"

KEY_FILE = "key.json"
PAGE_FOLDER = "page"
_FORMAT = "dreamtalk-study-1"


@dataclass(frozen=True, slots=True)
class StudyPlan:
    """What is shown. methods: name to folder of videos; videos of the same file name are of the same sample.
    references: folder of the videos whose manner was asked for, by the same names. choose: ask which of two methods is
    nearer to the reference, in place of ratings. samples: at most so many, drawn by the seed. title: of the page."""

    methods: dict[str, Path]
    references: Path | None = None
    choose: bool = False
    samples: int = 30
    title: str = "Talking heads"
    seed: int = 0


def make_study(plan: StudyPlan, folder: Path) -> int:
    """Writes folder/page (index.html and its videos, to be put on any web server or handed out) and folder/key.json.

    Returns the number of trials. Raises UnusableInput when the methods share no sample, UnusableOutput when the folder
    is not an empty one or cannot be written.
    """
    random = np.random.default_rng(plan.seed)
    names = _samples(plan, random)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UnusableOutput(
            f"{folder} is not an empty folder. Choose a new folder: a study under way must not change."
        )
    try:
        with replacing(folder) as part:
            return _write(plan, names, part, random)
    except OSError as problem:
        raise UnusableOutput(f"The study cannot be written to {folder}: {problem.strerror}.") from problem


def _write(plan: StudyPlan, names: list[str], folder: Path, random: np.random.Generator) -> int:
    page = folder / PAGE_FOLDER
    (page / "videos").mkdir(parents=True)
    blind = _Blind(page, random)
    trials, key = _choices(plan, names, blind) if plan.choose else _ratings(plan, names, blind)
    text = {"format": _FORMAT, "kind": "choice" if plan.choose else "rating", "trials": key}
    number = hashlib.sha256(json.dumps([plan.title, text, trials]).encode()).hexdigest()[:16]
    study = {
        "format": _FORMAT,
        "study": number,
        "title": plan.title,
        "questions": {} if plan.choose else QUESTIONS,
        "choice": CHOICE if plan.choose else None,
        "trials": trials,
    }
    template = resources.files("dreamtalk.evaluate.study").joinpath("page.html").read_text(encoding="utf-8")
    inside = json.dumps(study).replace("<", "\\u003c")  # a title must not end the script, nor begin one
    (page / "index.html").write_text(template.replace("/*STUDY*/null", inside), encoding="utf-8")
    (folder / KEY_FILE).write_text(json.dumps({**text, "study": number}, indent=1), encoding="utf-8")
    return len(trials)


class _Blind:
    """Copies videos under random names, the same file once."""

    def __init__(self, page: Path, random: np.random.Generator) -> None:
        self._page, self._random = page, random
        self._names: dict[Path, str] = {}

    def __call__(self, video: Path) -> str:
        """The page's path of a video."""
        if video not in self._names:
            self._names[video] = f"videos/{self._random.bytes(8).hex()}{video.suffix.lower()}"
            shutil.copyfile(video, self._page / self._names[video])
        return self._names[video]


def _ratings(plan: StudyPlan, names: list[str], blind: _Blind) -> tuple[list[dict[str, object]], dict[str, object]]:
    trials: list[dict[str, object]] = []
    key: dict[str, object] = {}
    for sample in names:
        reference = None if plan.references is None else blind(videos_of(plan.references)[sample])
        for method, folder in plan.methods.items():
            number = f"t{len(trials)}"
            asked = [name for name in QUESTIONS if name != "style" or reference is not None]
            trials.append(
                {"id": number, "videos": [blind(videos_of(folder)[sample])], "reference": reference, "asked": asked}
            )
            key[number] = {"sample": sample, "methods": [method]}
    return trials, key


def _choices(plan: StudyPlan, names: list[str], blind: _Blind) -> tuple[list[dict[str, object]], dict[str, object]]:
    if plan.references is None:
        raise UnusableInput("A choice needs reference videos beside the two.")
    trials: list[dict[str, object]] = []
    key: dict[str, object] = {}
    for sample in names:
        reference = blind(videos_of(plan.references)[sample])
        for pair in combinations(plan.methods, 2):
            number = f"t{len(trials)}"
            videos = [blind(videos_of(plan.methods[method])[sample]) for method in pair]
            trials.append({"id": number, "videos": videos, "reference": reference, "asked": []})
            key[number] = {"sample": sample, "methods": list(pair)}
    return trials, key


def _samples(plan: StudyPlan, random: np.random.Generator) -> list[str]:
    """Names of the samples that every folder has."""
    if len(plan.methods) < 2:
        raise UnusableInput("A study compares at least two methods: --method NAME=FOLDER, twice or more.")
    if plan.samples < 1:
        raise UnusableInput(f"--samples must be at least 1, not {plan.samples}.")
    folders = [*plan.methods.values(), *([] if plan.references is None else [plan.references])]
    found = [set(videos_of(folder)) for folder in folders]
    common = sorted(set.intersection(*found))
    if not common:
        raise UnusableInput("The folders have no video of the same name in common.")
    return sorted(random.choice(common, min(plan.samples, len(common)), replace=False).tolist())
