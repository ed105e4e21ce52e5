"""What judges a video by networks: our sync judge; SyncNet, LPIPS, CSIM, FID and FVD where the user has the weights."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import ClassVar, TypeVar

import numpy as np
from torch import Tensor

from dreamtalk.audio import SpeechEncoder
from dreamtalk.errors import UnusableInput
from dreamtalk.evaluate.emotion_judge import EmotionJudge
from dreamtalk.evaluate.identity import DLIB, Identity, find_identity
from dreamtalk.evaluate.metrics import csim, lpips, sync_judge
from dreamtalk.evaluate.metrics import syncnet as sync
from dreamtalk.evaluate.metrics.emotion_accuracy import emotion_accuracy
from dreamtalk.evaluate.metrics.picture_frechet import PictureFrechet
from dreamtalk.evaluate.scoring import Metric
from dreamtalk.evaluate.stamps import given
from dreamtalk.evaluate.watching import Watched
from dreamtalk.face.align import FACE_POINTS
from dreamtalk.face.model import FaceModel
from dreamtalk.lipsync.expert import LipExpert
from dreamtalk.motion.reader import ArticulationReader
from dreamtalk.types import Float, Image, Speech

Found = TypeVar("Found")

PICTURE_EVERY = 5
"""Frames between those whose pictures are compared: neighbours tell the same."""

_REMEMBERED, _FACES = 6, 64
"""Sounds and videos, and faces, whose codes are kept: those of one clip's rows."""
_NAN = float("nan")


@dataclass(frozen=True, slots=True)
class JudgeFiles:
    """Networks that the user brings.

    syncnet: SyncNet's public weights (syncnet_v2.model). embedding: "dlib" or an ONNX file, for CSIM. lpips: AlexNet's
    weights and LPIPS's heads. inception, i3d: TorchScript, for FID and FVD. emotion, style: made by `dreamtalk train
    emotion-judge`, for emotion accuracy and SA.
    """

    syncnet: Path | None = None
    embedding: str | None = None
    lpips: tuple[Path, Path] | None = None
    inception: Path | None = None
    i3d: Path | None = None
    emotion: Path | None = None
    style: Path | None = None

    @property
    def shas(self) -> dict[str, str]:
        """Of the files, by name."""
        face = None if self.embedding in (None, DLIB) else Path(str(self.embedding))
        return given([self.syncnet, face, *(self.lpips or ()), self.inception, self.i3d, self.emotion, self.style])


class Judges:
    """The networks, loaded once per process."""

    SYNC_JUDGE: ClassVar[tuple[Metric, ...]] = (sync_judge.IN_STEP, sync_judge.CONFIDENCE, sync_judge.OFFSET)
    SYNCNET: ClassVar[tuple[Metric, ...]] = (sync.CONFIDENCE, sync.DISTANCE, sync.OFFSET)
    LPIPS: ClassVar[tuple[Metric, ...]] = (lpips.METRIC,)

    def __init__(self, files: JudgeFiles) -> None:
        """Raises UnusableInput when a file is not what it should be."""
        self.syncnet = None if files.syncnet is None else sync.SyncNet.load(files.syncnet)
        self.lpips = None if files.lpips is None else lpips.Lpips.load(*files.lpips)
        self.identity = _remembering(find_identity(files.embedding))
        wanted = {"FID": (files.inception, False), "FVD": (files.i3d, True)}
        self.sets = {name: PictureFrechet.load(file, moving) for name, (file, moving) in wanted.items() if file}
        self.emotion = None if files.emotion is None else EmotionJudge.load(files.emotion)
        self.style = None if files.style is None else EmotionJudge.load(files.style)
        self._features: OrderedDict[int, Float] = OrderedDict()
        self._heard: OrderedDict[int, Tensor] = OrderedDict()
        self._seen: OrderedDict[int, Tensor] = OrderedDict()

    @staticmethod
    @lru_cache(maxsize=1)
    def load(files: JudgeFiles) -> Judges:
        """The same ones for the same files."""
        return Judges(files)

    @cached_property
    def _judge(self) -> LipExpert:
        return sync_judge.load_judge()

    @cached_property
    def _face(self) -> FaceModel:
        return FaceModel.load()

    @cached_property
    def _encoder(self) -> SpeechEncoder:
        return SpeechEncoder.load(self._judge.config.encoder)

    @cached_property
    def reader(self) -> ArticulationReader:
        """What hears p, b and m in features of `hear`."""
        return ArticulationReader.load()

    def hear(self, samples: Float) -> Float:
        """Speech features (N, D) at 50 Hz of samples (S,); the same sound is heard once."""
        return _remembered(self._features, samples, lambda: self._encoder.encode(Speech(samples)).values)

    def sync(self, expression: Float, features: Float) -> tuple[float, ...]:
        """Numbers of SYNC_JUDGE; nan for a clip that is too short."""
        judged = sync_judge.judge(self._judge, expression, features)
        return (_NAN,) * len(self.SYNC_JUDGE) if judged is None else tuple(map(float, judged))

    def syncnet_scores(self, clip: Watched) -> tuple[float, ...]:
        """Numbers of SYNCNET; nan for a clip that is too short. The same frames and the same sound are coded once."""
        network = self.syncnet
        assert network is not None
        try:
            seen = _remembered(self._seen, clip.pictures, lambda: sync.seen(network, _cut(clip)))
            heard = _remembered(self._heard, clip.samples, lambda: sync.heard(network, clip.samples))
            return tuple(map(float, sync.compared(seen, heard)))
        except UnusableInput:
            return (_NAN,) * len(self.SYNCNET)

    @property
    def csim_metrics(self) -> tuple[Metric, ...]:
        """CSIM with its encoder's name."""
        return () if self.identity is None else (csim.named(self.identity),)

    def csim(self, clip: Watched, person: Watched) -> float:
        """Of a video against the first face of another."""
        assert self.identity is not None
        return csim.csim(self.identity, clip, person)

    def apart(self, clip: Watched, truth: Watched) -> float:
        """LPIPS of the two videos' crops."""
        assert self.lpips is not None
        shown = range(0, len(clip), PICTURE_EVERY)
        return mean_of([self.lpips.distance(clip.crops[i], truth.crops[i]) for i in shown])

    def meant(self, judge: EmotionJudge, clip: Watched, labels: Mapping[str, str]) -> tuple[float, float]:
        """Whether a judge of emotions or styles sees what is meant, and how surely."""
        return emotion_accuracy(judge, judge.probabilities(clip.track, self._face), labels)

    def set_features(self, clip: Watched) -> dict[str, Float]:
        """What distances between whole sets need of a video, (n, D) each: FID, FVD and that of expressions."""
        found = {name: each.features(clip.pictures) for name, each in self.sets.items()}
        return found | {"Expression Fréchet": clip.track.expression}


def mean_of(numbers: list[float]) -> float:
    """Mean of those that are numbers; nan where there are none."""
    known = [n for n in numbers if np.isfinite(n)]
    return float(np.mean(known)) if known else _NAN


def _cut(clip: Watched) -> list[np.ndarray[tuple[int, ...], np.dtype[np.uint8]]]:
    """The crops that SyncNet sees, around boxes from forehead to chin and cheek to cheek, as those of its detector's
    training set (WIDER FACE) are drawn: the 68 points end at the brows and would show a mouth larger by a fifth."""
    points = clip.points[:, :FACE_POINTS]
    boxes = np.concatenate([points.min(axis=1), points.max(axis=1)], axis=1)
    return sync.sync_crops(list(clip.pictures), boxes)


def _remembering(identity: Identity | None) -> Identity | None:
    """The same, but the portrait, and a photo that is held, are looked at once."""
    if identity is None:
        return None
    faces: OrderedDict[int, Float] = OrderedDict()
    look = identity.embed

    def embed(image: Image, landmarks: Float) -> Float:
        return _remembered(faces, image, lambda: look(image, landmarks), _FACES)

    return replace(identity, embed=embed)


def _remembered(
    kept: OrderedDict[int, Found],
    array: np.ndarray[tuple[int, ...], np.dtype[np.generic]],
    make: Callable[[], Found],
    most: int = _REMEMBERED,
) -> Found:
    """What `make` gives for the array, made once for the same bytes."""
    key = hash((array.shape, array.tobytes()))
    if key not in kept:
        kept[key] = make()
        while len(kept) > most:
            kept.popitem(last=False)
    return kept[key]
