"""What judges a video by networks: our sync judge; SyncNet, LPIPS, FID and FVD where the user has the weights."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dreamtalk.audio import SpeechEncoder
from dreamtalk.errors import UnusableInput
from dreamtalk.evaluate.identity import Identity, find_identity
from dreamtalk.evaluate.metrics import csim, landmark_distance, lpips, sync_judge
from dreamtalk.evaluate.metrics import syncnet as sync
from dreamtalk.evaluate.metrics.picture_frechet import PictureFrechet
from dreamtalk.evaluate.scoring import Metric
from dreamtalk.evaluate.watching import Watched
from dreamtalk.lipsync.expert import LipExpert
from dreamtalk.types import Speech

PICTURE_EVERY = 5
"""Frames between those whose pictures are compared: neighbours tell the same."""

SYNC_METRICS = (sync.CONFIDENCE, sync.DISTANCE, sync.OFFSET)


@dataclass(frozen=True)
class Ears:
    """What judges lip sync: our judge always, SyncNet where its weights are given."""

    encoder: SpeechEncoder
    judge: LipExpert
    syncnet: sync.SyncNet | None

    @classmethod
    def load(cls, syncnet: Path | None) -> Ears:
        """The embedded judge, and SyncNet's public weights. Raises UnusableInput when those are not."""
        expert = sync_judge.load_judge()
        network = None if syncnet is None else sync.SyncNet.load(syncnet)
        return cls(SpeechEncoder.load(expert.config.encoder), expert, network)

    def scores(self, clip: Watched) -> dict[str, float]:
        """By the metric's name; none without sound, or for a clip that is too short."""
        if len(clip.samples) == 0:
            return {}
        features = self.encoder.encode(Speech(clip.samples)).values
        judged = sync_judge.judge(self.judge, clip.track.expression, features)
        names = (sync_judge.IN_STEP.name, sync_judge.CONFIDENCE.name, sync_judge.OFFSET.name)
        own = {} if judged is None else dict(zip(names, map(float, judged), strict=True))
        return {**own, **self._syncnet(clip)}

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """Those that need SyncNet."""
        return () if self.syncnet is None else SYNC_METRICS

    def _syncnet(self, clip: Watched) -> dict[str, float]:
        if self.syncnet is None:
            return {}
        points = clip.points[:, list(landmark_distance.FACE_68)]
        boxes = np.concatenate([points.min(axis=1), points.max(axis=1)], axis=1)
        try:
            found = sync.sync_score(self.syncnet, sync.sync_crops(list(clip.crops), boxes), clip.samples)
        except UnusableInput:
            return {}
        return dict(zip((m.name for m in SYNC_METRICS), map(float, found), strict=True))


@dataclass(frozen=True)
class Eyes:
    """What judges pictures by networks that the user brings."""

    lpips: lpips.Lpips | None
    sets: dict[str, PictureFrechet]
    identity: Identity | None

    @classmethod
    def load(
        cls, lpips_files: tuple[Path, Path] | None, inception: Path | None, i3d: Path | None, embedding: str | None
    ) -> Eyes:
        """Raises UnusableInput when a file is not what it should be."""
        given = {"FID": (inception, False), "FVD": (i3d, True)}
        sets = {name: PictureFrechet.load(file, moving) for name, (file, moving) in given.items() if file is not None}
        network = None if lpips_files is None else lpips.Lpips.load(*lpips_files)
        return cls(network, sets, find_identity(embedding))

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """Of single clips."""
        own = () if self.identity is None else (csim.named(self.identity),)
        return own if self.lpips is None else (*own, lpips.METRIC)

    def look(self, row: str, clip: Watched, truth: Watched) -> dict[str, float]:
        """CSIM and LPIPS of a clip; what FID and FVD need of it is kept."""
        for each in self.sets.values():
            each.add(row, clip.crops)
        found = {} if self.identity is None else {csim.METRIC.name: csim.csim(self.identity, clip, truth)}
        if self.lpips is not None:
            shown = range(0, len(clip), PICTURE_EVERY)
            apart = [self.lpips.distance(clip.crops[i], truth.crops[i]) for i in shown]
            found[lpips.METRIC.name] = mean_of(apart)
        return found

    def distances(self, real: str) -> list[str]:
        """FID and FVD of every row over the whole set, in words."""
        return [
            f"{name} against the real videos, all crops: "
            + ", ".join(f"{row} {each.distance(row, real):.2f}" for row in each.rows if row != real)
            for name, each in self.sets.items()
        ]


def mean_of(numbers: list[float]) -> float:
    """Mean of those that are numbers; nan where there are none."""
    known = [n for n in numbers if np.isfinite(n)]
    return float(np.mean(known)) if known else float("nan")
