"""How far and how fast heads go: real talkers, our own head motion, and one learned from real talkers.

    python -m dreamtalk.evaluate.head TALKSET --tracks work/tracks [--split dev]

The table is the one of docs/head_pose.md, which says what its columns mean.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dreamtalk.audio import load_speech
from dreamtalk.data.talkset import Clip, read_talkset
from dreamtalk.evaluate.tracks import load_track
from dreamtalk.face.align import align, canonical_face, pose_of
from dreamtalk.motion.drive import bridged, smoothed
from dreamtalk.motion.head import HeadMotion
from dreamtalk.motion.rest import SPEAKING, speech_activity
from dreamtalk.types import VIDEO_FPS, Float

GROUPS = ("GRID", "other")
"""People who were told to sit still, and people who talk as they like."""

_LEAST_FRAMES, _LEAST_SEEN = 60, 0.95
_EACH_OF_S1 = 20
"""Of the hundreds of clips of GRID's speaker s1, one in so many is taken."""

_BANDS_HZ = (0.1, 0.5, 1.0, 2.0, 4.5)
_WINDOW = 64
"""Frames of one spectrum."""

_LEAST_SPEED = 0.3
"""°/s added before logarithms: what is slower stands still."""

_LEAST_SPREAD = 0.01
"""Degrees; less is none."""

_ORDER = 4
"""Frames back, and frames of loudness, that the learned motion goes by."""
_RIDGE = 1e-2
_SPOKE_FRAMES = 7
_QUIET_NOISE, _SPEECH_NOISE = 0.35, 1.0
"""Size of the learned motion's noise in silence, and what is added in speech: of the last 7 frames' share of it."""
_RUN_IN = 200
"""Frames that it runs before it counts."""

_SEEDS = 8
"""Motions made for each clip."""

Double = NDArray[np.float64]
Mover = Callable[[int, Float], Double]
"""Makes head angles (T, 3) in degrees of a seed and a speech's activity (T,)."""


@dataclass(frozen=True, slots=True)
class Talk:
    """A real clip. angles: (T, 3) degrees (nod, turn, tilt), smoothed. activity: (T,), see speech_activity."""

    id: str
    group: str
    angles: Double
    activity: Float


@dataclass(frozen=True, slots=True)
class Row:
    """Medians over clips. spread: (3,) degrees, 5th to 95th percentile. speed: (3,) and fast: 90th percentile of all
    three together, degrees per second. bands: (4,) shares of power. loudness: correlation with the speed. quiet: speed
    in silence over that in speech. speeds, spreads: distances from the real clips, see docs/head_pose.md.
    """

    spread: Double
    speed: Double
    fast: float
    bands: Double
    loudness: float
    quiet: float
    speeds: float
    spreads: float


def load_talks(talkset: Path, tracks: Path | None, split: str) -> list[Talk]:
    """The split's clips with sound. tracks: folder of <id>.npz track files; None: tracked now. Raises UnusableInput."""
    clips = [clip for clip in read_talkset(talkset) if clip.kind == "av" and clip.split == split]
    many = [clip for clip in clips if clip.speaker == "grid-s1"]
    kept = [clip for clip in clips if clip.speaker != "grid-s1"] + many[::_EACH_OF_S1]
    talks = [_load(clip, tracks) for clip in kept]
    return [talk for talk in talks if talk is not None]


def _load(clip: Clip, tracks: Path | None) -> Talk | None:
    track = load_track(clip.file, tracks)
    if len(track.valid) < _LEAST_FRAMES or track.valid.mean() < _LEAST_SEEN:
        return None
    seen = np.flatnonzero(track.valid)
    pose = np.zeros((len(track.valid), 6), np.float32)
    pose[seen] = pose_of(align(track.landmarks[seen], canonical_face())[1])
    angles = np.degrees(smoothed(bridged(pose, track.valid))[:, :3]).astype(np.float64)
    heard = speech_activity(load_speech(clip.file).samples)[: len(angles)]
    activity = np.pad(heard, (0, len(angles) - len(heard))).astype(np.float32)
    return Talk(clip.id, GROUPS[clip.dataset != "GRID"], angles, activity)


def ours(seed: int, activity: Float) -> Double:
    """What motion/head.py makes."""
    machine = HeadMotion(seed)
    return np.degrees([machine.next(float(level))[0] for level in activity]).astype(np.float64)


def learned(talks: Sequence[Talk], louder_moves_more: bool) -> Mover:
    """A vector autoregression with loudness, by least squares; its noise grows with speech, or does not."""
    pairs = [_regression(talk) for talk in talks]
    before, after = (np.concatenate(part) for part in zip(*pairs, strict=True))
    weights = np.linalg.solve(before.T @ before + _RIDGE * np.eye(before.shape[1]), before.T @ after)
    noise = np.linalg.cholesky(np.cov((after - before @ weights).T))

    def move(seed: int, activity: Float) -> Double:
        rng = np.random.default_rng(seed)
        level = np.concatenate([np.zeros(_RUN_IN + _ORDER), activity - activity.mean()])
        spoken = np.concatenate([np.zeros(_RUN_IN), activity >= SPEAKING])
        angles = np.zeros((len(level), 3))
        for t in range(_ORDER, len(level)):
            share = float(spoken[max(0, t - _ORDER - _SPOKE_FRAMES) : t - _ORDER + 1].mean())
            size = _QUIET_NOISE + _SPEECH_NOISE * share if louder_moves_more else 1.0
            past = np.concatenate([angles[t - _ORDER : t][::-1].ravel(), level[t - _ORDER : t + 1]])
            angles[t] = past @ weights + size * noise @ rng.standard_normal(3)
        return angles[_RUN_IN + _ORDER :]

    return move


def _regression(talk: Talk) -> tuple[Double, Double]:
    """Rows of what came before (angles and loudness), and the angles that followed."""
    angles = talk.angles - talk.angles.mean(axis=0)
    level = np.concatenate([np.zeros(_ORDER), talk.activity - talk.activity.mean()])
    frames = range(_ORDER, len(angles))
    before = [np.concatenate([angles[t - _ORDER : t][::-1].ravel(), level[t : t + _ORDER + 1]]) for t in frames]
    return np.array(before), angles[_ORDER:]


def measure(made: Sequence[Double], talks: Sequence[Talk], real: Sequence[Double]) -> Row:
    """Motions (T, 3) made for the talks, beside the real ones."""
    speeds = [_speed(angles) for angles in made]
    each = [np.abs(np.diff(angles, axis=0)).mean(axis=0) * VIDEO_FPS for angles in made]
    pairs = [_with_speech(speed, talk.activity) for speed, talk in zip(speeds, talks, strict=True)]
    spread, real_spread = (
        np.maximum(np.median([_spread(angles) for angles in motions], axis=0), _LEAST_SPREAD)
        for motions in (made, real)
    )
    return Row(
        spread=spread,
        speed=np.median(each, axis=0),
        fast=float(np.median([np.percentile(speed, 90) for speed in speeds])),
        bands=np.median([_bands(angles) for angles in made if len(angles) > _WINDOW], axis=0),
        loudness=float(np.nanmedian([pair[0] for pair in pairs])),
        quiet=float(np.nanmedian([pair[1] for pair in pairs])),
        speeds=_distance(np.concatenate(speeds), np.concatenate([_speed(angles) for angles in real])),
        spreads=float(np.abs(np.log(spread / real_spread)).mean()),
    )


def _speed(angles: Double) -> Double:
    return np.asarray(np.linalg.norm(np.diff(angles, axis=0), axis=1) * VIDEO_FPS)


def _spread(angles: Double) -> Double:
    return np.asarray(np.percentile(angles, 95, axis=0) - np.percentile(angles, 5, axis=0))


def _bands(angles: Double) -> Double:
    """(4,) shares of the power of the speed between _BANDS_HZ."""
    steps = np.diff(angles, axis=0)
    starts = range(0, len(steps) - _WINDOW + 1, _WINDOW // 2)
    pieces = np.array([steps[start : start + _WINDOW] for start in starts])
    pieces = (pieces - pieces.mean(axis=1, keepdims=True)) * np.hanning(_WINDOW)[None, :, None]
    power = (np.abs(np.fft.rfft(pieces, axis=1)) ** 2).sum(axis=(0, 2))
    rate = np.fft.rfftfreq(_WINDOW, 1 / VIDEO_FPS)
    shares = [power[(rate >= a) & (rate < b)].sum() for a, b in pairwise(_BANDS_HZ)]
    return np.asarray(shares / np.sum(shares), np.float64)


def _with_speech(speed: Double, activity: Float) -> tuple[float, float]:
    """Correlation of speed with loudness, and speed in silence over that in speech; nan where there is only one."""
    level = activity[: len(speed)]
    loud, quick = np.convolve(level, np.ones(9) / 9, "same"), np.convolve(speed, np.ones(5) / 5, "same")
    correlation = float(np.corrcoef(loud, quick)[0, 1]) if loud.std() > 0 and quick.std() > 0 else float("nan")
    speaking = level >= SPEAKING
    both = min(speaking.sum(), (~speaking).sum()) > 5
    return correlation, float(speed[~speaking].mean() / speed[speaking].mean()) if both else float("nan")


def _distance(made: Double, real: Double) -> float:
    """Mean distance of the quantiles of log speed."""
    share = np.linspace(0.01, 0.99, 99)
    pair = [np.log(np.quantile(values, share) + _LEAST_SPEED) for values in (made, real)]
    return float(np.abs(pair[0] - pair[1]).mean())


def table(talks: Sequence[Talk], train: Sequence[Talk], seeds: int = _SEEDS) -> list[str]:
    """Lines of a Markdown table for the talks of one group.

    train: clips of other people, of both groups. seeds: motions made for each clip.
    """
    real, several = [talk.angles for talk in talks], [*talks] * seeds
    clean = [talk for talk in train if talk.group == GROUPS[0]]
    movers: dict[str, Mover] = {
        "ours": ours,
        "learned on GRID": learned(clean, louder_moves_more=False),
        "learned on GRID, louder moves more": learned(clean, louder_moves_more=True),
    }
    rows = {"real": measure(real, talks, real)}
    if len(talks) > 1:
        rows["real, every other clip beside the rest"] = measure(real[::2], talks[::2], real[1::2])
    alike = [talk for talk in train if talk.group == talks[0].group]
    if alike:
        rows["real train talkers"] = measure([talk.angles for talk in alike], alike, real)
    for name, mover in movers.items():
        rows[name] = measure([mover(seed, talk.activity) for seed, talk in enumerate(several)], several, real)
    wrong = [ours(seed, np.resize(several[seed - 1].activity, len(talk.activity))) for seed, talk in enumerate(several)]
    rows["ours, another clip's speech"] = measure(wrong, several, real)
    head = "range | speed | 90th | bands | r | quiet | speeds | ranges |"
    lines = [f"| {talks[0].group} ({len(talks)} clips) | {head}", "|" + "---|" * 9]
    return lines + [f"| {name} | {_cells(row)} |" for name, row in rows.items()]


def _cells(row: Row) -> str:
    spread, speed = (" ".join(f"{value:.1f}" for value in values) for values in (row.spread, row.speed))
    bands = " ".join(f"{value:.2f}" for value in row.bands)
    ends = " | ".join(f"{value:.2f}" for value in (row.loudness, row.quiet, row.speeds, row.spreads))
    return f"{spread} | {speed} | {row.fast:.1f} | {bands} | {ends}"


def main() -> None:
    """Print the tables of both groups."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("talkset", type=Path)
    parser.add_argument("--tracks", type=Path)
    parser.add_argument("--split", default="dev", choices=("dev", "train"))
    flags = parser.parse_args()
    train = load_talks(flags.talkset, flags.tracks, "train")
    talks = train if flags.split == "train" else load_talks(flags.talkset, flags.tracks, flags.split)
    for group in GROUPS:
        print("\n".join(table([talk for talk in talks if talk.group == group], train)) + "\n")


if __name__ == "__main__":
    main()
