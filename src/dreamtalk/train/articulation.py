"""`dreamtalk train articulation`: the reader of tongue and lips (motion/reader.py), from voices whose phones are known.

First from synthetic speech, where the time of every phone is exact. That reader then finds the phones of real talkers
whose words are known (forced alignment), and a new one learns from both; once more, and the times have settled.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from rich.progress import track as progress
from torch import Tensor
from torch.nn import functional as F

from dreamtalk.audio import SpeechEncoder
from dreamtalk.data.cache import make_features
from dreamtalk.data.talkset import Clip, read_talkset
from dreamtalk.errors import UnusableInput
from dreamtalk.media.files import replacing
from dreamtalk.motion.reader import GROUPS, ArticulationReader, ReaderConfig
from dreamtalk.train.dry_run import dry_run
from dreamtalk.train.espeak import PAUSE, Phone, Spoken, speak
from dreamtalk.train.loop import LoopConfig, Losses, Stage, State, check_training, train_stage
from dreamtalk.train.phones import Int, align, labels_of
from dreamtalk.train.place import Share
from dreamtalk.train.sentences import grid_text, line
from dreamtalk.train.voices import VOICES, changed, heard_as
from dreamtalk.types import SAMPLE_RATE, Float, Speech, SpeechFeatures

_QUIET_SECONDS = (0.2, 0.8)
"""Range of the near silence before and after a synthetic line."""

_QUIET_LEVEL = 3e-4
"""Standard deviation of its noise, full scale (-70 dB)."""

_VOICED_SHARE = 0.6
"""Share of synthetic lines that go through one of train/voices.VOICES."""

_RARE = 1e-4
"""Probability below which a group is not taken to be rarer: no frame rules a phone out."""


@dataclass(frozen=True, kw_only=True)
class ArticulationTraining(LoopConfig):
    """A whole training: a run on synthetic speech, then `rounds` runs on both kinds of speech."""

    data: Path
    """A talkset: its GRID clips have transcripts."""
    cache: Path = Path("work")
    """Where features are kept."""
    out: Path = Path("runs/articulation")
    reader: ReaderConfig = field(default_factory=ReaderConfig)
    steps: int = 1200
    """Of each run."""
    learning_rate: float = 2e-3
    precision: Literal["float32", "bfloat16"] = "float32"
    save_every: int = 400
    rows: int = 16
    features: int = 120
    """Talks per batch and consecutive features (20 ms) of each."""
    lines: int = 800
    """Synthetic lines, about 3 s each."""
    rounds: int = 2
    real_share: float = 0.35
    """Share of real talks in a batch, once there are any. They say fifty words; synthetic ones say everything."""
    others_share: float = 0.6
    """Share of real talks by everyone but the speaker with the most clips."""
    feature_noise: float = 0.3
    """Standard deviation of noise on the speech features, in units of theirs."""
    voices: bool = True
    """Whether real clips are heard in other voices and rooms as well (train/voices.py)."""
    clean_only: bool = True
    max_clips: int | None = None

    def check(self) -> None:
        """Raises UnusableInput also where there is nothing to learn from."""
        super().check()
        if self.lines < 1 or self.rounds < 0:
            raise UnusableInput(
                f"There must be 1 line or more and 0 rounds or more, not {self.lines} and {self.rounds}."
            )


@dataclass(frozen=True, slots=True)
class Labelled:
    """features: (N, F) float16 at 50 Hz. groups: (N,) what is heard at each, see motion.reader.GROUPS. speaker: empty
    for synthetic voices."""

    features: np.ndarray[tuple[int, int], np.dtype[np.float16]]
    groups: Int
    speaker: str = ""


def train_articulation(config: ArticulationTraining) -> Path:
    """Run the recipe; the file of the last reader (EMA weights, fp16 safetensors).

    Raises UnusableInput when eSpeak NG is missing or the data folder is not usable.
    """
    runs = _runs(config)
    for own in runs:
        check_training(own)
    clips = _clips(config)
    synthetic = list(synthetic_talks(config))
    file = train_stage(runs[0], ArticulationStage(runs[0], synthetic))
    for own in runs[1:]:
        real = aligned_talks(own, clips, ArticulationReader.load(file))
        file = train_stage(own, ArticulationStage(own, synthetic + real))
    return file


def dry_run_articulation(config: ArticulationTraining) -> str:
    """What the first run would be, and what that makes of all. Raises what training raises."""
    first, *others = _runs(config)
    check_training(first)
    _clips(config)
    shown = dry_run(first, ArticulationStage(first, list(synthetic_talks(config))))
    last = (others or [first])[-1].out
    return f"{shown}\n  in all        {len(others) + 1} runs one after the other, the last in {last}"


def _runs(config: ArticulationTraining) -> list[ArticulationTraining]:
    names = ["1-synthetic", *(f"{number + 2}-aligned" for number in range(config.rounds))]
    return [replace(config, out=config.out / name) for name in names]


def _clips(config: ArticulationTraining) -> list[Clip]:
    """Train clips whose words are known."""
    known = [c for c in read_talkset(config.data) if c.kind == "av" and c.split == "train" and c.transcript]
    clips = [c for c in known if c.dataset == "GRID" and (c.clean or not config.clean_only)]
    if not clips:
        raise UnusableInput(f"{config.data} has no GRID clips with transcripts to train on.")
    return clips[: config.max_clips]


def synthetic_talks(config: ArticulationTraining) -> Iterator[Labelled]:
    """Lines by eSpeak NG with their phones; features are kept in the cache folder.

    eSpeak's flutter goes on from line to line: where one is missing, all before it are said again, or it would not be
    the same as in a run from the beginning.
    """
    folder = config.cache / f"features-{config.reader.encoder}-espeak"
    folder.mkdir(parents=True, exist_ok=True)
    hear = SpeechEncoder.load(config.reader.encoder)
    files = [folder / f"{config.seed}-{number:05}.npz" for number in range(config.lines)]
    to_say = max((number + 1 for number, file in enumerate(files) if not file.is_file()), default=0)
    for number, file in enumerate(progress(files, description="Synthetic speech")):
        rng = np.random.default_rng([config.seed, number])
        spoken = _spoken(rng) if number < to_say else None
        if spoken is not None and not file.is_file():
            features, groups = _labelled(spoken, rng, hear)
            with replacing(file) as temporary, temporary.open("wb") as stored:
                np.savez(stored, features=features.astype(np.float16), groups=groups)
        with np.load(file, allow_pickle=False) as kept:
            yield Labelled(kept["features"], kept["groups"])


def _spoken(rng: np.random.Generator) -> Spoken:
    said = line(rng)
    return speak(said.text, said.voice, said.words_per_minute, said.pitch, said.pitch_range)


def _labelled(spoken: Spoken, rng: np.random.Generator, hear: SpeechEncoder) -> tuple[Float, Int]:
    """Features and groups of a line with silence around it, in some voice and room."""
    before, after = (round(float(s) * SAMPLE_RATE) for s in rng.uniform(*_QUIET_SECONDS, 2))
    samples = np.pad(spoken.samples, (before, after))
    samples += rng.standard_normal(len(samples)).astype(np.float32) * _QUIET_LEVEL
    phones = tuple(replace(p, start=p.start + before / SAMPLE_RATE) for p in spoken.phones)
    end = (before + len(spoken.samples)) / SAMPLE_RATE
    speed = 1.0
    if rng.random() < _VOICED_SHARE:
        voice = VOICES[rng.integers(len(VOICES))]
        speed = float(rng.uniform(*voice.speed))
        samples = changed(samples, voice, speed, rng)
    features = hear.encode(Speech(samples)).values
    phones = (*phones, Phone(PAUSE, end, -1))
    return features, labels_of(tuple(replace(p, start=p.start / speed) for p in phones), len(features))


def aligned_talks(config: ArticulationTraining, clips: list[Clip], reader: ArticulationReader) -> list[Labelled]:
    """Real clips with the phones of their transcripts where the reader hears them, in their own and other voices."""
    encoder = config.reader.encoder
    hear = SpeechEncoder.load(encoder)
    talks: list[Labelled] = []
    for clip, features in zip(clips, make_features(clips, config.cache / "features", encoder), strict=True):
        groups = aligned_groups(reader, features, clip.transcript)
        if groups is None:
            continue
        talks.append(Labelled(features.astype(np.float16), groups, clip.speaker))
        for voice in VOICES if config.voices else ():
            folder = config.cache / f"features-{encoder}-{voice.name}"
            folder.mkdir(parents=True, exist_ok=True)
            heard, speed = heard_as(clip, voice, hear, folder / f"{clip.id}.npy")
            index = np.minimum(np.round(np.arange(len(heard)) * speed).astype(int), len(groups) - 1)
            talks.append(Labelled(heard.astype(np.float16), groups[index], clip.speaker))
    return talks


def aligned_groups(reader: ArticulationReader, features: Float, transcript: str) -> Int | None:
    """(N,) group heard at each feature (N, F) of a GRID sentence; None when its phones do not fit in."""
    probabilities = reader.read(SpeechFeatures(features, reader.config.encoder))
    phones = [p for p in speak(grid_text(transcript), "en").phones if p.name != PAUSE]
    return align(np.log(np.maximum(probabilities, _RARE)), phones)


@dataclass(frozen=True, slots=True)
class HeardGroups:
    """features: (B, N + 2 reach, F), with noise. groups: (B, N). odds: (B, G) log of how much more often each group is
    said in this kind of talk than in synthetic ones."""

    features: Tensor
    groups: Tensor
    odds: Tensor


class ArticulationStage(Stage[HeardGroups]):
    """Batches and loss of one run."""

    model: ArticulationReader

    def __init__(self, config: ArticulationTraining, talks: list[Labelled]) -> None:
        super().__init__()
        self.title = "Training the articulation reader"
        speakers = [t.speaker for t in talks if t.speaker]
        self.about = f"{len(talks) - len(speakers)} synthetic and {len(speakers)} real talks"
        torch.manual_seed(config.seed)
        self._config = config
        self.model = ArticulationReader(config.reader)
        some = np.concatenate([t.features for t in talks[:: max(1, len(talks) // 300)]]).astype(np.float32)
        self.model.feature_mean.copy_(torch.from_numpy(some.mean(axis=0)))
        self.model.feature_std.copy_(torch.from_numpy(some.std(axis=0) + 1e-3))
        main = max(set(speakers), key=speakers.count) if speakers else ""
        real = [t for t in talks if t.speaker]
        self._synthetic = [t for t in talks if not t.speaker]
        self._main = [t for t in real if t.speaker == main]
        self._others = [t for t in real if t.speaker != main] or self._main
        self._real_odds = _log_share(real) - _log_share(self._synthetic)

    def batch(self, number: int, share: Share) -> HeardGroups:
        """Stretches of talks; each row depends on the seed, the batch's number and the row alone."""
        config = self._config
        rows = [self._row(np.random.default_rng([config.seed, number, row])) for row in share.of(config.rows)]
        features, groups, odds = (np.stack(part) for part in zip(*rows, strict=True))
        return HeardGroups(torch.from_numpy(features), torch.from_numpy(groups), torch.from_numpy(odds))

    def _row(self, rng: np.random.Generator) -> tuple[Float, Int, Float]:
        config, reach = self._config, self._config.reader.reach
        pool = self._synthetic
        if self._main and rng.random() < config.real_share:
            pool = self._others if rng.random() < config.others_share else self._main
        talk = pool[rng.integers(len(pool))]
        last = len(talk.groups) - 1
        at = int(rng.integers(max(1, last + 2 - config.features)))
        judged = np.clip(np.arange(at, at + config.features), 0, last)
        heard = np.clip(np.arange(at - reach, at + config.features + reach), 0, last)
        features = talk.features[heard].astype(np.float32)
        noise = rng.standard_normal(features.shape, dtype=np.float32) * config.feature_noise
        odds = self._real_odds if talk.speaker else np.zeros_like(self._real_odds)
        return features + noise * self.model.feature_std.cpu().numpy(), talk.groups[judged], odds

    def forward(self, batch: HeardGroups) -> Losses:
        """Cross-entropy, and the share of features whose group is found.

        Real talks are judged with their own odds of each group, so that the reader does not learn that m is rare from
        the fifty words of GRID.
        """
        logits = self.model(batch.features) + batch.odds[:, None]
        loss = F.cross_entropy(logits.reshape(-1, len(GROUPS)), batch.groups.reshape(-1))
        return {"loss": loss, "accuracy": (logits.argmax(-1) == batch.groups).float().mean()}

    def export(self, weights: State, steps: int, file: Path) -> None:
        """The reader by itself."""
        made = ArticulationReader(self._config.reader)
        made.load_state_dict(weights)
        made.save(file, {"steps": str(steps), "seed": str(self._config.seed)})


def _log_share(talks: list[Labelled]) -> Float:
    """(G,) log of each group's share of what is heard in these talks; one feature more of each, so that none is 0."""
    counts = np.bincount(np.concatenate([np.arange(len(GROUPS)), *(t.groups for t in talks)]), minlength=len(GROUPS))
    return np.asarray(np.log(counts / counts.sum()), dtype=np.float32)
