"""The clips an evaluation runs on: real people talking, tracked, with their sound; and what a model made of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from dreamtalk.audio import load_speech
from dreamtalk.data.source import check_id, table_rows
from dreamtalk.errors import UnusableInput
from dreamtalk.evaluate.mouth import FaceSpace, Mouth, mouth_of
from dreamtalk.evaluate.tracks import Track, load_track
from dreamtalk.face.align import align, canonical_face
from dreamtalk.face.neutral import neutral_of_track
from dreamtalk.types import SAMPLE_RATE, VIDEO_FPS, Bool, Float, Speech

SAMPLES_PER_FRAME = SAMPLE_RATE // VIDEO_FPS

SILENCE_FRAMES = 38
"""Digital silence put before and after the speech for the resting mouth (1.52 s)."""

_SPEAKER_FRAMES = 1500
"""Frames (1 min) of a speaker's clips that the neutral face is found in."""

_TRUSTED_FIT = 0.6
"""A lag of lags.csv counts only where the fit at the lag is above this ..."""

_CLEAR_GAIN = 0.05
"""... and better than the fit without it by this (the talkset README asks for 'clearly')."""

GRID_TRAINED, GRID_UNSEEN, OTHER_RAW, OTHER_LAGGED = "GRID s1", "unseen GRID", "other, raw", "other, lag-corrected"
SETS = (GRID_TRAINED, GRID_UNSEEN, OTHER_RAW, OTHER_LAGGED)
"""The sets of the table. GRID s1: sentences never trained on, of the speaker who is most of the training set."""

Portraits = Literal["first-frame", "speaker"]
"""Whose resting face generated motion is put on: as in use, the one guessed from the clip's first frame alone; or the
speaker's, found in all clips, which tells errors of the motion from errors of the portrait."""


@dataclass(frozen=True, slots=True)
class Clip:
    """One clip of somebody talking.

    samples: (frames * 640,) at 16 kHz; with a lag applied, already moved. portrait: (478, 3) iod, the resting face that
    generated motion is put on. neutral: (478, 3) iod, the speaker's resting
    face. expression: (T, E), the real motion in the face space. mouth: the real mouth, measured on the tracked
    landmarks. valid: (T,) frames with a face and with sound of their own. words: the transcript, empty where unknown.
    lag: frames by which the sound was moved (negative: brought forward).
    """

    id: str
    set: str
    speaker: str
    samples: Float
    portrait: Float
    neutral: Float
    expression: Float
    mouth: Mouth
    valid: Bool
    words: tuple[str, ...] = ()
    lag: float = 0.0

    @property
    def frames(self) -> int:
        return len(self.samples) // SAMPLES_PER_FRAME

    @property
    def speech(self) -> Speech:
        return Speech(self.samples)


@dataclass(frozen=True, slots=True)
class Made:
    """What a source made of a clip. mouth: (T,) on the speaker's neutral. padded: the same with SILENCE_FRAMES of
    digital silence around the speech (T + 2 * SILENCE_FRAMES,), None where the source does not listen.
    """

    mouth: Mouth
    padded: Mouth | None = None


def with_silence(clip: Clip) -> Clip:
    """The clip's sound between SILENCE_FRAMES of digital silence; its real motion does not fit that length any more."""
    quiet = np.zeros(SILENCE_FRAMES * SAMPLES_PER_FRAME, dtype=np.float32)
    return replace(clip, samples=np.concatenate([quiet, clip.samples, quiet]))


def with_sound_of(clip: Clip, other: Clip) -> Clip:
    """The clip with another clip's sound, repeated or cut to this clip's length."""
    return replace(clip, samples=np.resize(other.samples, len(clip.samples)).astype(np.float32))


def lag_corrected(clip: Clip, lag: float) -> Clip:
    """The clip with its sound moved by `lag` frames (negative: late sound is brought forward, as in lags.csv)."""
    shift = round(lag * SAMPLES_PER_FRAME)
    moved = np.zeros_like(clip.samples)
    if shift < 0:
        moved[:shift] = clip.samples[-shift:]
    else:
        moved[shift:] = clip.samples[: len(moved) - shift]
    lost = -(-abs(shift) // SAMPLES_PER_FRAME)
    heard = np.ones(len(clip.valid), dtype=np.bool_)
    heard[-lost if shift < 0 else 0 : None if shift < 0 else lost] = False
    return replace(clip, samples=moved, valid=clip.valid & heard, lag=lag, set=OTHER_LAGGED)


def read_rows(dataset: Path, name: str = "clips.csv") -> list[dict[str, str]]:
    """A table of the data set. Raises UnusableInput when it is not there."""
    file = dataset / name
    if not file.is_file():
        raise UnusableInput(f"{file} is missing. Give the folder of the talkset (with clips.csv, lags.csv and video/).")
    rows = table_rows(file)
    for row in rows:
        check_id(row.get("id") or "", file)
    return rows


def trusted_lags(dataset: Path) -> dict[str, float]:
    """Lag in frames per clip id, only where its estimate is believable (see the talkset README)."""
    lags = {}
    for row in read_rows(dataset, "lags.csv"):
        fit, without = float(row["r_at_lag"]), float(row["r_at_0"])
        if fit > _TRUSTED_FIT and fit - without > _CLEAR_GAIN:
            lags[row["id"]] = float(row["lag_frames"])
    return lags


def load_clips(
    dataset: Path,
    tracks: Path | None,
    face: FaceSpace,
    limit: int | None = None,
    portraits: Portraits = "first-frame",
) -> list[Clip]:
    """The dev clips with sound of the talkset in `dataset`, each in its set; other clips twice, raw and lag-corrected.

    tracks: folder of <id>.npz track files, None to track the videos (cached). limit: at most so many clips per set.
    A clip outside GRID whose lag is not to be trusted goes into the lag-corrected set as it is.
    """
    dev = [r for r in read_rows(dataset) if r["kind"] == "av" and r["split"] == "dev"]
    rows = [r for name in SETS for r in [r for r in dev if _set_of(r) == name][:limit]]
    lags = trusted_lags(dataset)
    clips: list[Clip] = []
    for speaker in sorted({r["speaker"] for r in rows}):
        own = [r for r in rows if r["speaker"] == speaker]
        tracked = [load_track(dataset / row["file"], tracks) for row in own]
        neutral = speaker_neutral(tracked)
        for row, track in zip(own, tracked, strict=True):
            portrait = neutral if portraits == "speaker" else first_frame_neutral(track, neutral, face)
            clips.append(_clip(row, track, dataset, face.fit(track.landmarks, neutral)[0], portrait, neutral))
    other = [c for c in clips if c.set == OTHER_RAW]
    clips += [lag_corrected(c, lags[c.id]) if c.id in lags else replace(c, set=OTHER_LAGGED) for c in other]
    return sorted(clips, key=lambda c: SETS.index(c.set))


def _clip(row: dict[str, str], track: Track, dataset: Path, expression: Float, portrait: Float, neutral: Float) -> Clip:
    samples = load_speech(dataset / row["file"]).samples
    whole = np.zeros(len(track.valid) * SAMPLES_PER_FRAME, dtype=np.float32)
    whole[: len(samples)] = samples[: len(whole)]
    return Clip(
        id=row["id"],
        set=_set_of(row),
        speaker=row["speaker"],
        samples=whole,
        portrait=portrait,
        neutral=neutral,
        expression=expression,
        mouth=mouth_of(align(track.landmarks, neutral)[0]),
        valid=track.valid,
        words=tuple(row["transcript"].split()) if row["dataset"] == "GRID" else (),
    )


def speaker_neutral(tracks: list[Track]) -> Float:
    """The resting face (478, 3) iod of the person in these tracks."""
    landmarks = np.concatenate([t.landmarks[t.valid] for t in tracks])
    step = -(-len(landmarks) // _SPEAKER_FRAMES)
    return neutral_of_track(landmarks[::step], canonical_face())


def first_frame_neutral(track: Track, neutral: Float, face: FaceSpace) -> Float:
    """The resting face (478, 3) iod that the first frame alone suggests, turned like the speaker's neutral."""
    first = int(track.valid.argmax())
    guessed = face.neutral(track.landmarks[first], track.blendshapes[first])
    aligned, _ = align(guessed[None], neutral)
    return np.asarray(aligned[0])


def _set_of(row: dict[str, str]) -> str:
    if row["dataset"] != "GRID":
        return OTHER_RAW
    return GRID_TRAINED if row["speaker"] == "grid-s1" else GRID_UNSEEN
