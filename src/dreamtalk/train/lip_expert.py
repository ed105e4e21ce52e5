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
from dreamtalk.errors import UnusableInput
from dreamtalk.face.model import FaceModel
from dreamtalk.lipsync.expert import LipExpert, LipExpertConfig, sync_loss
from dreamtalk.train.augment import StyleAugmentation
from dreamtalk.train.batches import Batch, BatchMaker
from dreamtalk.train.clips import load_training_talkers
from dreamtalk.train.loop import LoopConfig, Losses, Stage, State, train_stage
from dreamtalk.train.place import Share

_NEAREST_MISS = 3
"""Frames: sound and picture that are less far apart count as neither in step nor out of it."""

_WRONG_SHARE = 0.5
"""Share of pairs out of step; half of them hear another moment of the same talk, half another talk."""


@dataclass(frozen=True, kw_only=True)
class LipExpertTraining(LoopConfig):
    """A whole training run."""

    data: Path
    """A talkset, or a folder made by `dreamtalk prepare`."""
    cache: Path = Path("work")
    """Where tracks and features are kept."""
    out: Path = Path("runs/lip-expert")
    expert: LipExpertConfig = field(default_factory=LipExpertConfig)
    steps: int = 2000
    rows: int = 24
    frames: int = 48
    """Talks per batch and consecutive frames of each, from which windows are cut."""
    windows: int = 16
    """Pairs per talk."""
    feature_noise: float = 0.5
    """Standard deviation of noise on the speech features, in units of theirs: see train/denoiser.py."""
    others_share: float = 0.5
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
    return train_stage(config, lip_expert_stage(config))


def lip_expert_stage(config: LipExpertTraining) -> LipExpertStage:
    """The recipe with its data, ready to train. Raises UnusableInput when the data folder is not usable."""
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
    return LipExpertStage(config, talkers, face_model)


def train_on(config: LipExpertTraining, talkers: list[TalkingClip], face_model: FaceModel) -> Path:
    """The same on clips in memory."""
    return train_stage(config, LipExpertStage(config, talkers, face_model))


@dataclass(frozen=True, slots=True)
class StyledPairs:
    """reference: (B, S, E), the styles of the talks that the pairs are cut from. hearing: (P, 2 n, F), noise on the
    features, in units of theirs."""

    pairs: Pairs
    reference: Tensor
    hearing: Tensor


class LipExpertStage(Stage[StyledPairs]):
    """Batches and losses of the lip expert."""

    title = "Training the lip expert"
    model: LipExpert

    def __init__(self, config: LipExpertTraining, talkers: list[TalkingClip], face_model: FaceModel) -> None:
        super().__init__()
        torch.manual_seed(config.seed)
        self.about = f"{len(talkers)} clips of {len({t.speaker for t in talkers})} speakers"
        self._config = config
        self.model = LipExpert(config.expert)
        self.model.set_face_model(face_model)
        features = np.concatenate([t.features for t in talkers[:: max(1, len(talkers) // 200)]])
        self.model.feature_mean.copy_(torch.from_numpy(features.mean(axis=0)))
        self.model.feature_std.copy_(torch.from_numpy(features.std(axis=0) + 1e-3))
        styles = StyleAugmentation(talkers, face_model)
        self._maker = BatchMaker(talkers, styles, 0, config.seed, config.others_share)

    def batch(self, number: int, share: Share) -> StyledPairs:
        """Pairs from this process's talks; what is heard instead of a talk is another one of them."""
        config, rows = self._config, share.of(self._config.rows)
        if len(rows) < 2:
            raise UnusableInput("The lip expert needs at least two rows in every process: fewer devices, or more rows.")
        talks = self._maker.make(number, rows, config.frames, null_share=0.0)
        rng = np.random.default_rng([config.seed, number, share.rank, 2])
        pairs = cut_pairs(talks, config.expert.frames, config.windows, rng)
        hearing = rng.standard_normal(pairs.features.shape, dtype=np.float32) * config.feature_noise
        return StyledPairs(pairs, talks.reference, torch.from_numpy(hearing))

    def forward(self, batch: StyledPairs) -> Losses:
        """Cross-entropy of P_sync (eq. 5), and the share of pairs that are judged right."""
        pairs, style = batch.pairs, self.model.style(batch.reference)
        own = None if style is None else style[pairs.row]
        heard = pairs.features + batch.hearing * self.model.feature_std
        probability = self.model(pairs.expression, heard, own).float()
        right = ((probability > 0.5) == pairs.in_step).float().mean()
        return {"loss": sync_loss(probability, pairs.in_step), "accuracy": right}

    def export(self, weights: State, steps: int, file: Path) -> None:
        """The expert by itself."""
        made = LipExpert(self._config.expert)
        made.load_state_dict(weights)
        made.save(file, {"steps": str(steps), "seed": str(self._config.seed)})


def cut_pairs(batch: Batch, n: int, windows: int, rng: np.random.Generator) -> Pairs:
    """Windows of n frames from each talk of a batch, with the sound of that moment, another moment, or another talk.

    Windows lie inside the talks' real lengths; a talk too short for another moment hears another talk instead.
    """
    rows = len(batch.expression)
    choices = np.maximum(batch.lengths.numpy() - n + 1, 1)
    row = np.repeat(np.arange(rows), windows)
    at = rng.integers(0, choices[row])
    kind = rng.random(len(row))
    in_step = kind >= _WRONG_SHARE
    long_enough = choices[row] > 2 * _NEAREST_MISS
    moved = ~in_step & long_enough & (kind >= _WRONG_SHARE / 2)
    foreign = ~in_step & ~moved
    heard_row = np.where(foreign, (row + rng.integers(1, rows, len(row))) % rows, row)
    heard_at = np.minimum(at, choices[heard_row] - 1)
    heard_at[moved] = [_elsewhere(rng, int(a), int(c)) for a, c in zip(at[moved], choices[row[moved]], strict=True)]
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
