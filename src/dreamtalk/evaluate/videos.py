"""Anybody's videos against real ones, by one protocol: `dreamtalk evaluate videos DIR --reference DIR`.

A video is compared with the real one of the same file name. Both are read at 25 fps, cut to the face (256 px, by where
the face is in their first frames) and tracked by the same tracker, so that any method, size and framing can be scored.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from rich.progress import track as progress

from dreamtalk.errors import DreamTalkError, UnusableInput
from dreamtalk.evaluate.correlation import pearson
from dreamtalk.evaluate.figures import Figure
from dreamtalk.evaluate.judges import PICTURE_EVERY, Ears, Eyes, mean_of
from dreamtalk.evaluate.metrics import (
    blinks,
    expression_distance,
    head_motion,
    jitter,
    landmark_distance,
    psnr_ssim,
    sync_judge,
)
from dreamtalk.evaluate.metrics import cpbd as sharpness
from dreamtalk.evaluate.report import Report, Value, versions
from dreamtalk.evaluate.scoring import Metric, Score
from dreamtalk.evaluate.video_figures import lips_over_sound, strip
from dreamtalk.evaluate.watching import Watched, watch
from dreamtalk.face import FaceTracker
from dreamtalk.face.measures import aperture, eye_opening
from dreamtalk.face.model import FaceModel
from dreamtalk.types import SAMPLE_RATE, VIDEO_FPS

VIDEOS = (".mp4", ".mov", ".webm", ".mkv", ".avi", ".m4v")
REAL, STILL, SHUFFLED = "real video", "still photo", "shuffled"
"""Rows beside the method's own: the real video; its first frame with a face, held; the method's video against another
clip's real lips and with that clip's sound, which is what chance is worth."""

SET = "all clips"
_LEAST_LENGTH = 0.5
"""Share of the real video's frames below which a video is not scored."""
_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)
"""Shares of red, green and blue in the brightness (BT.601)."""

APERTURE = Metric(
    name="aperture_with_real",
    title="aperture r with the real lips",
    unit="",
    span="-1 to 1",
    good="near 1",
    definition="Pearson correlation over frames of the inner-lip aperture with that of the real video.",
    reference="Ours, as in evaluate motion; 1 for the real row.",
    pitfalls="Blind to size. Sentences of one kind correlate by chance.",
)


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


METRICS = (
    psnr_ssim.PSNR,
    psnr_ssim.SSIM,
    sharpness.METRIC,
    landmark_distance.MOUTH,
    landmark_distance.FACE,
    landmark_distance.MOUTH_NORMALISED,
    landmark_distance.FACE_NORMALISED,
    APERTURE,
    sync_judge.IN_STEP,
    sync_judge.CONFIDENCE,
    sync_judge.OFFSET,
    expression_distance.METRIC,
    jitter.METRIC,
    blinks.RATE,
    blinks.LENGTH,
    head_motion.DIVERSITY,
    head_motion.SPEED,
    head_motion.BEAT,
)


def evaluate_videos(config: VideosEvaluation) -> tuple[Report, list[Figure]]:
    """Tables of every pair, and figures of the first `shown`. Clips that cannot be scored are named in the notes.

    Raises UnusableInput when the folders share no video, none can be scored, or the configuration makes no sense.
    """
    _check(config)
    every = paired(config.videos, config.reference)
    pairs, missing = every[: config.limit], len(videos_of(config.reference)) - len(every)
    tracker, face = FaceTracker.load(), FaceModel.load()
    ears, eyes = Ears.load(config.syncnet), Eyes.load(config.lpips, config.inception, config.i3d, config.embedding)
    values: list[Value] = []
    notes = [f"{missing} of the real videos have no counterpart: a method is asked for all."] if missing else []
    figures: list[Figure] = []
    earlier: Watched | None = None
    for made_file, real_file in progress(pairs, description="videos", transient=True):
        try:
            made = watch(made_file, tracker, face, config.seconds)
            real = watch(real_file, tracker, face, config.seconds)
            _check_length(made, real)
        except DreamTalkError as problem:
            notes.append(f"{made_file.stem} left out: {problem}")
            continue
        notes += _differences(made, real)
        for row, clip, truth in _rows(config.name, made, real, earlier):
            scores = {**_motion(clip, truth), **ears.scores(clip)}
            if row != SHUFFLED:
                scores |= {**_pictures(clip, truth), **_manner(clip, truth), **eyes.look(row, clip, truth)}
            values += [Value(SET, row, made.name, name, Score(score)) for name, score in scores.items()]
        if len(figures) < 2 * config.shown:
            figures += [strip(config.name, made, real), lips_over_sound(config.name, made, real)]
        earlier = real
    if not values:
        raise UnusableInput("None of the videos could be scored. " + " ".join(notes[:3]))
    facts: dict[str, object] = {
        "config": {"videos": str(config.videos), "reference": str(config.reference), "seconds": config.seconds},
        "versions": versions(),
        "notes": [*notes, *eyes.distances(REAL)],
    }
    metrics = METRICS + eyes.metrics + ears.metrics
    rows = (config.name, STILL, REAL, SHUFFLED)
    report = Report(metrics, (SET,), rows, tuple(values), facts, config.resamples, config.seed, "Videos")
    return report, figures


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


def _check(config: VideosEvaluation) -> None:
    """Raises UnusableInput for a configuration that makes no sense, or without the packages that are needed."""
    if not all(find_spec(package) for package in ("skimage", "matplotlib")):
        raise UnusableInput("This needs scikit-image and matplotlib. Install: pip install 'dreamtalk[eval]'")
    if config.name in (STILL, REAL, SHUFFLED) or not config.name.strip():
        raise UnusableInput(f"--name {config.name!r} is taken; give the method another one.")
    if not 0 < config.seconds < float("inf"):
        raise UnusableInput(f"--seconds must be above 0, not {config.seconds}.")
    for name, value, least in (
        ("limit", config.limit, 1),
        ("resamples", config.resamples, 1),
        ("shown", config.shown, 0),
    ):
        if value is not None and value < least:
            raise UnusableInput(f"--{name} must be at least {least}, not {value}.")


def _check_length(made: Watched, real: Watched) -> None:
    """A video that ends early would be scored on its easy beginning. Raises UnusableInput for such a one."""
    if len(made) < _LEAST_LENGTH * len(real):
        raise UnusableInput(f"{len(made)} frames are less than half of the real video's {len(real)}.")


def _rows(name: str, made: Watched, real: Watched, earlier: Watched | None) -> Iterator[tuple[str, Watched, Watched]]:
    """Each row's video and its truth, of the same length. earlier: another clip, for its sound."""
    frames = min(len(made), len(real))
    ours, truth = _first(made, frames), _first(real, frames)
    held = np.full(frames, truth.track.valid.argmax(), dtype=np.intp)  # videos fade in
    yield name, ours, truth
    yield STILL, replace(_at(truth, held), samples=truth.samples), truth
    yield REAL, truth, truth
    if earlier is not None:
        frames = min(frames, len(earlier))
        other = _first(earlier, frames)
        yield SHUFFLED, replace(_first(made, frames), samples=other.samples), other


def _pictures(clip: Watched, truth: Watched) -> dict[str, float]:
    """What the pictures look like."""
    shown = range(0, len(clip), PICTURE_EVERY)
    grey = [np.rint(clip.crops[i].astype(np.float32) @ _LUMA).astype(np.uint8) for i in shown]
    return {
        psnr_ssim.PSNR.name: mean_of([psnr_ssim.psnr(clip.crops[i], truth.crops[i]) for i in shown]),
        psnr_ssim.SSIM.name: mean_of([psnr_ssim.ssim(clip.crops[i], truth.crops[i]) for i in shown]),
        sharpness.METRIC.name: mean_of([sharpness.cpbd(picture) for picture in grey]),
    }


def _motion(clip: Watched, truth: Watched) -> dict[str, float]:
    """How face and head move, beside the real lips and the sound."""
    mouth, face = list(landmark_distance.MOUTH_20), list(landmark_distance.FACE_68)
    distance = landmark_distance.landmark_distance
    own, real = 100 * clip.face[..., :2], 100 * truth.face[..., :2]
    return {
        landmark_distance.MOUTH.name: distance(clip.points[:, mouth], truth.points[:, mouth], centred=True),
        landmark_distance.FACE.name: distance(clip.points[:, face], truth.points[:, face], centred=True),
        landmark_distance.MOUTH_NORMALISED.name: distance(own[:, mouth], real[:, mouth], centred=False),
        landmark_distance.FACE_NORMALISED.name: distance(own[:, face], real[:, face], centred=False),
        APERTURE.name: pearson(aperture(clip.face), aperture(truth.face)),
        head_motion.BEAT.name: head_motion.beat_alignment(clip.track.pose[:, :3], clip.samples),
    }


def _manner(clip: Watched, truth: Watched) -> dict[str, float]:
    """What is compared with the real row, not frame by frame."""
    opening, rotation = eye_opening(clip.face).mean(axis=-1), clip.track.pose[:, :3]
    expressions = clip.track.expression, truth.track.expression
    return {
        expression_distance.METRIC.name: expression_distance.frechet_distance(*expressions),
        jitter.METRIC.name: jitter.jitter(clip.face),
        blinks.RATE.name: blinks.blink_rate(opening),
        blinks.LENGTH.name: blinks.blink_length(opening),
        head_motion.DIVERSITY.name: head_motion.head_diversity(rotation),
        head_motion.SPEED.name: head_motion.head_speed(rotation),
    }


def _differences(made: Watched, real: Watched) -> list[str]:
    """What was made equal before scoring, in words."""
    notes = []
    if len(made) != len(real):
        notes.append(f"{made.name}: {len(made)} frames against {len(real)}; the shorter was scored.")
    if made.size != real.size:
        notes.append(f"{made.name}: {made.size[0]} × {made.size[1]} px against {real.size[0]} × {real.size[1]}.")
    notes += [f"{made.name}: {note}" for note in made.notes]
    return notes + [f"{made.name}, real video: {note}" for note in real.notes]


def _first(video: Watched, frames: int) -> Watched:
    return _at(video, np.arange(frames))


def _at(video: Watched, index: np.ndarray[tuple[int], np.dtype[np.intp]]) -> Watched:
    """The video with these frames alone."""
    track = video.track
    picked = replace(
        track,
        landmarks=track.landmarks[index],
        expression=track.expression[index],
        pose=track.pose[index],
        gaze=track.gaze[index],
        blendshapes=track.blendshapes[index],
        valid=track.valid[index],
    )
    samples = video.samples[: len(index) * SAMPLE_RATE // VIDEO_FPS]
    return replace(video, crops=video.crops[index], track=picked, samples=samples)
