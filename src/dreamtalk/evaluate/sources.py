"""Where motion can come from: a model that listens, the real face, one mean face, the model with the wrong sound."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

import numpy as np

from dreamtalk.errors import UnusableInput
from dreamtalk.evaluate.clips import Clip, read_rows, speaker_neutral, with_sound_of
from dreamtalk.evaluate.mouth import FaceSpace
from dreamtalk.evaluate.tracks import load_track
from dreamtalk.types import Float, Speech, SpeechFeatures

Source: TypeAlias = Callable[[Clip], Float]
"""A clip to expression (clip.frames, E). A source that listens may look at `samples` and `frames` only."""

Encode: TypeAlias = Callable[[Speech], SpeechFeatures]
Generate: TypeAlias = Callable[[SpeechFeatures, Speech], Float]
"""Speech features (and the speech itself, for what needs its loudness) to expression (speech.frames, E)."""

_CLIPS_PER_SPEAKER = 6
"""Training clips of each speaker in the mean motion."""


class Listening:
    """A model that turns sound into motion."""

    def __init__(self, generate: Generate, encode: Encode) -> None:
        self._generate = generate
        self._encode = encode

    def __call__(self, clip: Clip) -> Float:
        speech = clip.speech
        return self._generate(self._encode(speech), speech)


class Remembering:
    """An encoder that does not hear the same samples twice; hand it to several evaluations in one process."""

    def __init__(self, encode: Encode) -> None:
        self._encode = encode
        self._known: dict[bytes, SpeechFeatures] = {}

    def __call__(self, speech: Speech) -> SpeechFeatures:
        key = speech.samples.tobytes()
        if key not in self._known:
            self._known[key] = self._encode(speech)
        return self._known[key]


def real(clip: Clip) -> Float:
    """The tracked motion, as far as the face space can express it: the best any model can do."""
    return clip.expression


def constant(expression: Float) -> Source:
    """One expression (E,) in every frame: the best that can be done without listening."""
    return lambda clip: np.repeat(expression[None], clip.frames, axis=0)


Partners: TypeAlias = dict[tuple[str, str], Clip]
"""By set and clip id: another clip of the same set."""


def partners(clips: Sequence[Clip], seed: int) -> Partners:
    """Another clip of the same set for every clip, never itself; in a set of one, the clip played backwards."""
    found: Partners = {}
    for name in sorted({c.set for c in clips}):
        group = [c for c in clips if c.set == name]
        order = derangement(len(group), np.random.default_rng(seed))
        for clip, k in zip(group, order, strict=True):
            found[name, clip.id] = group[k] if group[k] is not clip else _backwards(clip)
    return found


def shuffled(listening: Source, others: Partners) -> Source:
    """`listening` to another clip's sound: what sounding like speech is worth."""
    return lambda clip: listening(with_sound_of(clip, others[clip.set, clip.id]))


def swapped(others: Partners) -> Source:
    """The real motion of another clip, repeated or cut to length: the level of chance for natural motion."""

    def source(clip: Clip) -> Float:
        other = others[clip.set, clip.id].expression
        return other[np.arange(clip.frames) % len(other)]

    return source


def derangement(count: int, rng: np.random.Generator) -> list[int]:
    """A random order of range(count) in which nothing keeps its place (one cycle); [0] for a count of one."""
    cycle = rng.permutation(count)
    order = [0] * count
    for a, b in zip(cycle, np.roll(cycle, -1), strict=True):
        order[int(a)] = int(b)
    return order


def saying_else(words: Sequence[str], rng: np.random.Generator) -> list[int | None]:
    """For every clip the place of another one of other words ("": unknown), in a random cycle; where all others say the
    same the next one, None for a clip alone."""
    cycle = [int(place) for place in rng.permutation(len(words))]
    found: list[int | None] = [None] * len(words)
    for at, clip in enumerate(cycle):
        others = cycle[at + 1 :] + cycle[:at]
        found[clip] = next((o for o in others if not words[clip] or words[o] != words[clip]), next(iter(others), None))
    return found


def training_mean(dataset: Path, tracks: Path | None, face: FaceSpace) -> Float:
    """Mean expression (E,) of the licence-clean training clips with sound, every speaker counting alike. Raises
    UnusableInput where there are none."""
    wanted = {"kind": "av", "split": "train", "licence_class": "clean"}
    rows = [r for r in read_rows(dataset) if wanted.items() <= r.items()]
    means = []
    for speaker in sorted({r["speaker"] for r in rows}):
        own = [r for r in rows if r["speaker"] == speaker][:_CLIPS_PER_SPEAKER]
        tracked = [load_track(dataset / r["file"], tracks) for r in own]
        neutral = speaker_neutral(tracked)
        means.append(np.concatenate([face.fit(t.landmarks, neutral)[0] for t in tracked]).mean(axis=0))
    if not means:
        raise UnusableInput(f"{dataset / 'clips.csv'} lists no training clips (kind av, split train, licence clean).")
    return np.asarray(np.mean(means, axis=0), dtype=np.float32)


def _backwards(clip: Clip) -> Clip:
    return replace(clip, samples=clip.samples[::-1].copy(), expression=clip.expression[::-1].copy())
