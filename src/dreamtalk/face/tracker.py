"""Pictures to faces: 478 landmarks, 52 blendshape scores and the head pose, without MediaPipe itself.

Every frame is tracked as a picture of its own. MediaPipe's video mode smooths and lags by almost half a frame, which
lips cannot afford; lips are never smoothed here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import atan2, cos, hypot, sin

import numpy as np

from dreamtalk.errors import FaceNotFound
from dreamtalk.face.blendshapes import BLENDSHAPE_POINTS
from dreamtalk.face.detector import Detection, FaceDetector, suppress
from dreamtalk.face.networks import Network, read_task_file, sigmoid
from dreamtalk.face.pose import CanonicalFace, euler_of, facial_matrix, rotation_of
from dreamtalk.face.sampling import Square, crop
from dreamtalk.types import Float, Image

__all__ = ["FaceTracker", "TrackedFace", "euler_of", "rotation_of"]

LANDMARKS = 478
_INPUT = 256
"""Side of the landmark network's picture, px."""

_MARGIN = 1.5
"""Side of the landmark crop relative to the face box."""

_MIN_PRESENCE = 0.5
_EYES = (33, 263)
"""Outer eye corners: the person's right, left."""


@dataclass(frozen=True, slots=True)
class TrackedFace:
    """landmarks: (478, 3) px. blendshapes: (52,) in 0..1. matrix: (4, 4), see face.pose. score: presence in 0..1."""

    landmarks: Float
    blendshapes: Float
    matrix: Float
    score: float

    @property
    def rotation(self) -> Float:
        """Head rotation (3, 3) in picture axes."""
        return rotation_of(self.matrix)

    @property
    def box(self) -> Float:
        """x0, y0, x1, y1 of all landmarks, px."""
        points = self.landmarks[:, :2]
        return np.concatenate([points.min(axis=0), points.max(axis=0)])


class FaceTracker:
    """Finds and measures faces. One instance per thread."""

    def __init__(self) -> None:
        self._detector = FaceDetector()
        self._mesh = Network(read_task_file("face_landmarks_detector.tflite"))
        self._scores = Network(read_task_file("face_blendshapes.tflite"))
        self.canonical = CanonicalFace.load()

    @classmethod
    def load(cls) -> FaceTracker:
        """The shipped networks."""
        return cls()

    def track_image(self, image: Image, face: int = 0) -> TrackedFace:
        """The face number `face` of a picture (H, W, 3) uint8 RGB, largest first.

        Raises FaceNotFound when there is no face, or not that many.
        """
        faces = self.track_all(image, at_least=max(1, face + 1))
        if not faces:
            raise FaceNotFound("No face was found. Use a picture with one clearly visible, roughly frontal face.")
        if not 0 <= face < len(faces):
            raise FaceNotFound(
                f"Face {face} was asked for, but {len(faces)} face(s) were found. Count from 0, largest first."
            )
        return faces[face]

    def track_all(self, image: Image, at_least: int = 1) -> list[TrackedFace]:
        """The faces of a picture, largest first; it is searched more closely while fewer than `at_least` are seen."""
        found = self._detector.detect(image)
        faces = self._measure_all(image, found)
        for more in self._detector.closer_looks(image):
            if len(faces) >= at_least:
                break
            found = suppress(found + more)
            faces = self._measure_all(image, found)
        return faces

    def _measure_all(self, image: Image, found: list[Detection]) -> list[TrackedFace]:
        """The detections that are faces, largest first."""
        by_size = sorted(found, key=lambda d: -d.area)
        measured = (self._measure(image, square_of_detection(d)) for d in by_size)
        return [face for face in measured if face is not None]

    def track_frames(self, frames: Iterable[Image]) -> Iterator[TrackedFace | None]:
        """The same face through the frames of a video; None where it is lost.

        Each frame is detected and measured anew. The last known place only tells which of several faces to follow, and
        stands in where the detector (not the landmark network) misses the face.
        """
        last: TrackedFace | None = None
        for image in frames:
            face = self._follow(image, last) if last is not None else next(iter(self.track_all(image)), None)
            last = face or last
            yield face

    def _follow(self, image: Image, last: TrackedFace) -> TrackedFace | None:
        """The face nearest to where it was last."""
        found = self._detector.detect(image)
        square = square_of_detection(_nearest(found, last)) if found else square_of_landmarks(last.landmarks)
        return self._measure(image, square)

    def _measure(self, image: Image, square: Square) -> TrackedFace | None:
        """Landmarks, scores and pose of the face in a square; None when the network sees no face there."""
        height, width = image.shape[:2]
        picture = crop(image, square, _INPUT, repeat_edge=True)
        out = self._mesh((picture.astype(np.float32) / 255.0)[None])
        presence = float(sigmoid(out["Identity_1"]).ravel()[0])  # "Identity_2" is not presence
        if presence < _MIN_PRESENCE:
            return None
        raw = out["Identity"].reshape(LANDMARKS, 3)
        landmarks = np.empty((LANDMARKS, 3), dtype=np.float32)
        landmarks[:, :2] = square.to_image(raw[:, :2] / np.float32(_INPUT))
        # The root is MediaPipe's: it differs from 1 only for a rolled face in a picture that is not square.
        skew = hypot(cos(square.angle), sin(square.angle) * width / height)
        landmarks[:, 2] = raw[:, 2] / _INPUT * square.side * skew
        scores = self._scores(np.ascontiguousarray(landmarks[BLENDSHAPE_POINTS, :2][None]))
        return TrackedFace(
            landmarks=landmarks,
            blendshapes=next(iter(scores.values())).reshape(-1).astype(np.float32),
            matrix=facial_matrix(landmarks, width, height, self.canonical),
            score=presence,
        )


def square_of_detection(found: Detection) -> Square:
    """The landmark crop for a detected face: its box, turned to the eye line, 1.5 times as large."""
    x0, y0, x1, y1 = (float(v) for v in found.box)
    (rx, ry), (lx, ly) = found.keypoints[0], found.keypoints[1]
    side = ((x1 - x0) + (y1 - y0)) / 2  # the detector's boxes are square to 0.02 %
    return Square((x0 + x1) / 2, (y0 + y1) / 2, _MARGIN * side, atan2(float(ly - ry), float(lx - rx)))


def square_of_landmarks(landmarks: Float) -> Square:
    """The landmark crop for a face whose landmarks (478, 3) px are known from the frame before."""
    low, high = landmarks[:, :2].min(axis=0), landmarks[:, :2].max(axis=0)
    right, left = landmarks[_EYES[0]], landmarks[_EYES[1]]
    angle = atan2(float(left[1] - right[1]), float(left[0] - right[0]))
    centre = (low + high) / 2
    return Square(float(centre[0]), float(centre[1]), _MARGIN * float((high - low).max()), angle)


def _nearest(found: list[Detection], last: TrackedFace) -> Detection:
    """The detection closest to the last known face."""
    x0, y0, x1, y1 = last.box
    centre = np.array([(x0 + x1) / 2, (y0 + y1) / 2])
    return min(found, key=lambda d: float(np.linalg.norm((d.box[:2] + d.box[2:]) / 2 - centre)))
