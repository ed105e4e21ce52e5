"""Does the articulation reader hear tongue and lips, and when? Against transcripts and tracked lips of dev talkers.

Where each phone is comes from forced alignment of the known words (train/phones.py), by the reader that is measured or
by another one. That the lips meet when p, b or m are heard is measured against the tracked lips, which no reader saw.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from dreamtalk.audio import SpeechEncoder, load_speech
from dreamtalk.data.talkset import Clip, read_talkset
from dreamtalk.errors import UnusableInput
from dreamtalk.evaluate.tracks import load_track
from dreamtalk.face.align import align as aligned_faces
from dreamtalk.face.align import canonical_face
from dreamtalk.face.measures import aperture
from dreamtalk.face.neutral import neutral_of_track
from dreamtalk.motion.reader import BILABIAL, FEATURES_PER_FRAME, GROUPS, LABIODENTAL, TONGUE, ArticulationReader
from dreamtalk.train.articulation import aligned_groups
from dreamtalk.types import Bool, Float, SpeechFeatures

GESTURES = {"f v": LABIODENTAL, "p b m": BILABIAL, "th l n t d": TONGUE}
"""What is told apart, as sums of groups."""

_NEAR = 5
"""Frames around a p, b or m in which the tracked lips' closest moment is looked for."""

_CLOSED, _OPEN = 2.0, 4.0
"""% iod: lips closer than the first meet, if they are further apart than the second within _NEAR frames."""


@dataclass(frozen=True, slots=True)
class ArticulationScore:
    """clips, features: how many. auc: by gesture, chance that a feature where it is said gets a higher probability than
    one where it is not; shuffled: the same for the probabilities of another clip's sound. found: share of features
    whose group of 15 is right. lag: (M,) frames by which the reader's p, b, m come after the tracked lips' closest
    moment.
    """

    clips: int
    features: int
    auc: dict[str, float]
    shuffled: dict[str, float]
    found: float
    lag: Float


def score_articulation(
    dataset: Path, tracks: Path | None, reader: ArticulationReader, aligner: ArticulationReader | None = None
) -> dict[str, ArticulationScore]:
    """Scores on the dev split's GRID clips with transcripts: speaker s1, of whom other sentences were learned from, and
    people never heard. aligner: the reader that aligns the words; None: the same. Raises UnusableInput."""
    clips = [c for c in read_talkset(dataset) if c.dataset == "GRID" and c.split == "dev" and c.transcript]
    if not clips:
        raise UnusableInput(f"{dataset} has no GRID clips with transcripts in its dev split.")
    encoder = SpeechEncoder.load(reader.config.encoder)
    sets = {"GRID s1": [c for c in clips if c.speaker == "grid-s1"]}
    sets["unseen GRID"] = [c for c in clips if c.speaker != "grid-s1"]
    return {
        name: _score([_heard(clip, tracks, encoder, reader, aligner or reader) for clip in members])
        for name, members in sets.items()
        if members
    }


@dataclass(frozen=True, slots=True)
class _Heard:
    """probabilities: (N, G). groups: (N,) by alignment. aperture: (T,) % iod of the tracked lips."""

    probabilities: Float
    groups: np.ndarray[tuple[int], np.dtype[np.int64]]
    aperture: Float


def _heard(
    clip: Clip, tracks: Path | None, encoder: SpeechEncoder, reader: ArticulationReader, aligner: ArticulationReader
) -> _Heard:
    features = encoder.encode(load_speech(clip.file))
    groups = aligned_groups(aligner, features.values, clip.transcript)
    if groups is None:
        raise UnusableInput(f"The words of {clip.id} do not fit into its sound.")
    track = load_track(clip.file, tracks)
    neutral = neutral_of_track(track.landmarks[track.valid], canonical_face())
    lips = aperture(aligned_faces(track.landmarks, neutral)[0])
    return _Heard(reader.read(SpeechFeatures(features.values, reader.config.encoder)), groups, lips)


def _score(clips: list[_Heard]) -> ArticulationScore:
    said = np.concatenate([clip.groups for clip in clips])
    own = np.concatenate([clip.probabilities for clip in clips])
    others = [clips[(number + 1) % len(clips)].probabilities for number in range(len(clips))]
    shuffled = np.concatenate([np.resize(o, c.probabilities.shape) for o, c in zip(others, clips, strict=True)])
    lags = [lag for clip in clips for lag in _lags(clip)]
    return ArticulationScore(
        clips=len(clips),
        features=len(said),
        auc={name: area(np.isin(said, groups), own[:, groups].sum(axis=1)) for name, groups in GESTURES.items()},
        shuffled={
            name: area(np.isin(said, groups), shuffled[:, groups].sum(axis=1)) for name, groups in GESTURES.items()
        },
        found=float((own.argmax(axis=1) == said).mean()),
        lag=np.array(lags, np.float32),
    )


def area(positive: Bool, score: Float) -> float:
    """Area under the ROC curve of scores (N,) against (N,) bool, by ranks; NaN when all or none are positive."""
    count = int(positive.sum())
    if count in (0, len(positive)):
        return float("nan")
    _, inverse, counts = np.unique(score, return_inverse=True, return_counts=True)
    rank = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    total = float(rank[positive].sum()) - count * (count + 1) / 2
    return total / (count * (len(positive) - count))


def _lags(clip: _Heard) -> list[float]:
    """Frames from the tracked lips' closest moment to the middle of each p, b or m as the reader hears it."""
    heard = clip.probabilities[:, BILABIAL].sum(axis=1) > 0.5
    edges = np.flatnonzero(np.diff(heard.astype(int), prepend=0, append=0)).reshape(-1, 2)
    lags = []
    for start, end in edges:
        middle = (start + end - 1) / 2 / FEATURES_PER_FRAME
        first = max(0, round(middle) - _NEAR)
        around = clip.aperture[first : round(middle) + _NEAR + 1]
        lowest = np.flatnonzero(around <= around.min(initial=np.inf) + 0.5)
        if len(around) and around.min() < _CLOSED and around.max() > _OPEN:
            lags.append(middle - first - float(lowest.mean()))
    return lags


def show(scores: dict[str, ArticulationScore], console: Console | None = None) -> None:
    """The scores as a table."""
    table = Table(title="Articulation reader on dev clips (AUC; in brackets another clip's sound)")
    for column in ("set", "clips", *GESTURES, f"right of {len(GROUPS)}", "p b m after the lips, frames", "within 1"):
        table.add_column(column, justify="left" if column == "set" else "right")
    for name, score in scores.items():
        lag = score.lag
        table.add_row(
            name,
            str(score.clips),
            *(f"{score.auc[g]:.3f} ({score.shuffled[g]:.2f})" for g in GESTURES),
            f"{score.found:.2f}",
            f"{np.median(lag):+.1f} of {len(lag)}" if len(lag) else "none",
            f"{(np.abs(lag) <= 1).mean():.2f}" if len(lag) else "",
        )
    (console or Console()).print(table)
