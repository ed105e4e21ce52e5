"""`dreamtalk prepare`: a folder of videos becomes Parquet shards that training reads.

    clips ──observe──▶ tracks, features, sightings ──quality──▶ good clips ──pool──▶ resting faces ──fit──▶ shards

Three passes, each over items that do not need each other: clips, speakers, shards (workers.py). Every result is a
file with a final name, so a run that was killed at any moment goes on where it was, and ends with the same bytes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from dreamtalk.data.adapters import layout
from dreamtalk.data.fitting import FACE_SPACE, Member, Shard, fit_shard, lip_expert_or_none
from dreamtalk.data.manifest import FILE, Manifest, ShardEntry, Skip
from dreamtalk.data.observe import DEFAULT_ENCODER, Cache, check_encoder, encoder, observe
from dreamtalk.data.quality import QualityLimits, verdict
from dreamtalk.data.shards import pyarrow_parquet
from dreamtalk.data.sighting import Sighting
from dreamtalk.data.source import SourceClip
from dreamtalk.data.speakers import Speaker, pool
from dreamtalk.errors import UnusableInput, UnusableOutput
from dreamtalk.version import package_version
from dreamtalk.workers import chosen_workers, run_all

Item = TypeVar("Item")
Result = TypeVar("Result")

WORKER_DIED = Skip("", "worker died", "twice: out of memory, or a file that crashes its decoder")


@dataclass(frozen=True, kw_only=True)
class Preparation:
    """What to prepare, and how."""

    dataset: str
    """mead, hdtf, voxceleb2, ravdess, crema-d, grid, talkset, or folder."""
    root: Path
    """Its folder."""
    out: Path
    """Folder for the shards and manifest.json."""
    cache: Path | None = None
    """Folder for tracks and features, which a later run uses again. By default OUT/cache."""
    encoder: str = DEFAULT_ENCODER
    """Speech features: whisper-base-l3, or wav2vec2-large-xlsr-53-english (needs the hub extra)."""
    encoder_source: str | None = None
    """Folder or Hugging Face hub name of a wav2vec2."""
    lip_expert: Path | None = None
    """Lip expert that finds sound out of step. By default the shipped one."""
    workers: int | None = None
    """Processes on this machine; 0: only this one, without Ray. By default all cores, if Ray is installed and there is
    more than one clip."""
    ray: str | None = None
    """Address of a Ray cluster to work on; ROOT, OUT and cache must be the same folders on all its machines."""
    shard_clips: int = 64
    """Clips per shard, counted before any is left out."""
    max_clips: int | None = None
    """Only the first so many clips by name, for a trial."""
    limits: QualityLimits = field(default_factory=QualityLimits)
    """What a clip must keep to."""


def prepare(config: Preparation, say: Callable[[str], None] = print) -> Manifest:
    """Prepare a data set; the manifest that was written last.

    say: gets one line at a time for people. Raises UnusableInput for a folder of another kind or one without a single
    good clip, UnusableOutput when the output lies in the way, AssetMissing without the encoder, DreamTalkError without
    pyarrow or an asked-for Ray. Single bad clips never raise: they are in the manifest.
    """
    pyarrow_parquet()
    _check_numbers(config)
    check_encoder(config.encoder, config.encoder_source)
    clips = layout(config.dataset).clips(config.root)[: config.max_clips]
    cache = Cache(config.cache or config.out / "cache", config.encoder, config.encoder_source)
    encoder(cache.encoder, cache.encoder_source)  # a missing one is noticed before the work, not after
    expert = lip_expert_or_none(config.lip_expert, config.encoder, say)
    _check_output(config, clips)
    workers = 0 if len(clips) == 1 and config.workers is None else chosen_workers(config.workers, config.ray, say)
    run = _Run(config, workers)
    say(f"{len(clips)} clips of {len({c.speaker for c in clips})} speakers in {config.root}")
    seen, skipped = run.observe(clips, cache)
    members, lost = run.pool(clips, seen, cache)
    shards, out_of_step = run.fit(clips, members, expert, cache)
    every = sorted([*skipped, *lost, *out_of_step], key=lambda skip: skip.id)
    settings = _settings(config, expert)
    manifest = Manifest(
        config.dataset, _data_hash(config, clips, settings), settings, _versions(), shards, tuple(every)
    )
    if manifest.clips == 0:
        first = f"{every[0].id}: {every[0].reason}, {every[0].detail}" if every else ""
        raise UnusableInput(
            f"None of the {len(clips)} clips in {config.root} can be used: {_counts(manifest)}.\nThe first: {first}."
        )
    manifest.write(config.out)
    say(f"{config.out}: {manifest.clips} clips, {manifest.frames / 25 / 60:.1f} minutes in {len(shards)} shards")
    if every:
        say(f"Left out: {_counts(manifest)} (each with its reason in {config.out / FILE})")
    return manifest


class _Run:
    """The three passes."""

    def __init__(self, config: Preparation, workers: int) -> None:
        self._config, self._workers = config, workers

    def observe(self, clips: list[SourceClip], cache: Cache) -> tuple[dict[str, Sighting], list[Skip]]:
        """What was seen of the good clips by id, and the others."""
        good: dict[str, Sighting] = {}
        skipped = []
        for number, seen in self._through(partial(observe, cache=cache), clips, "Looking and listening"):
            name = clips[number].id
            if seen is None:
                skipped.append(Skip(name, WORKER_DIED.reason, WORKER_DIED.detail))
            elif (broken := verdict(seen.sighting, self._config.limits)) is not None:
                skipped.append(Skip(name, *broken))
            else:
                good[name] = seen.sighting
        return good, skipped

    def pool(
        self, clips: list[SourceClip], seen: dict[str, Sighting], cache: Cache
    ) -> tuple[dict[str, Member], list[Skip]]:
        """The good clips by id with their speakers, and those whose speaker has no resting face."""
        own: dict[str, list[str]] = {}
        for clip in clips:
            if clip.id in seen:
                own.setdefault(clip.speaker, []).append(clip.id)
        speakers = [Speaker(name, tuple(sorted(ids))) for name, ids in sorted(own.items())]
        known: dict[str, Speaker] = {}
        problems: dict[str, str] = {}
        for number, report in self._through(partial(pool, cache=cache), speakers, "Resting faces"):
            name = speakers[number].name
            if report is None or report.problem:
                problems[name] = WORKER_DIED.detail if report is None else report.problem
            else:
                known[name] = speakers[number]
        lost = [
            Skip(c.id, "no resting face", problems[c.speaker]) for c in clips if c.id in seen and c.speaker in problems
        ]
        members = {
            c.id: Member(c, seen[c.id], known[c.speaker], _below(c.video, self._config.root))
            for c in clips
            if c.id in seen and c.speaker in known
        }
        return members, lost

    def fit(
        self, clips: list[SourceClip], members: dict[str, Member], expert: Path | None, cache: Cache
    ) -> tuple[tuple[ShardEntry, ...], list[Skip]]:
        """The shards' entries, and the clips that are out of step. Which shard a clip is in depends on names alone."""
        config = self._config
        order = [c.id for c in sorted(clips, key=lambda c: (c.split, c.speaker, c.id))]
        shards: list[Shard] = []
        for begin in range(0, len(order), config.shard_clips):
            inside = tuple(members[i] for i in order[begin : begin + config.shard_clips] if i in members)
            shards.append(Shard(config.out / f"shard-{len(shards):05d}.parquet", inside, config.limits, expert))
        self._clear(shards)
        entries: dict[str, ShardEntry] = {}
        skipped = []
        for number, report in self._through(partial(fit_shard, cache=cache), shards, "Fitting"):
            if report is None:
                skipped += [Skip(m.clip.id, WORKER_DIED.reason, WORKER_DIED.detail) for m in shards[number].members]
                continue
            skipped += report.skipped
            if report.clips:
                entries[report.file] = ShardEntry(report.file, report.clips, report.frames)
        return tuple(entries[name] for name in sorted(entries)), skipped

    def _clear(self, shards: list[Shard]) -> None:
        """Take away what an earlier run left: its manifest, for the shards may be replaced now, shards beyond ours, and
        what was being written when it was killed."""
        (self._config.out / FILE).unlink(missing_ok=True)
        names = {shard.file.name for shard in shards}
        for file in self._config.out.glob("shard-[0-9][0-9][0-9][0-9][0-9].parquet"):
            if file.name not in names:
                file.unlink()
        for unfinished in self._config.out.glob(".shard-*.partial.parquet"):
            unfinished.unlink()

    def _through(
        self, work: Callable[[Item], Result], items: Sequence[Item], title: str
    ) -> Iterator[tuple[int, Result | None]]:
        """run_all with a progress bar on stderr."""
        columns = (TextColumn(title), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        screen = Console(stderr=True)
        with Progress(*columns, console=screen, transient=True, disable=not screen.is_terminal) as bar:
            task = bar.add_task(title, total=len(items))
            marks = self._config.out / ".begun"
            for number, result in run_all(work, items, self._workers, marks, self._config.ray):
                bar.advance(task)
                yield number, result


def _check_numbers(config: Preparation) -> None:
    """Raises UnusableInput for counts that make no sense."""
    for name, least in (("workers", 0), ("shard_clips", 1), ("max_clips", 1)):
        value = getattr(config, name)
        if value is not None and value < least:
            raise UnusableInput(f"{name} must be at least {least}, not {value}.")


def _check_output(config: Preparation, clips: list[SourceClip]) -> None:
    """Raises UnusableOutput when the output is a file, or the folder of the videos."""
    if config.out.exists() and not config.out.is_dir():
        raise UnusableOutput(f"The output {config.out} is a file; give a folder.")
    if config.out.resolve() == config.root.resolve():
        raise UnusableOutput(f"The output {config.out} is the folder of the videos; give another one.")
    try:
        config.out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UnusableOutput(f"The output {config.out} cannot be made: {error.strerror}.") from error


def _below(file: Path, root: Path) -> str:
    try:
        return file.relative_to(root).as_posix()
    except ValueError:
        return file.as_posix()


def _settings(config: Preparation, expert: Path | None) -> dict[str, object]:
    """What the result depends on besides the clips."""
    return {
        "encoder": config.encoder,
        "face_space": FACE_SPACE,
        "lip_expert": sha256(expert.read_bytes()).hexdigest() if expert else "none",
        "shard_clips": config.shard_clips,
        "limits": asdict(config.limits),
    }


def _data_hash(config: Preparation, clips: list[SourceClip], settings: dict[str, object]) -> str:
    """sha256 of which clips were given, their labels and sizes, and of the settings."""
    rows = []
    for clip in clips:
        size = clip.video.stat().st_size if clip.video.is_file() else 0
        row = {**asdict(clip), "video": _below(clip.video, config.root), "size": size}
        rows.append({**row, "sound": _below(clip.sound, config.root) if clip.sound else ""})
    return sha256(json.dumps([rows, settings], sort_keys=True).encode()).hexdigest()


def _versions() -> dict[str, str]:
    import pyarrow

    return {"dreamtalk": package_version(), "pyarrow": pyarrow.__version__}


def _counts(manifest: Manifest) -> str:
    return ", ".join(f"{count} {reason}" for reason, count in manifest.reasons.items())
