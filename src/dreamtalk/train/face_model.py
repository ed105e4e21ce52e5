"""`dreamtalk train face-model`: the statistical face model mesh64 from tracked clips and CC0 shapes.

Only clean training clips (GRID) and CC0 shapes enter the model. Everything else in the clip list is only measured on.
The same tracks, shapes and seed give the same file.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save

from dreamtalk import assets
from dreamtalk.face.align import FACE_POINTS, align, canonical_face, unit_face
from dreamtalk.face.arkit import ARKIT, ARKIT_INDEX, scores_to_arkit
from dreamtalk.face.measures import BROWS, EYES, LIPS, aperture, eye_opening
from dreamtalk.face.model import FaceModel
from dreamtalk.face.neutral import calm_frames
from dreamtalk.face.raw import nearest_valid
from dreamtalk.media.files import replacing
from dreamtalk.train.face_basis import (
    SIZE,
    Matrix,
    combined,
    covariance,
    mirrored,
    other_side,
    parted_lips,
    point_weights,
    random_actions,
    shut_lids,
    symmetric_actions,
    upper_mask,
    weighted_pca,
)
from dreamtalk.train.face_data import Row, Samples, is_clean_training, neutral_of, people, samples
from dreamtalk.types import Float

_UNITS_SHARE = 0.3
_SINGLES_SHARE = 0.3
"""Weight of MakeHuman's expression units, and of the single actions, relative to random combinations of actions."""

_READ_RIDGE = 1e-2
"""Regularisation of the ARKit read-out, relative to the mean variance of a coefficient. Less fits the authored shapes
better (error 0.05 instead of 0.09) and left-out GRID speakers worse (0.049 instead of 0.039)."""

_DECIMALS = 5
"""Digits kept in the file. Threads and processors change the last bits of a sum; rounding makes the bytes the same."""

_BLINK_SCORE = 0.5
"""Tracker score from which an eye counts as shut (blinks peak at 0.55 to 0.8 depending on the person)."""

_UNSEEN: dict[str, Callable[[Row], bool]] = {
    "GRID, dev": lambda row: row["dataset"] == "GRID" and row["split"] == "dev" and row["speaker"] != "grid-s1",
    "MEAD, train rows": lambda row: row["dataset"] == "MEAD" and row["split"] == "train",
    "MEAD, dev": lambda row: row["dataset"] == "MEAD" and row["split"] == "dev",
    "StyleTalk, train rows": lambda row: row["dataset"].startswith("StyleTalk") and row["split"] == "train",
    "StyleTalk, dev": lambda row: row["dataset"].startswith("StyleTalk") and row["split"] == "dev",
    "other clips": lambda row: (
        row["kind"] in ("av", "style") and not row["dataset"].startswith(("GRID", "MEAD", "StyleTalk"))
    ),
}
"""People the model has never seen; it is measured on them."""


@dataclass(frozen=True)
class FaceModelConfig:
    """clips: the talkset's clips.csv. tracks: folder of <clip id>.npz. out: the model file to write.

    lower, upper, identity: dimensions. frames_per_speaker: effective frames of one person at most; frames: how many
    are really read, from the first clips_per_speaker clips. authored_share: variance of the authored shapes relative to
    that of tracked people. combinations: random mixtures of authored shapes.
    """

    clips: Path
    tracks: Path
    out: Path
    lower: int = 40
    upper: int = 24
    identity: int = 32
    frames_per_speaker: int = 300
    frames: int = 1200
    clips_per_speaker: int = 100
    authored_share: float = 0.1
    combinations: int = 3000
    seed: int = 0


@dataclass(frozen=True)
class FaceModelReport:
    """people, frames: learned from. explained: for each set of people the share of xy variance (about each person's
    mean) held by the model: lips, eyes, brows, all points. sets: how many people each. lid_shut: see FaceModel."""

    people: int
    frames: int
    explained: dict[str, dict[str, float]]
    sets: dict[str, int] = field(default_factory=dict)
    lid_shut: tuple[float, float] = (0.0, 0.0)

    def table(self) -> str:
        """For people: one line per set."""
        regions = ("lips", "eyes", "brows", "all")
        head = f"{'explained variance (xy)':<26}" + "".join(f"{region:>9}" for region in regions)
        lines = [f"{name:<26}" + "".join(f"{v:9.4f}" for v in row.values()) for name, row in self.explained.items()]
        learned = f"learned from {self.people} people, {self.frames} frames; blinks close {self.lid_shut[0]:.1f} % iod"
        return "\n".join([head, *lines, learned])


def train_face_model(config: FaceModelConfig) -> FaceModelReport:
    """Learn mesh64, write it to config.out and its record (config, clips, report) beside it, and measure it.

    About 20 s on one core. Raises UnusableInput when no clean training clip has been tracked.
    """
    rng = np.random.default_rng(config.seed)
    everyone = people(config.clips, config.tracks, is_clean_training, config.clips_per_speaker)
    mean = _mean_face([neutral_of(person, config.tracks, canonical_face()) for person in everyone])
    learned = list(samples(everyone, config.tracks, mean, config.frames, config.frames_per_speaker, rng))
    shapes = {name: value.astype(np.float32) for name, value in load_file(assets.path("cc0-face-shapes")).items()}
    actions = parted_lips(shut_lids(symmetric_actions(shapes["actions"]), mean), mean)
    expression = _expression_basis(config, learned, mean, actions, shapes["units"], rng)
    identity, identity_std = _identity_basis(config, [s.neutral[:FACE_POINTS] for s in learned], shapes["people"])
    model = _calibrated(
        config,
        FaceModel(
            mean=mean,
            identity_basis=identity,
            identity_std=identity_std,
            expression_basis=expression,
            expression_std=np.ones(len(expression), dtype=np.float32),
            point_weights=point_weights(),
            score_floor=np.zeros(len(ARKIT), dtype=np.float32),
            arkit_read=np.zeros((len(ARKIT), len(expression)), dtype=np.float32),
            arkit_write=np.zeros((len(expression), len(ARKIT)), dtype=np.float32),
            lid_shut=np.ones(2, dtype=np.float32),
            lower_size=config.lower,
        ),
        learned,
        actions,
        rng,
    )
    write_face_model(model, config.out)
    explained, sizes = measure_on_unseen(config, model)
    report = FaceModelReport(
        people=len(learned),
        frames=sum(len(s.scores) for s in learned),
        explained={"learned from": explained_variance(model, learned), **explained},
        sets=sizes,
        lid_shut=(float(model.lid_shut[0]), float(model.lid_shut[1])),
    )
    record = {
        "config": {name: str(v) if isinstance(v, Path) else v for name, v in asdict(config).items()},
        "clips": [row["id"] for person in everyone for row in person.rows],
        "report": asdict(report),
    }
    with replacing(config.out.with_suffix(".json")) as part:
        part.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    return report


def write_face_model(model: FaceModel, file: Path) -> None:
    """As safetensors, float32, rounded, in a fixed order."""
    tensors = {
        name: np.ascontiguousarray(_rounded(getattr(model, name)), dtype=np.float32)
        for name in sorted(FaceModel.__dataclass_fields__)
        if name != "lower_size"
    }
    with replacing(file) as part:
        part.write_bytes(save({**tensors, "lower_size": np.array(model.lower_size, dtype=np.int32)}))


def _rounded(values: Float) -> Matrix:
    return np.asarray(np.round(values.astype(np.float64), _DECIMALS) + 0.0)  # + 0 turns -0 into 0


def _mean_face(neutrals: list[Float]) -> Float:
    """(468, 3) average of people and their mirror images."""
    faces = [unit_face(face[:FACE_POINTS]) for face in neutrals]
    faces += [unit_face(mirrored(face)) for face in faces]
    return unit_face(np.asarray(np.mean(faces, axis=0, dtype=np.float64), dtype=np.float32))


def _with_mirror_images(displacement: Float) -> Float:
    return np.concatenate([displacement, mirrored(displacement)])


def _stacked(learned: list[Samples]) -> tuple[Float, Float]:
    """Displacements (F, 468, 3) of all people and the weight (F,) of each frame."""
    weight = np.concatenate([np.full(len(s.scores), s.weight, dtype=np.float32) for s in learned])
    return np.concatenate([s.displacement for s in learned]), weight


def _expression_basis(
    config: FaceModelConfig, learned: list[Samples], mean: Float, actions: Float, units: Float, rng: np.random.Generator
) -> Float:
    """(lower + upper, 468, 3): each half of the face by its own weighted PCA."""
    displacement, weight = _stacked(learned)
    tracked = covariance(_with_mirror_images(displacement), np.concatenate([weight, weight]))
    mixtures = np.tensordot(random_actions(config.combinations, rng).astype(np.float64), actions, axes=1)
    authored: Matrix = (
        covariance(mixtures)
        + _UNITS_SHARE * covariance(_with_mirror_images(units))
        + _SINGLES_SHARE * covariance(actions)
    )
    upper = upper_mask(mean)
    halves = []
    for mask, size in ((1 - upper, config.lower), (upper, config.upper)):
        moments = combined([(tracked, 1.0), (authored, config.authored_share)], mask, point_weights())
        halves.append(weighted_pca(moments, mask, point_weights(), size)[0])
    return np.concatenate(halves)


def _identity_basis(config: FaceModelConfig, neutrals: list[Float], made_up: Float) -> tuple[Float, Float]:
    """Basis (I, 468, 3) and standard deviations (I,): real people and made-up ones, each about their own mean."""
    weight = np.ones((FACE_POINTS, 3), dtype=np.float32)
    weight[:, 2] = 0.5
    total = np.zeros((SIZE, SIZE))
    for faces in (np.stack(neutrals), made_up):
        both = np.concatenate([faces, np.stack([unit_face(mirrored(face)) for face in faces])])
        total += 0.5 * covariance(both - both.mean(axis=0))
    basis, variance = weighted_pca(total, np.ones(FACE_POINTS, dtype=np.float32), weight, config.identity)
    return basis, np.sqrt(variance).astype(np.float32)


def _calibrated(
    config: FaceModelConfig, model: FaceModel, learned: list[Samples], actions: Float, rng: np.random.Generator
) -> FaceModel:
    """The model with its coefficient scales, ARKit maps and lid calibration filled in."""
    fields = {name: getattr(model, name) for name in FaceModel.__dataclass_fields__}
    displacement, weight = _stacked(learned)
    tracked = _exact_expression(model, displacement)
    write = _exact_expression(model, actions).T
    mixtures = random_actions(config.combinations, rng) @ write.T
    spread = np.average(tracked**2, axis=0, weights=weight) + config.authored_share * (mixtures**2).mean(axis=0)
    floors = np.stack([_resting_scores(s) for s in learned])
    fields |= {
        "expression_std": np.sqrt(spread).astype(np.float32),
        "arkit_write": np.ascontiguousarray(write, dtype=np.float32),
        "score_floor": np.median(floors, axis=0).astype(np.float32),
        "arkit_read": _read_out(config, model, learned, floors, write, rng),
        "lid_shut": _shut_eyes(learned),
    }
    return FaceModel(**fields)


def _exact_expression(model: FaceModel, displacement: Float) -> Matrix:
    """FaceModel.expression_of in double precision, (F, 64)."""
    return np.asarray(displacement.reshape(len(displacement), SIZE).astype(np.float64) @ model.solver.T)


def _resting_scores(person: Samples) -> Float:
    """ARKit scores (52,) of the person's calm frames."""
    faces = person.neutral[:FACE_POINTS] + person.displacement
    return np.asarray(np.median(scores_to_arkit(person.scores)[calm_frames(faces)], axis=0), dtype=np.float32)


def _read_out(
    config: FaceModelConfig,
    model: FaceModel,
    learned: list[Samples],
    floors: Float,
    write: Matrix,
    rng: np.random.Generator,
) -> Float:
    """(52, 64) expression to ARKit weights: ridge on tracked frames with their scores above rest, and on authored
    combinations, half each. Where the eyes look is not in the expression, so those rows stay 0."""
    swap = [ARKIT_INDEX[other_side(name)] for name in ARKIT]
    inputs, targets, weights = [], [], []
    for person, floor in zip(learned, floors, strict=True):
        above = (scores_to_arkit(person.scores) - floor) / (1 - floor)
        inputs += [_exact_expression(model, d) for d in (person.displacement, mirrored(person.displacement))]
        targets += [above, above[:, swap]]
        weights += [np.full(len(above), person.weight)] * 2
    made = random_actions(config.combinations, rng)
    tracked = float(np.concatenate(weights).sum())
    inputs.append(made @ write.T)
    targets.append(made)
    weights.append(np.full(len(made), tracked / len(made)))
    x, y, w = np.concatenate(inputs).astype(np.float64), np.concatenate(targets), np.concatenate(weights)[:, None]
    normal = x.T @ (w * x)
    ridge = _READ_RIDGE * float(np.trace(normal)) / len(normal)
    read = np.linalg.solve(normal + ridge * np.eye(len(normal)), x.T @ (w * y)).T
    read[[index for index, name in enumerate(ARKIT) if "Look" in name or name == "tongueOut"]] = 0
    return np.ascontiguousarray(read, dtype=np.float32)


def _shut_eyes(learned: list[Samples]) -> Float:
    """How far tracked eyes close in a full blink (2,) in % iod: median over people of their most shut frames.

    Both eyes get the mean of the two: blinks are symmetric, the difference is noise.
    """
    found = []
    for person in learned:
        scores = scores_to_arkit(person.scores)[:, [ARKIT_INDEX["eyeBlinkRight"], ARKIT_INDEX["eyeBlinkLeft"]]]
        shut = scores.mean(axis=1) >= _BLINK_SCORE
        if shut.any():
            found.append(-np.percentile(eye_opening(person.displacement[shut]), 25, axis=0).mean())
    return np.full(2, np.median(found), dtype=np.float32)


def explained_variance(model: FaceModel, measured: list[Samples]) -> dict[str, float]:
    """Share of the xy variance about each person's mean that the model holds, every person counting alike."""
    shares = {}
    regions = {"lips": LIPS, "eyes": EYES, "brows": BROWS, "all": tuple(range(FACE_POINTS))}
    for name, points in regions.items():
        lost = held = 0.0
        for person in measured:
            real = person.displacement
            rest = (real - model.displacement(model.expression_of(real)))[:, list(points), :2]
            lost += float(rest.var(axis=0).sum())
            held += float(real[:, list(points), :2].var(axis=0).sum())
        shares[name] = 1 - lost / held
    return shares


def measure_on_unseen(config: FaceModelConfig, model: FaceModel) -> tuple[dict[str, dict[str, float]], dict[str, int]]:
    """Explained variance of, and number of people in, each set the model has not learned from and that was tracked."""
    explained, sizes = {}, {}
    for name, wanted in _UNSEEN.items():
        rng = np.random.default_rng(config.seed)
        found = people(config.clips, config.tracks, wanted, config.clips_per_speaker, required=False)
        if found:
            measured = list(samples(found, config.tracks, model.mean, config.frames, config.frames_per_speaker, rng))
            explained[name], sizes[name] = explained_variance(model, measured), len(measured)
    return explained, sizes


def write_coefficients(model: FaceModel, clips: Path, tracks: Path, out: Path) -> int:
    """Fit every tracked clip and write <clip id>.npz: expression, pose, gaze, neutral, aperture (% iod), valid.

    The neutral is the person's (all their clips pooled; a MEAD speaker's neutral clip). Returns the number of clips.
    """
    out.mkdir(parents=True, exist_ok=True)
    count = 0
    for person in people(clips, tracks, lambda row: row["kind"] in ("av", "style")):
        neutral = neutral_of(person, tracks, model.mean)
        for row in person.rows:
            with np.load(tracks / f"{row['id']}.npz", allow_pickle=False) as track:
                landmarks, valid = track["landmarks"], track["valid"]
            if not valid.any():
                continue
            landmarks = landmarks[nearest_valid(valid)]
            expression, pose, gaze = model.fit(landmarks, neutral)
            opening = aperture(align(landmarks, neutral)[0])
            found = {"expression": expression, "pose": pose, "gaze": gaze, "neutral": neutral, "aperture": opening}
            with replacing(out / f"{row['id']}.npz") as part:
                np.savez(part, allow_pickle=False, **found, valid=valid)
            count += 1
    return count
