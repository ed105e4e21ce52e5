"""`dreamtalk train lip-expert`: the style-aware lip expert (paper III-B, eq. 3 and 5), and its unconditional variant.

A pair is a window of lip motion and one of speech. Half of the pairs are in step. Of the others, half hear another
moment of the same clip, half another clip; both keep the clip's style, so that style alone gives nothing away.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from dreamtalk.data.talkers import TalkingClip
from dreamtalk.face.model import FaceModel
from dreamtalk.lipsync.expert import LipExpert, LipExpertConfig, sync_loss
from dreamtalk.train.augment import StyleAugmentation
from dreamtalk.train.batches import Batch, BatchMaker
from dreamtalk.train.clips import load_training_talkers
from dreamtalk.train.loop import LoopConfig, Losses, State, run_loop

_NEAREST_MISS = 3
"""Frames: sound and picture that are less far apart count as neither in step nor out of it."""


@dataclass(frozen=True, kw_only=True)
class LipExpertTraining(LoopConfig):
    """A whole training run."""

    data: Path
    """A talkset folder."""
    cache: Path = Path("work")
    """Where tracks and features are kept."""
    out: Path = Path("runs/lip-expert")
    expert: LipExpertConfig = field(default_factory=LipExpertConfig)
    steps: int = 3000
    rows: int = 24
    frames: int = 48
    """Talks per batch and consecutive frames of each, from which windows are cut."""
    windows: int = 16
    """Pairs per talk."""
    others_share: float = 0.3
    """Share of talks by everyone but the speaker with the most clips."""
    voices: bool = True
    """Whether every clip is heard in other voices and rooms as well (train/voices.py)."""
    clean_only: bool = True
    max_clips: int | None = None


@dataclass(frozen=True, slots=True)
class Pairs:
    """expression: (P, n, E). features: (P, 2 n, F). row: (P,) which talk's style. in_step: (P,) bool."""

    expression: Tensor
    features: Tensor
    row: Tensor
    in_step: Tensor


def train_lip_expert(config: LipExpertTraining) -> Path:
    """Run the recipe; the file of the trained expert (EMA weights, fp16 safetensors)."""
    face_model = FaceModel.load()
    talkers = load_training_talkers(
        config.data,
        config.cache,
        face_model,
        config.expert.encoder,
        config.clean_only,
        config.max_clips,
        voices=config.voices,
    )
    return train_on(config, talkers, face_model)


def train_on(config: LipExpertTraining, talkers: list[TalkingClip], face_model: FaceModel) -> Path:
    """The same on clips in memory."""
    torch.manual_seed(config.seed)
    expert = LipExpert(config.expert)
    expert.set_face_model(face_model)
    features = np.concatenate([t.features for t in talkers[:: max(1, len(talkers) // 200)]])
    expert.feature_mean.copy_(torch.from_numpy(features.mean(axis=0)))
    expert.feature_std.copy_(torch.from_numpy(features.std(axis=0) + 1e-3))
    maker = BatchMaker(talkers, StyleAugmentation(talkers, face_model), 0, config.seed, config.others_share)

    def losses(number: int) -> Losses:
        batch = maker.make(number, range(config.rows), config.frames, null_share=0.0)
        pairs = cut_pairs(batch, config.expert.frames, config.windows, np.random.default_rng([config.seed, number, 1]))
        style = expert.style(batch.reference)
        own = None if style is None else style[pairs.row]
        probability = expert(pairs.expression, pairs.features, own).float()
        right = ((probability > 0.5) == pairs.in_step).float().mean()
        return {"loss": sync_loss(probability, pairs.in_step), "accuracy": right}

    def export(weights: State, steps: int) -> Path:
        made = LipExpert(config.expert)
        made.load_state_dict(weights)
        made.save(config.out / "model.safetensors", {"steps": str(steps), "seed": str(config.seed)})
        return config.out / "model.safetensors"

    return run_loop(config, expert, losses, export, "Training the lip expert")


def cut_pairs(batch: Batch, n: int, windows: int, rng: np.random.Generator) -> Pairs:
    """Windows of n frames from each talk of a batch, with the sound of that moment, another moment, or another talk."""
    rows, frames = batch.expression.shape[:2]
    row = np.repeat(np.arange(rows), windows)
    at = rng.integers(0, frames - n + 1, len(row))
    kind = rng.random(len(row))
    heard_row = np.where(kind < 0.25, (row + rng.integers(1, rows, len(row))) % rows, row)
    heard_at = at.copy()
    moved = (kind >= 0.25) & (kind < 0.5)
    heard_at[moved] = [_elsewhere(rng, int(a), frames - n + 1) for a in at[moved]]
    in_step = kind >= 0.5
    seen = at[:, None] + np.arange(n)
    heard = 2 * heard_at[:, None] + np.arange(2 * n)
    return Pairs(
        expression=batch.expression[torch.from_numpy(row)[:, None], torch.from_numpy(seen)],
        features=batch.features[torch.from_numpy(heard_row)[:, None], torch.from_numpy(heard)],
        row=torch.from_numpy(row),
        in_step=torch.from_numpy(in_step),
    )


def _elsewhere(rng: np.random.Generator, at: int, choices: int) -> int:
    """Another window of the same talk, at least _NEAREST_MISS frames away; near misses are the instructive ones."""
    far = np.array([c for c in range(choices) if abs(c - at) >= _NEAREST_MISS])
    odds = 1.0 / np.abs(far - at)
    return int(rng.choice(far, p=odds / odds.sum()))
