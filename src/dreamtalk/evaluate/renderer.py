"""The renderer's protocol: portraits of every kind, moved, tracked again and compared with what moved them.

    report = evaluate_renderer(RendererEvaluation(dataset=Path("talkset"), out=Path("out/renderer")))

Per portrait: what must not move (stillness.py), how lips, lids and brows follow (retrack.py), whether it stays the same
person (likeness.py), a row of expressions to be looked at (sheets.py). Pictures are dev: they measure, nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.progress import track as progress

from dreamtalk.errors import UnusableOutput
from dreamtalk.evaluate.drives import EXPRESSIONS, Drive, brows_held, sweeps, talks
from dreamtalk.evaluate.figures import Figure, jpeg
from dreamtalk.evaluate.identity import Identity, find_identity
from dreamtalk.evaluate.likeness import shape_code
from dreamtalk.evaluate.painted import dot_distances, with_dots
from dreamtalk.evaluate.renderer_report import BrowWitness, Followed, Likeness, PortraitResult, RendererReport
from dreamtalk.evaluate.retrack import (
    Agreement,
    Curves,
    agreement,
    brow_shift,
    drawn_curves,
    meant_curves,
    seen_curves,
    track_again,
)
from dreamtalk.evaluate.same_person import (
    Reference,
    Spoken,
    real_references,
    spoken_styles,
    style_distances,
    styles_at_rest,
)
from dreamtalk.evaluate.sheets import row_of, write_sheets
from dreamtalk.evaluate.stillness import stillness
from dreamtalk.evaluate.subjects import Subject, chosen, load_subjects
from dreamtalk.face.arkit import weights
from dreamtalk.face.measures import BROW_LEFT, BROW_RIGHT
from dreamtalk.face.model import FaceModel
from dreamtalk.face.tracker import FaceTracker
from dreamtalk.render import MeshRenderer
from dreamtalk.render.mesh.animator import MeshAnimator
from dreamtalk.render.mesh.geometry import FaceGeometry
from dreamtalk.style.prototypes import PROTOTYPES
from dreamtalk.types import Bool, Float, Image, Motion

MEASURES = ("aperture", "width", "lids", "brows")
SWEPT = "sweeps"
"""The row of a measure over all sweeps that move it."""


_SHOWN = 6
"""Portraits in one figure of the report."""


@dataclass(frozen=True, slots=True)
class RendererEvaluation:
    """What to evaluate on, and how."""

    dataset: Path
    """Folder of the talkset (clips.csv, portrait/)."""
    out: Path | None = None
    """Folder for table.md, followed.csv, portraits.csv and the contact sheets; none: only the screen."""
    only: tuple[str, ...] = ()
    """Portraits by id; none: all 29 of evaluate/subjects.py."""
    size: int = 512
    """Side of the square around the head that is rendered, px."""
    talk: bool = True
    """Also measure two generated talks, not the sweeps of single actions alone."""
    sheets: bool = True
    """Also draw contact sheets: portraits against 14 expressions. They show people's faces."""
    embedding: str | Path | None = None
    """Face embedding that tells whether it stays the same person while speaking in every style: "dlib" (needs the extra
    `identity`), or an ONNX file (112 x 112 RGB, 0 to 255, such as SFace); none: the shape alone. Without `talk` the
    styles' silent faces are measured."""
    seed: int = 0
    """Of the generated talks."""


@dataclass(frozen=True, slots=True)
class _Tools:
    face: FaceModel
    tracker: FaceTracker
    drives: Sequence[Drive]
    identity: Identity | None
    spoken: Sequence[Spoken]


@dataclass(frozen=True, slots=True)
class _Stage:
    """A portrait ready to move; its frame at rest (H, W, 3), tracked (478, 3) and as drawn (468, 3)."""

    animator: MeshAnimator
    rest: Image
    seen: Float
    drawn: Float


def evaluate_renderer(config: RendererEvaluation, identity: Identity | None = None) -> RendererReport:
    """Measures the mesh renderer on portraits of the talkset; writes to config.out and returns everything.

    identity: a face embedding of your own, in place of config.embedding. Raises UnusableInput when the talkset or the
    embedding is not where it should be, UnusableOutput when config.out cannot be written.
    """
    if config.out is not None:
        _make_folder(config.out)
    identity = identity or find_identity(config.embedding)
    tools = _tools(config, identity)
    face, renderer = tools.face, MeshRenderer(tools.face)
    subjects = load_subjects(config.dataset, tools.tracker, face, config.only)
    results, rows = [], []
    count = len(chosen(config.only))
    for subject in progress(subjects, description="Rendering and tracking", total=count, transient=True):
        animator = renderer.prepare(subject.portrait, config.size)
        dotted = renderer.prepare(with_dots(subject.portrait), config.size)
        results.append(_measured(subject, animator, dotted, tools))
        if config.sheets and config.out is not None:
            rows.append(row_of(subject.id, animator, face, animator.canvas.image))
    references: tuple[Reference, ...] = ()
    if identity is not None and config.talk:
        references = real_references(config.dataset, tools.tracker, identity, config.size)
    report = RendererReport(tuple(results), identity, references)
    if config.out is not None:
        report.write(config.out, [_figure(rows, number) for number in range(0, len(rows), _SHOWN)])
        write_sheets(config.out, rows)
    return report


def _figure(rows: Sequence[Image], first: int) -> Figure:
    shown = rows[first : first + _SHOWN]
    text = f"Portraits {first + 1} to {first + len(shown)}: the photo, then what each expression makes of it."
    return Figure("Portraits against expressions", text, jpeg(np.concatenate(shown)))


def _tools(config: RendererEvaluation, identity: Identity | None) -> _Tools:
    face = FaceModel.load()
    drives = sweeps(face) + (talks(config.dataset, config.seed) if config.talk else [])
    spoken: Sequence[Spoken] = ()
    if identity is not None:
        spoken = spoken_styles(config.dataset, config.seed) if config.talk else styles_at_rest(face)
    return _Tools(face, FaceTracker.load(), drives, identity, spoken)


def _make_folder(folder: Path) -> None:
    """Before minutes of work are spent on what cannot be kept."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise UnusableOutput(f"The report cannot be written to {folder}: {problem.strerror}.") from problem


def _measured(subject: Subject, animator: MeshAnimator, dotted: MeshAnimator, tools: _Tools) -> PortraitResult:
    stage = _at_rest(animator, tools)
    followed, brows = _followed(stage, tools)
    return PortraitResult(
        id=subject.id,
        group=subject.group,
        parted=FaceGeometry(animator.canvas).parted,
        still=stillness(animator, animator.canvas, tools.face),
        followed=tuple(followed),
        brows=brows,
        dots=_dots(dotted, stage.drawn, tools),
        likeness=_likeness(stage, tools),
    )


def _at_rest(animator: MeshAnimator, tools: _Tools) -> _Stage:
    rest = np.zeros(len(tools.face.expression_basis), np.float32)
    nothing = np.zeros(3, np.float32)
    frame = animator.frame(rest, nothing, nothing, np.zeros(4, np.float32))
    seen = tools.tracker.track_image(frame).landmarks
    return _Stage(animator, frame, seen, animator.face_points(rest, nothing, nothing))


def _followed(stage: _Stage, tools: _Tools) -> tuple[list[Followed], BrowWitness]:
    """How each measure follows each drive that moves it, and all sweeps of it together; and the brows' witness."""
    found: list[Followed] = []
    swept: dict[str, list[tuple[Float, Float, Float]]] = {}
    shifts: list[Float] = []
    for drive in tools.drives:
        frames = _frames(stage.animator, drive.motion)
        again = track_again(frames, tools.tracker)
        points = _points(stage.animator, drive.motion)
        curves = (
            meant_curves(tools.face, drive.motion.expression),
            drawn_curves(tools.face, points, stage.drawn),
            seen_curves(tools.face, again.landmarks, stage.seen),
        )
        for measure in (drive.measure,) if drive.measure else MEASURES:
            meant, drawn, seen = _of(curves, measure, again.valid)
            noise = _brow_noise(stage, drive, tools) if (drive.measure, measure) == (None, "brows") else float("nan")
            found.append(_follow(drive.name, measure, meant, drawn, seen, float(again.valid.mean()), noise))
            if drive.measure:
                swept.setdefault(measure, []).append((meant, drawn, seen))
        if drive.measure == "brows":
            shifts.append(_brow_heights(stage, frames, points, again.landmarks)[again.valid])
    for measure, parts in swept.items():
        meant, drawn, seen = (np.concatenate(part) for part in zip(*parts, strict=True))
        found.append(_follow(SWEPT, measure, meant, drawn, seen, 1.0))
    drawn, picture, seen = np.concatenate(shifts).T
    return found, BrowWitness(_agree(drawn, picture), _agree(drawn, seen))


def _dots(dotted: MeshAnimator, rest: Float, tools: _Tools) -> Agreement:
    """Distance of dots painted beside the corners of the mouth against that of the corners drawn, under its sweeps."""
    corners, dots = [], []
    for drive in tools.drives:
        if drive.measure == "width":
            points = _points(dotted, drive.motion)
            corners.append(np.linalg.norm(points[:, 291, :2] - points[:, 61, :2], axis=1))
            dots.append(dot_distances(_frames(dotted, drive.motion), points, rest))
    drawn, picture = np.concatenate(corners).astype(np.float32), np.concatenate(dots)
    return agreement(drawn, picture, np.isfinite(picture))


def _frames(animator: MeshAnimator, motion: Motion) -> list[Image]:
    rows = zip(motion.expression, motion.rotation, motion.translation, motion.gaze, strict=True)
    return [animator.frame(*row) for row in rows]


def _points(animator: MeshAnimator, motion: Motion) -> Float:
    rows = zip(motion.expression, motion.rotation, motion.translation, strict=True)
    return np.stack([animator.face_points(*row) for row in rows])


def _of(curves: tuple[Curves, Curves, Curves], measure: str, valid: Bool) -> tuple[Float, Float, Float]:
    meant, drawn, seen = (np.asarray(getattr(curve, measure)[valid], np.float32) for curve in curves)
    return meant, drawn, seen


def _follow(
    drive: str, measure: str, meant: Float, drawn: Float, seen: Float, found: float, noise: float = float("nan")
) -> Followed:
    return Followed(drive, measure, _agree(meant, drawn), _agree(meant, seen), found, noise)


def _brow_noise(stage: _Stage, drive: Drive, tools: _Tools) -> float:
    """Deviation (% iod) of the brows that the tracker sees while the drawn ones keep still and all else moves."""
    again = track_again(_frames(stage.animator, brows_held(tools.face, drive.motion)), tools.tracker)
    brows = seen_curves(tools.face, again.landmarks, stage.seen).brows[again.valid]
    return float(brows.std()) if len(brows) else float("nan")


def _agree(lead: Float, follow: Float) -> Agreement:
    return agreement(lead, follow, np.ones(len(lead), np.bool_))


def _brow_heights(stage: _Stage, frames: list[Image], points: Float, seen: Float) -> Float:
    """(T, 3) mean height of both brows above rest, px: as drawn, as the picture shows, as the tracker sees."""
    down = np.asarray(stage.animator.canvas.down[:2], np.float32)
    brows = list(BROW_RIGHT + BROW_LEFT)
    drawn = ((points - stage.drawn)[:, brows, :2] @ down).mean(axis=1)
    tracked = ((seen - stage.seen)[:, brows, :2] @ down).mean(axis=1)
    picture = brow_shift(frames, stage.rest, stage.drawn, down).mean(axis=1)
    return -np.stack([drawn, picture, tracked], axis=1)


def _likeness(stage: _Stage, tools: _Tools) -> Likeness:
    """Shapes of the resting picture and of every style prototype at intensity 1; distances of the styles spoken."""
    nothing, gaze = np.zeros(3, np.float32), np.zeros(4, np.float32)
    frames = [stage.rest]
    frames += [
        stage.animator.frame(tools.face.from_arkit(weights(**EXPRESSIONS[name])), nothing, nothing, gaze)
        for name in PROTOTYPES
    ]
    shapes = tuple(shape_code(tools.face, tools.tracker.track_image(frame).landmarks) for frame in frames)
    identity, canvas = tools.identity, stage.animator.canvas
    if identity is None:
        return Likeness(shapes)
    marks = np.asarray(canvas.landmarks, np.float32)
    home = identity.embed(canvas.image, marks)
    return Likeness(shapes, home, style_distances(stage.animator, home, marks, tools.spoken, identity))
