"""Does the picture do what the motion says? Rendered frames are tracked again and compared with what drove them.

Three witnesses, so that an error can be laid at the right door:

* meant: the measures of the expression that drove the frame;
* drawn: those of the mesh vertices that the renderer put into the frame (what it made of the motion);
* seen: those of the landmarks that our tracker finds in the frame, through the same face model.

Seen against drawn is the tracker's error (and that of pixels which do not follow the mesh), drawn against meant is the
renderer's. For the brows a fourth witness knows neither mesh nor tracker: `brow_shift` finds the patch of the picture.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np

from dreamtalk.evaluate.correlation import pearson
from dreamtalk.face.align import FACE_POINTS, align, to_face_frame
from dreamtalk.face.measures import BROW_LEFT, BROW_RIGHT, BROWS, EYES, LIPS, eye_opening
from dreamtalk.face.model import FaceModel
from dreamtalk.face.tracker import LANDMARKS, FaceTracker
from dreamtalk.types import Bool, Float, Image

REGIONS: dict[str, tuple[int, ...]] = {
    "lips": LIPS, "eyes": EYES, "brows": BROWS, "face": tuple(range(FACE_POINTS))
}  # fmt: skip
"""Points whose errors are averaged."""

_OUTER_EYES = (33, 263)
_PERCENT = 100.0

_PATCH_IOD = (0.02, 0.0)
"""How far a brow's patch reaches beyond its points, sideways and in height. With more, lids and hairline are in it,
which do not move along."""
_SEARCH_IOD = 0.14
"""How far a brow is looked for, up and down."""


@dataclass(frozen=True, slots=True)
class Retracked:
    """What the tracker sees in frames. landmarks: (T, 478, 3) px; valid: (T,) False where no face was found."""

    landmarks: Float
    valid: Bool


@dataclass(frozen=True, slots=True)
class Curves:
    """What a face does over time (T,), relative to rest. aperture, width, brows: % iod. lids: 0 as at rest, 1 shut."""

    aperture: Float
    width: Float
    lids: Float
    brows: Float


@dataclass(frozen=True, slots=True)
class Agreement:
    """How one curve follows another: Pearson's r, least-squares slope, and the deviation (std) of the leading curve."""

    r: float
    slope: float
    spread: float


def track_again(frames: Iterable[Image], tracker: FaceTracker) -> Retracked:
    """Tracks rendered frames (H, W, 3), each as a picture of its own but following the same face."""
    found = list(tracker.track_frames(frames))
    blank = np.full((LANDMARKS, 3), np.nan, np.float32)
    landmarks = np.stack([blank if face is None else face.landmarks for face in found])
    return Retracked(landmarks, np.array([face is not None for face in found]))


def meant_curves(face: FaceModel, expression: Float) -> Curves:
    """The curves of expressions (T, 64) themselves."""
    return _curves(face, expression, np.asarray(face.lid_shut))


def seen_curves(face: FaceModel, landmarks: Float, rest: Float) -> Curves:
    """The curves of tracked landmarks (T, 478, 3) px of the portrait whose resting frame is tracked as `rest`.

    Eyes that are shut look a little open to the tracker, a wide eye more so: they count as shut at the share of the
    resting opening at which typical eyes do.
    """
    shut = np.asarray(face.lid_shut) / eye_opening(face.mean)
    return _fitted(face, landmarks, rest, shut)


def drawn_curves(face: FaceModel, points: Float, rest: Float) -> Curves:
    """The curves of mesh vertices (T, 468, 3) px, `rest` being the resting frame's."""
    return _fitted(face, points, rest, np.ones(2, np.float32))


def agreement(lead: Float, follow: Float, valid: Bool) -> Agreement:
    """How `follow` (T,) goes with `lead` (T,) on the valid frames; NaN where `lead` is constant."""
    a, b = lead[valid], follow[valid]
    r = pearson(a, b)
    slope = float(np.polyfit(a, b, 1)[0]) if np.isfinite(r) else float("nan")
    return Agreement(r, slope, float(a.std()) if len(a) else float("nan"))


def landmark_errors(seen: Float, wanted: Float, valid: Bool | None = None) -> dict[str, float]:
    """Mean distance in the picture of landmarks (T, N, 3) px from those wanted (T, N, 3) px, per region, in % iod.

    iod is that of the wanted face in the picture, frame by frame. Poses are not removed: a head in the wrong place
    counts. valid: (T,) frames that count; None: all. NaN where none does.
    """
    use = np.ones(len(seen), np.bool_) if valid is None else valid
    if not use.any():
        return dict.fromkeys(REGIONS, float("nan"))
    ours, target = seen[use, :FACE_POINTS, :2], wanted[use, :FACE_POINTS, :2]
    right, left = _OUTER_EYES
    iod = np.linalg.norm(target[:, left] - target[:, right], axis=1)
    distance = _PERCENT * np.linalg.norm(ours - target, axis=2) / np.maximum(iod, 1e-6)[:, None]
    return {name: float(distance[:, list(points)].mean()) for name, points in REGIONS.items()}


def brow_shift(frames: Iterable[Image], rest: Image, points: Float, down: Float) -> Float:
    """(T, 2) px by which the right and left brow of the resting picture are found lower in each frame.

    points: (468 or more, 3) px of the resting picture. down: (2,) the face's down direction in it. Normalised cross-
    correlation of the brow's patch, searched along `down`, to a part of a pixel. For frames without head motion.
    """
    right, left = _OUTER_EYES
    iod = float(np.linalg.norm(points[left, :2] - points[right, :2]))
    grey = _grey(rest)
    patches = [_Patch.of(grey, points[list(brow), :2], down, iod) for brow in (BROW_RIGHT, BROW_LEFT)]
    return np.array([[patch.found(_grey(frame)) for patch in patches] for frame in frames], np.float32)


@dataclass(frozen=True, slots=True)
class _Patch:
    """A brow: its pixels (h, w) at rest, upright; the way there (2, 3); px that it is looked for up and down."""

    rest: Float
    to_patch: Float
    reach: int

    @classmethod
    def of(cls, grey: Float, points: Float, down: Float, iod: float) -> _Patch:
        across = np.array([down[1], -down[0]])
        axes = np.stack([across, np.asarray(down, np.float64)])  # picture -> upright
        local = points.astype(np.float64) @ axes.T
        low, high = local.min(axis=0) - np.array(_PATCH_IOD) * iod, local.max(axis=0) + np.array(_PATCH_IOD) * iod
        width, height = (max(4, round(side)) for side in high - low)
        matrix = np.concatenate([axes, -low[:, None]], axis=1).astype(np.float32)
        patch = cv2.warpAffine(grey, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
        return cls(np.asarray(patch, np.float32), matrix, max(2, round(_SEARCH_IOD * iod)))

    def found(self, grey: Float) -> float:
        """Px by which the patch lies lower in a picture."""
        height, width = self.rest.shape
        matrix = self.to_patch + np.array([[0, 0, 0], [0, 0, self.reach]], np.float32)
        size = (width, height + 2 * self.reach)
        strip = cv2.warpAffine(grey, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
        score = np.asarray(cv2.matchTemplate(strip, self.rest, cv2.TM_CCOEFF_NORMED)).reshape(-1)
        best = int(np.clip(score.argmax(), 1, len(score) - 2))
        before, here, after = (float(score[best + step]) for step in (-1, 0, 1))
        bend = before - 2.0 * here + after
        return best - self.reach + (0.5 * (before - after) / bend if bend < -1e-9 else 0.0)


def _grey(image: Image) -> Float:
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.float32)


def _fitted(face: FaceModel, points: Float, rest: Float, shut: Float) -> Curves:
    """shut: (2,) share of the resting opening of the eyes at which they count as shut."""
    neutral = to_face_frame(rest, face.mean)
    aligned, _ = align(np.nan_to_num(points), neutral)
    expression = face.expression_of((aligned - neutral)[:, :FACE_POINTS])
    return _curves(face, expression, np.asarray(eye_opening(neutral)) * shut)


def _curves(face: FaceModel, expression: Float, travel: Float) -> Curves:
    """travel: (2,) % iod by which the eyes close."""
    both = {
        name: np.stack([expression @ face.measure(f"{name}_{side}") for side in ("right", "left")], axis=1)
        for name in ("eye_opening", "brow_height")
    }
    lids = -both["eye_opening"] / travel
    return Curves(
        aperture=expression @ face.measure("aperture"),
        width=expression @ face.measure("mouth_width"),
        lids=np.asarray(lids.mean(axis=1), np.float32),
        brows=np.asarray(both["brow_height"].mean(axis=1), np.float32),
    )
