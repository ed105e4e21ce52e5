"""Anybody's videos against real ones, by one protocol: `dreamtalk evaluate videos DIR --reference DIR`.

A video is compared with the real one of the same file name. Both are read at 25 fps, cut to the face (256 px, by where
the face is in their first frames) and tracked by the same tracker, so that any method, size and framing can be scored.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

from dreamtalk.data.adapters import layout
from dreamtalk.errors import UnusableInput
from dreamtalk.evaluate.figures import Figure
from dreamtalk.evaluate.judges import JudgeFiles, Judges
from dreamtalk.evaluate.report import Report, versions
from dreamtalk.evaluate.scenes import (
    LEGEND,
    REAL,
    SHUFFLED,
    STILL,
    Desk,
    Real,
    Scene,
    SceneScores,
    complete,
    score_scenes,
    set_distances,
    values_of,
)
from dreamtalk.evaluate.stamps import shipped
from dreamtalk.evaluate.suite import Label, metrics_of, suite
from dreamtalk.evaluate.video_figures import lips_over_sound, strip
from dreamtalk.evaluate.watching import Watching, watch

VIDEOS = (".mp4", ".mov", ".webm", ".mkv", ".avi", ".m4v")
SET = "all clips"


@dataclass(frozen=True, slots=True)
class VideosEvaluation:
    """What to measure, and how."""

    videos: Path
    """Folder of the videos to score."""
    reference: Path
    """Folder of the real videos, by the same names."""
    name: str = "these videos"
    """Of the method, for the tables."""
    syncnet: Path | None = None
    """SyncNet's public weights (syncnet_v2.model), for Sync-C, Sync-D and the offset."""
    embedding: str | None = None
    """Face embedding for CSIM: "dlib" (extra `identity`), or an ONNX file (112 x 112 RGB, 0 to 255, such as SFace)."""
    lpips: tuple[Path, Path] | None = None
    """AlexNet's weights and LPIPS's heads (alexnet-owt-*.pth, alex.pth), for LPIPS."""
    inception: Path | None = None
    """Inception as TorchScript (inception-2015-12-05.pt), for FID over all clips. TorchScript is code: trust it."""
    i3d: Path | None = None
    """I3D as TorchScript (i3d_torchscript.pt), for FVD over all clips."""
    emotion_judge: Path | None = None
    """Made by `dreamtalk train emotion-judge`, for emotion accuracy, where REFERENCE/clips.csv has a column emotion."""
    style_judge: Path | None = None
    """The same over groups of styles, for SA (columns intensity and speaker, where its groups are made of them)."""
    kept: Path | None = None
    """Folder where tracks and scores are kept: a run that was stopped goes on where it was. None: nothing is kept."""
    workers: int = 0
    """Processes that score (extra `batch`); 0: this one."""
    address: str | None = None
    """Of a Ray cluster that scores. None: this machine."""
    seconds: float = 20.0
    """Of each clip, at most."""
    limit: int | None = None
    """Clips, at most."""
    shown: int = 4
    """Clips with figures in the report."""
    resamples: int = 1000
    """Of the bootstrap."""
    seed: int = 0
    """Of the bootstrap."""

    @property
    def judges(self) -> JudgeFiles:
        """The user's own networks."""
        return JudgeFiles(
            self.syncnet,
            self.embedding,
            self.lpips,
            self.inception,
            self.i3d,
            self.emotion_judge,
            self.style_judge,
        )


def evaluate_videos(config: VideosEvaluation) -> tuple[Report, list[Figure]]:
    """Tables of every pair, and figures of the first `shown`. Clips that cannot be scored are named in the notes.

    Raises UnusableInput when the folders share no video, none can be scored, or the configuration makes no sense.
    """
    _check(config)
    every = paired(config.videos, config.reference)
    pairs, missing = every[: config.limit], len(videos_of(config.reference)) - len(every)
    notes = [f"{missing} of the real videos have no counterpart: a method is asked for all."] if missing else []
    scenes = _scenes(config.name, pairs, _labels(config.reference))
    judges = Judges.load(config.judges)  # a wrong file is told now
    with TemporaryDirectory() as passing:
        folder = config.kept or Path(passing)
        desk = Desk(Watching(config.seconds, folder / "tracks"), config.judges, folder / "scores")
        found = score_scenes(scenes, desk, folder / "begun", config.workers, config.address)
        values, more = values_of(scenes, found)
        if not values:
            raise UnusableInput("None of the videos could be scored. " + " ".join(more[:3]))
        figures = figures_of(scenes, found, desk.watching, config.shown)
    rows = (config.name, STILL, REAL, SHUFFLED)
    facts: dict[str, object] = {
        "config": {"videos": str(config.videos), "reference": str(config.reference), "seconds": config.seconds},
        "versions": versions(),
        "weights": shipped() | config.judges.shas,
        "notes": [*notes, *more, *set_distances(scenes, found, rows)],
    }
    metrics = metrics_of(suite(judges))
    report = Report(
        metrics=metrics,
        sets=(SET,),
        rows=rows,
        values=tuple(values),
        facts=facts,
        resamples=config.resamples,
        seed=config.seed,
        title="Videos",
        legend={config.name: "the videos to be scored"} | {row: LEGEND[row] for row in rows[1:]},
        bounds=rows[1:],
    )
    return report, figures


def figures_of(scenes: list[Scene], found: list[SceneScores], watching: Watching, most: int) -> list[Figure]:
    """Frames, and the lips over the sound, of the first methods' videos in the first complete scenes."""
    figures = []
    for scene in [scene for scene, result in zip(scenes, found, strict=True) if complete(scene, result)][:most]:
        name, file = scene.made[0]
        made, real = watch(file, watching), watch(scene.real.file, watching)
        figures += [strip(name, made, real), lips_over_sound(name, made, real)]
    return figures


def _scenes(name: str, pairs: list[tuple[Path, Path]], labels: Mapping[Path, Label]) -> list[Scene]:
    """A scene per pair; the other clip of the shuffled row is the one before."""
    reals = [Real(real, label=labels.get(real, Label())) for _, real in pairs]
    others = [*reals[-1:], *reals[:-1]] if len(reals) > 1 else [None]
    return [
        Scene(SET, made.stem, real, ((name, made),), label=real.label, other=other)
        for (made, _), real, other in zip(pairs, reals, others, strict=True)
    ]


def _labels(reference: Path) -> dict[Path, Label]:
    """Of the videos that a table clips.csv beside them names (see `dreamtalk prepare folder`)."""
    clips = layout("folder").find(reference)
    return {clip.video: Label(clip.emotion, clip.intensity, clip.speaker, clip.transcript) for clip in clips}


def paired(videos: Path, reference: Path) -> list[tuple[Path, Path]]:
    """Videos of two folders with the same name, sorted. Raises UnusableInput when there are none."""
    real, made = videos_of(reference), videos_of(videos)
    found = [(file, real[name]) for name, file in made.items() if name in real]
    if not found:
        raise UnusableInput(
            f"No video in {videos} ({len(made)}) has the name of one in {reference} ({len(real)}). Videos are compared "
            "with the real one of the same name."
        )
    return found


def videos_of(folder: Path) -> dict[str, Path]:
    """Videos of a folder by their names without ending, sorted. Raises UnusableInput when two have the same."""
    if not folder.is_dir():
        raise UnusableInput(f"{folder} is not a folder of videos.")
    found: dict[str, Path] = {}
    for file in sorted(folder.iterdir()):
        if file.suffix.lower() in VIDEOS and not file.name.startswith("."):
            if file.stem in found:
                raise UnusableInput(f"{folder} has both {found[file.stem].name} and {file.name}: which one is meant?")
            found[file.stem] = file
    return found


def check_packages() -> None:
    """Raises UnusableInput without the packages that scoring and drawing need."""
    if not all(find_spec(package) for package in ("skimage", "matplotlib")):
        raise UnusableInput("This needs scikit-image and matplotlib. Install: pip install 'dreamtalk[eval]'")


def _check(config: VideosEvaluation) -> None:
    """Raises UnusableInput for a configuration that makes no sense, or without the packages that are needed."""
    check_packages()
    if config.name in LEGEND or not config.name.strip():
        raise UnusableInput(f"--name {config.name!r} is taken; give the method another one.")
    if not 0 < config.seconds < float("inf"):
        raise UnusableInput(f"--seconds must be above 0, not {config.seconds}.")
    for name, value, least in (
        ("limit", config.limit, 1),
        ("resamples", config.resamples, 1),
        ("shown", config.shown, 0),
        ("workers", config.workers, 0),
    ):
        if value is not None and value < least:
            raise UnusableInput(f"--{name} must be at least {least}, not {value}.")
