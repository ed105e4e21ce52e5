"""Where are the faces? BlazeFace short range: 896 anchors on a 128 px picture, weighted non-maximum suppression."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from dreamtalk.face.networks import Network, read_task_file, sigmoid
from dreamtalk.face.sampling import Square, crop
from dreamtalk.types import Float, Image

_INPUT = 128
"""Side of the network's picture, px."""

_MIN_SCORE = 0.5
_MAX_OVERLAP = 0.5

_TILE_SCALES = (0.5, 0.3, 0.15)
"""Sides of the searched tiles relative to the longer image side, when too few faces are seen in the whole picture."""


@dataclass(frozen=True, slots=True)
class Detection:
    """box: (4,) x0, y0, x1, y1 px. keypoints: (6, 2) px: right eye, left eye, nose tip, mouth, right ear, left ear."""

    box: Float
    keypoints: Float
    score: float

    @property
    def area(self) -> float:
        return float((self.box[2] - self.box[0]) * (self.box[3] - self.box[1]))


def _anchors() -> Float:
    """Anchor centres (896, 2) in 0..1: 16 x 16 cells with 2 each, then 8 x 8 with 6; row, column, repeat."""
    centres = []
    for cells, repeat in ((16, 2), (8, 6)):
        axis = (np.arange(cells) + 0.5) / cells
        grid = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
        centres.append(np.repeat(grid, repeat, axis=0))
    return np.concatenate(centres).astype(np.float32)


class FaceDetector:
    """Finds faces in one picture, best score first."""

    def __init__(self) -> None:
        self._network = Network(read_task_file("face_detector.tflite"))
        self._anchor = _anchors()

    def detect(self, image: Image) -> list[Detection]:
        """Faces in the whole picture, as MediaPipe finds them."""
        height, width = image.shape[:2]
        return self._detect_in(image, Square(width / 2, height / 2, float(max(width, height))))

    def closer_looks(self, image: Image) -> Iterator[list[Detection]]:
        """What is found by looking differently, most likely first: from further away (faces filling the frame), then in
        ever smaller tiles (small faces). The closer the look, the more of it is no face at all."""
        height, width = image.shape[:2]
        longer = max(width, height)
        yield self._detect_in(image, Square(width / 2, height / 2, 1.6 * longer))
        for scale in _TILE_SCALES:
            if scale * longer >= _INPUT:
                yield self._detect_tiles(image, scale * longer)

    def _detect_tiles(self, image: Image, side: float) -> list[Detection]:
        """Faces in half-overlapping square tiles."""
        height, width = image.shape[:2]
        xs = np.arange(min(side, width) / 2, width, side / 2)
        ys = np.arange(min(side, height) / 2, height, side / 2)
        found = [d for y in ys for x in xs for d in self._detect_in(image, Square(float(x), float(y), side))]
        return suppress(found)

    def _detect_in(self, image: Image, square: Square) -> list[Detection]:
        # Outside the picture is black BEFORE normalisation to -1..1; repeating the edge moves key points by 2 px.
        picture = crop(image, square, _INPUT, repeat_edge=False)
        values = (picture.astype(np.float32) / 127.5 - 1.0)[None]
        out = self._network(values)
        raw, logit = out["regressors"][0], out["classificators"][0, :, 0]
        score = sigmoid(logit)
        size = raw[:, 2:4]
        keep = (score >= _MIN_SCORE) & (size > 0).all(axis=1)
        raw, score, anchor = raw[keep] / _INPUT, score[keep], self._anchor[keep]
        points = raw.reshape(
            -1, 8, 2
        ).copy()  # centre, size, six key points; all but the size are relative to the anchor
        points[:, 0] += anchor
        points[:, 2:] += anchor[:, None]
        found = []
        for p, s in zip(points, score, strict=True):
            corners = square.to_image(np.stack([p[0] - p[1] / 2, p[0] + p[1] / 2]))
            found.append(Detection(box=corners.reshape(4), keypoints=square.to_image(p[2:]), score=float(s)))
        return suppress(found)


def suppress(found: list[Detection]) -> list[Detection]:
    """Weighted non-maximum suppression: each group becomes its score-weighted mean, keeping its best score."""
    rest = sorted(found, key=lambda d: -d.score)
    kept: list[Detection] = []
    while rest:
        overlap = _overlap(rest[0].box, np.stack([d.box for d in rest]))
        group = [d for d, o in zip(rest, overlap, strict=True) if o > _MAX_OVERLAP]
        weight = np.array([d.score for d in group], dtype=np.float32)
        weight /= weight.sum()
        box = np.tensordot(weight, np.stack([d.box for d in group]), axes=1)
        keypoints = np.tensordot(weight, np.stack([d.keypoints for d in group]), axes=1)
        kept.append(Detection(box=box, keypoints=keypoints, score=rest[0].score))
        rest = [d for d, o in zip(rest, overlap, strict=True) if o <= _MAX_OVERLAP]
    return kept


def _overlap(box: Float, boxes: Float) -> Float:
    """Intersection over union of one box with (N, 4) boxes."""
    low, high = np.maximum(box[:2], boxes[:, :2]), np.minimum(box[2:], boxes[:, 2:])
    shared = np.prod(np.clip(high - low, 0, None), axis=1)
    union = np.prod(box[2:] - box[:2]) + np.prod(boxes[:, 2:] - boxes[:, :2], axis=1) - shared
    return np.asarray(shared / np.maximum(union, 1e-9), dtype=np.float32)
