"""Self-reenactment: a clip's first good frame, moved as the person in the clip really moved, beside the real frames.

Real frames are brought onto the rendered ones before anybody compares them: turned and scaled by the points that follow
the skull, and moved so that the region that is looked at lies where it was drawn. What remains is what the renderer
shows wrongly, not where the head is (the renderer damps that on purpose).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from dreamtalk.errors import UnusableInput
from dreamtalk.face.align import STABLE, interocular, to_face_frame
from dreamtalk.face.model import FaceModel
from dreamtalk.face.pose import euler_of, rotation_from_euler
from dreamtalk.face.raw import RawTrack
from dreamtalk.media import read_frames
from dreamtalk.media.files import replacing
from dreamtalk.render.mesh import topology as topo
from dreamtalk.render.mesh.canvas import Canvas
from dreamtalk.render.mesh.drawing import Double
from dreamtalk.render.refine.layers import LayeredAnimator, Layers
from dreamtalk.render.refine.regions import REGIONS, Region, crop_matrix, cut, outlines
from dreamtalk.types import Float, Image, Portrait

_SHUT, _EYE_OPEN = 0.03, 0.6
"""A good portrait: lips no further apart than the first (iod), eyes at least so open as usual in the clip."""
_TURNED = np.radians(10.0)
"""A good portrait is turned no further than this from the clip's usual pose."""
_MOST_TURNED = np.radians(12.0)
"""Frames turned further than this from the portrait are left out: the renderer damps such turns."""


@dataclass(frozen=True, slots=True)
class Reenacted:
    """One frame. truth: (H, W, 3), the real one; landmarks: (478, 3) px of it. layers: ours, on the same canvas."""

    number: int
    truth: Image
    landmarks: Float
    layers: Layers


@dataclass(frozen=True, slots=True)
class Reenactment:
    """A clip about to be reenacted. canvas: the portrait. frames: the others, one at a time."""

    canvas: Canvas
    frames: Iterator[Reenacted]


@dataclass(frozen=True, slots=True)
class RefineSamples:
    """Crops of one clip for N frames, R = 3 regions as in REGIONS. drawn, truth: (N, R, 96, 96, 3). rest: (R, 96, 96,
    3) of the portrait. holes, outers: per region (N, points, 2) px of the crop. openings: (N, R). speaker: whose.
    """

    speaker: str
    drawn: Image
    truth: Image
    rest: Image
    holes: tuple[Float, ...]
    outers: tuple[Float, ...]
    openings: Float


def reenact(video: Path, track: RawTrack, model: FaceModel, most: int) -> Reenactment:
    """The clip's first good frame, moved like others of its frames: `most` or fewer, spread over the clip.

    Raises UnusableInput when the clip shows no face in two frames.
    """
    if track.valid.sum() < 2:
        raise UnusableInput(f"{video} shows a face in fewer than two frames.")
    full = track.filled(video)
    rest = good_frame(full)
    neutral = to_face_frame(full.landmarks[rest], model.mean)
    expression, pose, gaze = model.fit(full.landmarks, neutral)
    usual = rotation_from_euler(pose[rest, :3])
    turns = np.stack([euler_of(rotation_from_euler(row) @ usual.T) for row in pose[:, :3]])
    good = track.valid & (np.abs(turns).max(axis=1) < _MOST_TURNED)
    good[rest] = False
    every = np.flatnonzero(good)
    wanted = set(every[np.linspace(0, len(every) - 1, min(most, len(every))).astype(int)].tolist())
    image = next(islice(read_frames(video), rest, None))
    portrait = Portrait(
        image=image,
        landmarks=full.landmarks[rest],
        rotation=usual,
        blendshapes=full.blendshapes[rest],
        identity=model.identity(neutral),
        box=np.concatenate([full.landmarks[rest, :, :2].min(axis=0), full.landmarks[rest, :, :2].max(axis=0)]),
    )
    animator = LayeredAnimator(portrait, model)

    def frames() -> Iterator[Reenacted]:
        for number, truth in enumerate(read_frames(video)):
            if number in wanted:
                layers = animator.layers(expression[number], turns[number].astype(np.float32), gaze[number])
                yield Reenacted(number, truth, full.landmarks[number], layers)

    return Reenactment(animator.canvas, frames())


def good_frame(track: RawTrack) -> int:
    """The first valid frame with shut lips, open eyes and the usual pose, or the one nearest to such."""
    marks = track.landmarks
    iod = interocular(marks)
    gap = np.linalg.norm(marks[:, 13] - marks[:, 14], axis=1) / iod
    lids = [np.linalg.norm(marks[:, upper[4]] - marks[:, lower[4]], axis=1) / iod for upper, lower in _LIDS]
    opening = np.minimum(*lids)
    opening = opening / np.median(opening[track.valid])
    line = (marks[:, 263] - marks[:, 33]) / iod[:, None]
    turned = np.linalg.norm(line - np.median(line[track.valid], axis=0), axis=1)
    fault = np.maximum(gap - _SHUT, 0.0) * 10.0 + np.maximum(_EYE_OPEN - opening, 0.0)
    fault += np.maximum(turned - np.sin(_TURNED), 0.0)
    return int(np.argmin(np.where(track.valid, fault, np.inf)))


_LIDS = tuple(zip(topo.LID_UPPER, topo.LID_LOWER, strict=True))


def onto_truth(points: Float, landmarks: Float, region: tuple[int, ...] | None = None) -> Double:
    """(2, 3) from px of the rendered picture to px of the real frame.

    points: (468 or more, 2 or 3) of the rendered face; landmarks: (478, 3) of the real one. region: points of which the
    mean is matched; None: those that follow the skull.
    """
    a = _complex(points[STABLE])
    b = _complex(landmarks[STABLE])
    a, a_mean, b, b_mean = a - a.mean(), a.mean(), b - b.mean(), b.mean()
    turn = complex((b * a.conj()).sum() / max(float((np.abs(a) ** 2).sum()), 1e-9))
    if region is not None:
        a_mean, b_mean = _complex(points[list(region)]).mean(), _complex(landmarks[list(region)]).mean()
    shift = b_mean - turn * a_mean
    return np.array([[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag]])


def truth_crop(frame: Reenacted, region: Region, matrix: Double) -> Image:
    """The real frame's crop (96, 96, 3) for the rendered frame's crop matrix (2, 3)."""
    onto = onto_truth(frame.layers.shape.vertices, frame.landmarks, region.outer)
    joined = onto[:, :2] @ matrix
    joined[:, 2] += onto[:, 2]
    return cut(frame.truth, joined)


def truth_picture(frame: Reenacted) -> Image:
    """The real frame brought onto the rendered head (H, W, 3)."""
    onto = onto_truth(frame.layers.shape.vertices, frame.landmarks)
    height, width = frame.layers.drawn.shape[:2]
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    found = cv2.warpAffine(frame.truth, onto, (width, height), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(found, np.uint8)


def refine_samples(speaker: str, clip: Reenactment) -> RefineSamples | None:
    """All crops of a clip; None when it has no frames to show."""
    drawn, truth, holes, outers, openings = [], [], [], [], []
    canvas = clip.canvas
    for frame in clip.frames:
        points = frame.layers.shape.vertices
        matrices = [crop_matrix(region, points, canvas.iod) for region in REGIONS]
        pairs = list(zip(REGIONS, matrices, strict=True))
        edges = [outlines(region, matrix, points) for region, matrix in pairs]
        drawn.append(np.stack([cut(frame.layers.drawn, matrix) for matrix in matrices]))
        truth.append(np.stack([truth_crop(frame, region, matrix) for region, matrix in pairs]))
        holes.append([edge[0] for edge in edges])
        outers.append([edge[1] for edge in edges])
        openings.append([edge[2] for edge in edges])
    if not drawn:
        return None
    rest = [cut(canvas.image, crop_matrix(region, canvas.landmarks, canvas.iod)) for region in REGIONS]
    return RefineSamples(
        speaker,
        np.stack(drawn),
        np.stack(truth),
        np.stack(rest),
        tuple(np.stack(each) for each in zip(*holes, strict=True)),
        tuple(np.stack(each) for each in zip(*outers, strict=True)),
        np.array(openings, np.float32),
    )


def load_samples(
    speaker: str, video: Path, track: RawTrack, model: FaceModel, folder: Path, most: int
) -> RefineSamples | None:
    """The crops of a clip, out of the folder or made and put there (whole or not at all). None: nothing usable."""
    file = folder / f"{video.stem}-{most}.npz"
    if not file.is_file():
        try:
            made = refine_samples(speaker, reenact(video, track, model, most))
        except UnusableInput:
            made = None
        if made is None:
            return None
        named: dict[str, Any] = {f"hole{i}": each for i, each in enumerate(made.holes)}
        named |= {f"outer{i}": each for i, each in enumerate(made.outers)}
        with replacing(file) as part:
            np.savez(part, drawn=made.drawn, truth=made.truth, rest=made.rest, openings=made.openings, **named)
    with np.load(file, allow_pickle=False) as stored:
        numbers = range(len(REGIONS))
        holes, outers = (tuple(stored[f"{name}{i}"] for i in numbers) for name in ("hole", "outer"))
        return RefineSamples(
            speaker, stored["drawn"], stored["truth"], stored["rest"], holes, outers, stored["openings"]
        )


def _complex(points: Float) -> np.ndarray[tuple[int], np.dtype[np.complex128]]:
    return np.asarray(points[:, 0] + 1j * points[:, 1], np.complex128)
