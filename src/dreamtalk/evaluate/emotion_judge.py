"""A judge of emotions, or of the paper's style groups: which one does a tracked face show?

Linear, over means of 2 s: of the tracker's blendshape scores, which were made for all faces, or of the motion in our
face space, as the paper's Style Accuracy has it. No judge is shipped, because there are no licence-clean emotional
films to learn from: `dreamtalk train emotion-judge` makes one of the user's data. How often it is right about people
that it never saw travels in its file, and classes that it cannot tell are refused, not guessed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from rich.table import Table
from torch import Tensor, nn

from dreamtalk.errors import UnusableInput
from dreamtalk.evaluate.style_references import spans
from dreamtalk.face.blendshapes import BLENDSHAPES
from dreamtalk.face.model import FaceModel
from dreamtalk.style.guess import neutral_guess
from dreamtalk.types import FaceTrack, Float
from dreamtalk.weights import read_model, save_model

Sees: TypeAlias = Literal["scores", "motion"]
Field: TypeAlias = Literal["emotion", "intensity", "speaker"]

FIELDS: tuple[Field, ...] = ("emotion", "intensity", "speaker")
"""Labels that a class may be made of."""

LEAST_UNITS = 4
"""People (of classes that hold a speaker: takes) below which nothing can be said of the next one."""

_ABOVE_CHANCE = 0.125
"""A class is told where the lower bound of its share right is this share of the way from chance to always."""

_WILSON = 1.96
"""Standard deviations of the 95 % interval."""

_SCORES = [i for i, name in enumerate(BLENDSHAPES) if i > 0 and not name.startswith(("eyeLook", "eyeBlink"))]
"""Scores that are looked at: gaze and blinks belong to no emotion."""

_FORMAT = "dreamtalk-emotion-judge-1"


@dataclass(frozen=True, slots=True)
class Reliability:
    """How a judge does on people (takes) that it did not learn from.

    units: how many of each class. recall: share of each class's clips that is right, mean over units. confusion: (C, C)
    share of the clips of a class (row) taken for another (column), units alike. accuracy: mean of the recalls, with its
    95 % bootstrap interval over units. shuffled: the same of a judge that learned exchanged labels. confidence: mean
    probability of what it says.
    """

    units: tuple[int, ...]
    recall: tuple[float, ...]
    confusion: tuple[tuple[float, ...], ...]
    accuracy: float
    low: float
    high: float
    shuffled: float
    confidence: float

    def bounds(self, index: int) -> tuple[float, float]:
        """95 % interval (Wilson 1927) of the recall of a class, people counted, not clips."""
        n, p = self.units[index], self.recall[index]
        middle = p + _WILSON**2 / (2 * n)
        reach = _WILSON * float(np.sqrt(p * (1 - p) / n + _WILSON**2 / (4 * n * n)))
        whole = 1 + _WILSON**2 / n
        return (middle - reach) / whole, (middle + reach) / whole


@dataclass(frozen=True, slots=True)
class JudgeConfig:
    """classes: names. groups: labels that a class's name is made of. sees: which numbers. source: what it learned from,
    in words, with its licence classes."""

    classes: tuple[str, ...]
    groups: tuple[Field, ...]
    sees: Sees
    source: str
    held_out: Reliability


class EmotionJudge(nn.Module):
    """Standardises its numbers and weighs them: features (N, F) to logits (N, C)."""

    mean: Tensor
    scale: Tensor
    weight: Tensor
    bias: Tensor

    def __init__(self, config: JudgeConfig, arrays: dict[str, Tensor]) -> None:
        """arrays: mean (F,), scale (F,), weight (F, C), bias (C,)."""
        super().__init__()
        self.config = config
        for name in ("mean", "scale", "weight", "bias"):
            self.register_buffer(name, arrays[name].float())

    def forward(self, features: Tensor) -> Tensor:
        return ((features - self.mean) / self.scale) @ self.weight + self.bias

    @property
    def told(self) -> tuple[str, ...]:
        """Classes that it tells apart: of enough people, and surely above chance."""
        held, chance = self.config.held_out, 1.0 / len(self.config.classes)
        least = chance + _ABOVE_CHANCE * (1.0 - chance)
        return tuple(
            name
            for index, name in enumerate(self.config.classes)
            if held.units[index] >= LEAST_UNITS and held.bounds(index)[0] > least
        )

    @torch.inference_mode()
    def probabilities(self, track: FaceTrack, face: FaceModel) -> Float:
        """(C,) what the face of a track shows; mean over windows of 2 s."""
        seen = torch.from_numpy(features_of(track, face, self.config.sees))
        return np.asarray(self(seen).softmax(dim=1).mean(dim=0).numpy(), dtype=np.float32)

    def class_of(self, labels: Mapping[str, str]) -> str:
        """The class that labels name, "" where one of them is missing."""
        return class_name(self.config.groups, labels)

    def save(self, file: Path) -> None:
        """As safetensors with everything said of it in the header."""
        save_model(file, self, _FORMAT, json.dumps(asdict(self.config)), precision=torch.float32)

    @classmethod
    def load(cls, file: Path) -> EmotionJudge:
        """Raises UnusableInput when the file is no judge."""
        arrays, text = read_model(file, _FORMAT, "emotion judge")
        try:
            given = json.loads(text)
            held = given.pop("held_out")
            held["confusion"] = tuple(tuple(row) for row in held["confusion"])
            return cls(JudgeConfig(**_tuples(given), held_out=Reliability(**_tuples(held))), arrays).eval()
        except (KeyError, TypeError, ValueError) as problem:
            raise UnusableInput(f"{file} is an emotion judge of another version. Train it again.") from problem

    def words(self) -> str:
        """How far it is to be believed, for beside its figures."""
        held, classes = self.config.held_out, self.config.classes
        unit = "takes" if "speaker" in self.config.groups else "people"
        each = ", ".join(f"{c} {held.recall[i]:.2f} ({held.units[i]})" for i, c in enumerate(classes))
        refused = [c for c in classes if c not in self.told]
        left = f" Refused, because it cannot tell them: {', '.join(refused)}." if refused else ""
        return (
            f"This judge on real clips of {unit} that it did not learn from: {held.accuracy:.2f} [{held.low:.2f}, "
            f"{held.high:.2f}] right, classes alike ({len(classes)} classes, chance {1 / len(classes):.2f}, learned "
            f"from exchanged labels {held.shuffled:.2f}); share right of each class and number of {unit}: {each}.{left}"
        )

    def table(self) -> Table:
        """How often real clips of people it did not learn from are right, and what else they are taken for."""
        held, classes = self.config.held_out, self.config.classes
        table = Table(title="Real clips of people or takes held out", title_justify="left")
        for column in ("class", "n", "right", "95 %", "else taken for", ""):
            table.add_column(column)
        for index, name in enumerate(classes):
            low, high = held.bounds(index)
            others = sorted(zip(held.confusion[index], classes, strict=True), reverse=True)
            wrong = ", ".join(f"{other} {share:.2f}" for share, other in others if share and other != name)
            said = "" if name in self.told else "refused"
            table.add_row(
                name, str(held.units[index]), f"{held.recall[index]:.2f}", f"{low:.2f}-{high:.2f}", wrong, said
            )
        return table


def class_name(groups: Sequence[Field], labels: Mapping[str, str]) -> str:
    """ "happy-3" of groups emotion and intensity; "" where a label is missing."""
    words = [labels.get(group, "") for group in groups]
    return "-".join(words) if all(words) else ""


def _tuples(values: dict[str, Any]) -> dict[str, Any]:
    """JSON's lists as tuples."""
    return {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}


def features_of(track: FaceTrack, face: FaceModel, sees: Sees) -> Float:
    """(N, F) of the windows of 2 s, half overlapping, of the frames with a face; of all when there are fewer.

    scores: roots of the mean scores, because small ones tell much. motion: how far the mean pose is likely to be from
    the person's neutral (style/guess.py), and how much each coefficient moves about its mean.
    """
    found = np.flatnonzero(track.valid)
    look = _scores if sees == "scores" else _motion
    return np.stack([look(track, found[span], face) for span in spans(len(found))])


def _scores(track: FaceTrack, frames: NDArray[np.intp], face: FaceModel) -> Float:
    mean = track.blendshapes[frames][:, _SCORES].mean(axis=0)
    return np.asarray(np.sqrt(np.clip(mean, 0.0, None)), dtype=np.float32)


def _motion(track: FaceTrack, frames: NDArray[np.intp], face: FaceModel) -> Float:
    offset = neutral_guess().offset(track.landmarks[frames], track.blendshapes[frames], face)
    return np.concatenate([offset, track.expression[frames].std(axis=0)]).astype(np.float32)
