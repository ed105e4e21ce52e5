"""How well does a lip expert hear? Accuracy, AUC and the best offset on talkers it never saw, plain and in styles."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from dreamtalk.data.talkers import TalkingClip, load_talkers
from dreamtalk.data.talkset import read_talkset
from dreamtalk.errors import UnusableInput
from dreamtalk.face.model import FaceModel
from dreamtalk.lipsync.expert import LipExpert
from dreamtalk.train.augment import StyleAugmentation
from dreamtalk.types import Float

_SHIFTS = tuple(range(-10, 11))
"""Frames by which the sound is moved in the search for the best offset; positive: later sound."""

_STRIDE = 2
"""Frames between the windows of a clip."""

_MISSES = (-9, -7, -5, -3, 3, 5, 7, 9)
"""Frames between a window and its negatives from the same clip."""


@dataclass(frozen=True, slots=True)
class LipExpertScore:
    """clips: how many. accuracy: share of pairs on the right side of P = 0.5, those in step and those out of step
    counting alike. auc: chance that one in step scores above one out of step. offsets: best offset of each clip in
    frames. in_step, out_of_step: mean P.
    """

    clips: int
    accuracy: float
    auc: float
    offsets: tuple[int, ...]
    in_step: float
    out_of_step: float


def evaluate_lip_expert(
    file: Path, dataset: Path, cache: Path = Path("work"), styles: int = 3, seed: int = 0
) -> dict[str, LipExpertScore]:
    """Scores by set: "GRID", "other" (lags corrected where they are trusted), and both "in styles".

    In styles: every clip spoken in `styles` drawn styles, with a reference in the same style. Raises UnusableInput when
    there are no dev clips.
    """
    face_model, expert = FaceModel.load(), LipExpert.load(file)
    rows = [c for c in read_talkset(dataset) if c.kind == "av" and c.split == "dev"]
    if not rows:
        raise UnusableInput(f"{dataset} has no talking clips in its dev split.")
    talkers = load_talkers(rows, cache, face_model, expert.config.encoder)
    augmentation = StyleAugmentation(talkers, face_model)
    grid = {c.id for c in rows if c.dataset == "GRID"}
    scores = {}
    for name, members in (
        ("GRID", [t for t in talkers if t.id in grid]),
        ("other", [t for t in talkers if t.id not in grid]),
    ):
        if not members:
            continue
        scores[name] = score_clips(expert, [(t, t.expression) for t in members])
        rng = np.random.default_rng(seed)
        styled = [(t, augmentation.apply(t, augmentation.draw(rng))) for t in members for _ in range(styles)]
        scores[f"{name} in styles"] = score_clips(expert, styled)
    return scores


@torch.inference_mode()
def score_clips(expert: LipExpert, clips: list[tuple[TalkingClip, Float]]) -> LipExpertScore:
    """Scores of clips with their expression (T, E); each is its own style reference."""
    inside: list[Float] = []
    outside: list[Float] = []
    offsets = []
    for number, (clip, expression) in enumerate(clips):
        stranger = clips[(number + 1) % len(clips)][0].features
        by_shift = {shift: probability(expert, expression, clip.features, shift) for shift in _SHIFTS}
        offsets.append(max(_SHIFTS, key=lambda s: (float(by_shift[s].mean()), -abs(s))))
        inside.append(by_shift[0])
        outside += [by_shift[shift][:: len(_MISSES)] for shift in _MISSES]
        outside.append(probability(expert, expression, stranger, 0))
    right, wrong = np.concatenate(inside), np.concatenate(outside)
    accuracy = ((right > 0.5).mean() + (wrong <= 0.5).mean()) / 2
    auc = (right[:, None] > wrong[None, :]).mean() + 0.5 * (right[:, None] == wrong[None, :]).mean()
    return LipExpertScore(
        len(clips), float(accuracy), float(auc), tuple(offsets), float(right.mean()), float(wrong.mean())
    )


def probability(expert: LipExpert, expression: Float, features: Float, shift: int) -> Float:
    """P_sync (W,) of a clip's windows with sound `shift` frames later."""
    n, total = expert.config.frames, min(len(expression), len(features) // 2)
    at = np.arange(max(0, -shift), total - n - max(0, shift) + 1, _STRIDE)
    motion = torch.from_numpy(expression[at[:, None] + np.arange(n)])
    sound = torch.from_numpy(features[2 * (at[:, None] + shift) + np.arange(2 * n)]).float()
    style = expert.style(torch.from_numpy(expression[None, :256]))
    own = None if style is None else style.expand(len(at), -1)
    return np.asarray(expert(motion, sound, own).numpy(), dtype=np.float32)


def show(scores: dict[str, LipExpertScore], console: Console | None = None) -> None:
    """The scores as a table."""
    table = Table(title="Lip expert on dev clips")
    for column in ("set", "clips", "accuracy", "AUC", "offset 0 ± 1", "median offset", "P in step", "P out of step"):
        table.add_column(column, justify="left" if column == "set" else "right")
    for name, score in scores.items():
        offsets = np.array(score.offsets)
        table.add_row(
            name,
            str(score.clips),
            f"{score.accuracy:.3f}",
            f"{score.auc:.3f}",
            f"{(np.abs(offsets) <= 1).mean():.2f}",
            f"{np.median(offsets):.0f}",
            f"{score.in_step:.2f}",
            f"{score.out_of_step:.2f}",
        )
    (console or Console()).print(table)
