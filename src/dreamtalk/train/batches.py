"""Training batches of the denoiser: styled talks with their speech, and reference clips of the same style."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from dreamtalk.data.talkers import TalkingClip
from dreamtalk.train.augment import DrawnStyle, StyleAugmentation
from dreamtalk.types import Float

_REFERENCE_LENGTHS = (48, 64, 96, 128, 256)
_REFERENCE_ODDS = (0.2, 0.35, 0.25, 0.15, 0.05)
"""Frames of the reference clips, one length per batch: short ones are cheap, long ones are what users bring."""


@dataclass(frozen=True, slots=True)
class Batch:
    """features: (B, 2 L + 2 w, F), token w belongs to frame 0. expression: (B, L, E). closure: (B, L) % iod.
    reference: (B, S, E). has_style: (B,) False for the null style. rows: (B,) their numbers in the whole batch.
    lengths: (B,) frames that are real; a clip shorter than L stands still at its end.
    """

    features: Tensor
    expression: Tensor
    closure: Tensor
    reference: Tensor
    has_style: Tensor
    rows: Tensor
    lengths: Tensor


class BatchMaker:
    """Draws batches. Row r of batch n depends on the seed, n and r alone: training can stop and go on anywhere, and
    several processes can each make some of the rows."""

    def __init__(
        self, talkers: list[TalkingClip], styles: StyleAugmentation, window: int, seed: int, others_share: float
    ) -> None:
        """others_share: share of batch rows that come from everyone but the speaker with the most clips."""
        self._styles, self._window, self._seed = styles, window, seed
        by_speaker: dict[str, list[TalkingClip]] = {}
        for talker in talkers:
            by_speaker.setdefault(talker.speaker, []).append(talker)
        self._by_speaker = by_speaker
        main = max(by_speaker, key=lambda s: len(by_speaker[s]))
        self._main = by_speaker[main]
        self._others = [t for t in talkers if t.speaker != main] or self._main
        self._others_share = others_share

    def make(self, number: int, rows: range, frames: int, null_share: float) -> Batch:
        """These rows of batch `number`: talks of `frames` frames each."""
        length = int(np.random.default_rng([self._seed, number]).choice(_REFERENCE_LENGTHS, p=_REFERENCE_ODDS))
        # The last number keeps row 0 apart: seeds that only differ by zeros at the end are the same.
        draws = [np.random.default_rng([self._seed, number, row, 1]) for row in rows]
        parts = [self._row(rng, frames, length) for rng in draws]
        features, expression, closure, reference, styled, lengths = (list(c) for c in zip(*parts, strict=True))
        null = np.array([rng.random() < null_share for rng in draws])
        return Batch(
            features=torch.from_numpy(np.stack(features)).float(),
            expression=torch.from_numpy(np.stack(expression)),
            closure=torch.from_numpy(np.stack(closure)).float(),
            reference=torch.from_numpy(np.stack(reference)),
            has_style=torch.from_numpy(np.array(styled) & ~null),
            rows=torch.tensor(rows),
            lengths=torch.tensor(lengths),
        )

    def _row(self, rng: np.random.Generator, frames: int, length: int) -> tuple[Float, Float, Float, Float, bool, int]:
        pool = self._others if rng.random() < self._others_share else self._main
        talker = pool[rng.integers(len(pool))]
        plain = rng.random() < self._styles.no_style_share
        style = self._styles.none if plain else self._styles.draw(rng)
        total = len(talker.expression)
        at = int(rng.integers(max(1, total - frames + 1)))
        shown = np.clip(np.arange(at, at + frames), 0, total - 1)
        heard = np.arange(2 * at - self._window, 2 * (at + frames) + self._window)
        heard = np.clip(heard, 0, len(talker.features) - 1)
        expression = self._styles.apply(talker, style)[shown]
        reference = self._reference(rng, talker, style, length)
        return talker.features[heard], expression, talker.closure[shown], reference, not plain, min(frames, total)

    def _reference(self, rng: np.random.Generator, talker: TalkingClip, style: DrawnStyle, length: int) -> Float:
        """`length` frames of the same speaker in the same style, from other clips where there are any."""
        clips = self._by_speaker[talker.speaker]
        pieces: list[Float] = []
        have = 0
        while have < length:
            other = clips[rng.integers(len(clips))]
            if other is talker and len(clips) > 1:
                continue
            pieces.append(self._styles.apply(other, style))
            have += len(pieces[-1])
        joined = np.concatenate(pieces)
        at = int(rng.integers(have - length + 1))
        return joined[at : at + length]
