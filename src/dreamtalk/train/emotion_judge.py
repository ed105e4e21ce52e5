"""Teaches a judge of emotions or style groups, and finds out how far it is to be believed (evaluate/emotion_judge.py).

Everybody is judged once by a judge that learned from all others; where a class is one speaker's (the paper's groups of
MEAD, as the released code divides it), takes are held out instead. The file holds a judge that learned from all.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from rich.progress import track as progress

from dreamtalk.data.adapters import layout
from dreamtalk.data.talkset import read_talkset
from dreamtalk.device import torch_threads
from dreamtalk.errors import DreamTalkError, UnusableInput
from dreamtalk.evaluate.emotion_judge import (
    FIELDS,
    EmotionJudge,
    Field,
    JudgeConfig,
    Reliability,
    Sees,
    class_name,
    features_of,
)
from dreamtalk.evaluate.tracks import load_track
from dreamtalk.face.model import FaceModel
from dreamtalk.face.video import track_of
from dreamtalk.types import Float

_RIDGE = 0.1
"""Weight of the squared weights beside the mean loss. Chosen by hand; 0.03 to 1 do alike on eleven people."""

_ROUNDS = 25
"""At most so many judges are made to judge everybody once."""

_DRAWS = 1000
"""Of the bootstrap."""

_UNKNOWN = "unlabelled"
"""The talkset's word for no label."""

_FITTING_STEPS = 200

_LEAST_SPREAD = 1e-6
"""Added to standard deviations: a number that never changes says nothing."""


@dataclass(frozen=True, slots=True)
class EmotionJudgeConfig:
    """What to learn from, and what to tell.

    data: folder of a talkset, or of a data set as it came (layout). groups: labels that make a class. sees: scores
    tells emotions of strangers better; motion is the paper's kind. tracks: folder of ready ID.npz track files (talkset
    only). most: clips of each person in each class at most.
    """

    data: Path
    layout: str = "talkset"
    groups: tuple[Field, ...] = ("emotion",)
    sees: Sees = "scores"
    tracks: Path | None = None
    most: int = 3
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Face:
    """A clip to learn from. features: (N, F), see features_of. unit: who or which take is held out together."""

    id: str
    label: str
    unit: str
    licence_class: str
    features: Float = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Clip:
    id: str
    file: Path
    speaker: str
    labels: dict[str, str]
    licence_class: str


def train_emotion_judge(config: EmotionJudgeConfig) -> EmotionJudge:
    """A judge of all faces there are. Raises UnusableInput when they are too few to teach or to test one."""
    _check(config)
    faces = _enough(list(load_faces(config)))
    classes = tuple(sorted({each.label for each in faces}))
    if len(classes) < 2:
        raise UnusableInput(
            f"{config.data} has {len(classes)} classes with two people or takes; a judge needs at least two."
        )
    licences = "/".join(sorted({each.licence_class for each in faces}))
    source = f"{len(faces)} clips of {len({f.unit for f in faces})} people or takes, {config.layout}, {licences}"
    held_out = judge_held_out(faces, classes, config.seed)
    return EmotionJudge(JudgeConfig(classes, config.groups, config.sees, source, held_out), _fitted(faces, classes))


def load_faces(config: EmotionJudgeConfig) -> Iterator[Face]:
    """The clips' features. Clips without a face or a label are left out."""
    face = FaceModel.load()
    clips = _thinned(_clips(config), config)
    for clip in progress(clips, description="Faces", transient=True):
        try:
            raw = load_track(clip.file, config.tracks if config.layout == "talkset" else None)
        except DreamTalkError:
            continue
        track = track_of(raw.landmarks, raw.blendshapes, raw.valid, face)
        unit = clip.id if "speaker" in config.groups else clip.speaker
        label = class_name(config.groups, clip.labels)
        yield Face(clip.id, label, unit, clip.licence_class, features_of(track, face, config.sees))


def judge_held_out(faces: Sequence[Face], classes: Sequence[str], seed: int) -> Reliability:
    """How judges do that learned from all others."""
    labels = [each.label for each in faces]
    random = np.random.default_rng(seed)
    said = _judged(faces, classes, labels, seed)
    taken = _taken(faces, classes, said)
    exchanged = [str(label) for label in random.permutation(labels)]
    by_chance = _taken(faces, classes, _judged(faces, classes, exchanged, seed))
    draws = random.integers(0, len(taken), size=(_DRAWS, len(taken)))
    low, high = np.quantile([_accuracy(taken[draw]) for draw in draws], (0.025, 0.975))
    confusion = np.nanmean(taken, axis=0)
    return Reliability(
        units=tuple(int(n) for n in np.isfinite(taken[:, :, 0]).sum(axis=0)),
        recall=tuple(float(share) for share in np.diag(confusion)),
        confusion=tuple(tuple(float(share) for share in row) for row in confusion),
        accuracy=_accuracy(taken),
        low=float(low),
        high=float(high),
        shuffled=_accuracy(by_chance),
        confidence=float(said.max(axis=1).mean()),
    )


def _check(config: EmotionJudgeConfig) -> None:
    """Raises UnusableInput for what makes no sense."""
    if not config.groups or len(set(config.groups)) < len(config.groups) or not set(config.groups) <= set(FIELDS):
        raise UnusableInput(f"--groups must be some of {', '.join(FIELDS)}, each once.")
    if config.most < 1:
        raise UnusableInput(f"--most must be at least 1, not {config.most}.")


def _clips(config: EmotionJudgeConfig) -> list[_Clip]:
    """Those with labels, of the train split. Raises UnusableInput where there is no such data set."""
    if config.layout == "talkset":
        rows = [c for c in read_talkset(config.data) if c.kind in ("av", "style") and c.split == "train"]
        found = [_Clip(c.id, c.file, c.speaker, _labels(c), c.licence_class) for c in rows]
    else:
        sources = [c for c in layout(config.layout).clips(config.data) if c.split == "train"]
        found = [_Clip(c.id, c.video, c.speaker, _labels(c), c.licence_class) for c in sources]
    return [clip for clip in found if class_name(config.groups, clip.labels)]


class _Labelled(Protocol):
    @property
    def emotion(self) -> str: ...
    @property
    def intensity(self) -> str: ...
    @property
    def speaker(self) -> str: ...


def _labels(clip: _Labelled) -> dict[str, str]:
    emotion = "" if clip.emotion == _UNKNOWN else clip.emotion
    return {"emotion": emotion, "intensity": clip.intensity, "speaker": clip.speaker}


def _thinned(clips: Sequence[_Clip], config: EmotionJudgeConfig) -> list[_Clip]:
    """At most so many of each person in each class, by chance."""
    random = np.random.default_rng(config.seed)
    kept: list[_Clip] = []
    count: Counter[tuple[str, str]] = Counter()
    for number in random.permutation(len(clips)):
        clip = clips[int(number)]
        key = clip.speaker, class_name(config.groups, clip.labels)
        count[key] += 1
        if count[key] <= config.most:
            kept.append(clip)
    return sorted(kept, key=lambda clip: clip.id)


def _enough(faces: Sequence[Face]) -> list[Face]:
    """Those of classes that two people or takes show: one can be learned from while the other is judged."""
    units: dict[str, set[str]] = defaultdict(set)
    for each in faces:
        units[each.label].add(each.unit)
    return [each for each in faces if len(units[each.label]) > 1]


def _judged(faces: Sequence[Face], classes: Sequence[str], labels: Sequence[str], seed: int) -> NDArray[np.float64]:
    """Probabilities (clips, C), every unit judged by who learned these labels of all others."""
    units = sorted({each.unit for each in faces})
    rounds = min(_ROUNDS, len(units))
    fold = dict(
        zip(np.random.default_rng(seed).permutation(units).tolist(), np.arange(len(units)) % rounds, strict=True)
    )
    said = np.zeros((len(faces), len(classes)))
    for number in range(rounds):
        known = [i for i, each in enumerate(faces) if fold[each.unit] != number]
        arrays = _fitted([replace(faces[i], label=labels[i]) for i in known], classes)
        for i, each in enumerate(faces):
            if fold[each.unit] == number:
                logits = (torch.from_numpy(each.features).double() - arrays["mean"]) / arrays["scale"]
                said[i] = (logits @ arrays["weight"] + arrays["bias"]).softmax(dim=1).mean(dim=0).numpy()
    return said


def _taken(faces: Sequence[Face], classes: Sequence[str], said: NDArray[np.float64]) -> NDArray[np.float64]:
    """(units, C, C): share of each unit's clips of a class taken for each; nan where it has none."""
    units = sorted({each.unit for each in faces})
    counts = np.zeros((len(units), len(classes), len(classes)))
    for each, probabilities in zip(faces, said, strict=True):
        counts[units.index(each.unit), classes.index(each.label), int(probabilities.argmax())] += 1
    total = counts.sum(axis=2, keepdims=True)
    return np.asarray(np.where(total > 0, counts / np.maximum(total, 1), np.nan))


def _accuracy(taken: NDArray[np.float64]) -> float:
    """Mean over the classes there are of the share that is right, units alike."""
    right = taken[:, np.arange(taken.shape[1]), np.arange(taken.shape[1])]
    there = np.isfinite(right).any(axis=0)
    return float(np.nanmean(right[:, there], axis=0).mean())


def _fitted(faces: Sequence[Face], classes: Sequence[str]) -> dict[str, torch.Tensor]:
    """Logistic regression in which every class counts alike, and in a class every unit."""
    clips = Counter((each.label, each.unit) for each in faces)
    units = Counter(label for label, _ in clips)
    weights = [
        np.full(len(e.features), 1.0 / (len(e.features) * clips[e.label, e.unit] * units[e.label] * len(units)))
        for e in faces
    ]
    w = torch.from_numpy(np.concatenate(weights))
    x = torch.from_numpy(np.concatenate([each.features for each in faces])).double()
    y = torch.tensor([classes.index(each.label) for each in faces for _ in each.features])
    mean = w @ x
    scale = (w @ (x - mean) ** 2).sqrt() + _LEAST_SPREAD
    x = (x - mean) / scale
    weight = torch.zeros(x.shape[1], len(classes), dtype=torch.float64, requires_grad=True)
    bias = torch.zeros(len(classes), dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.LBFGS([weight, bias], max_iter=_FITTING_STEPS, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        optimiser.zero_grad()
        fit = (w * torch.nn.functional.cross_entropy(x @ weight + bias, y, reduction="none")).sum()
        total = fit + _RIDGE / 2 * weight.square().sum()
        total.backward()  # type: ignore[no-untyped-call]
        return total

    with torch_threads(1):  # small sums: two threads would wait for each other
        optimiser.step(loss)  # type: ignore[no-untyped-call]
    return {"mean": mean, "scale": scale, "weight": weight.detach(), "bias": bias.detach()}
