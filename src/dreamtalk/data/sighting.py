"""What is measured of a clip before anything is decided: small pure functions, and the record of their results."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np

from dreamtalk.face.detector import Detection
from dreamtalk.media.files import replacing
from dreamtalk.types import Bool, Float, Image

_EYE_CORNERS = (33, 263)
"""Landmarks of the outer eye corners, the person's right and left."""

_THUMBNAIL = (32, 18)
"""Width and height in px of the pictures in which cuts are looked for: noise and lips average out."""

_COMPARABLE = 0.25
"""A second face counts when its area is at least this share of the largest one's: others stand in the background."""

_QUIETEST = -120.0
"""dB of full scale: digital silence."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """size: of the video file in bytes, by which a replaced file is noticed. frames: at 25 fps. face_share: share of
    them in which the face was found. other_faces: share of the looked-at frames with a second face of comparable size.
    eye_distance: median between the outer eye corners, px. jump: largest step of the face from one frame to the next,
    in eye distances. change: largest change of the whole picture from one frame to the next, in grey levels of 255.
    loudness: RMS in dB of full scale. problem: why the files could not be used, else empty; the rest is then 0.
    """

    size: int
    frames: int = 0
    face_share: float = 0.0
    other_faces: float = 0.0
    eye_distance: float = 0.0
    jump: float = 0.0
    change: float = 0.0
    loudness: float = _QUIETEST
    problem: str = ""

    def write(self, file: Path) -> None:
        """As JSON, whole or not at all."""
        with replacing(file) as part:
            part.write_text(json.dumps(asdict(self)), encoding="utf-8")

    @classmethod
    def read(cls, file: Path) -> Sighting | None:
        """None where there is none that can be read."""
        try:
            return cls(**json.loads(file.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None


def face_share(valid: Bool) -> float:
    """Share of frames (T,) with a face; 0 for no frames."""
    return float(valid.mean()) if len(valid) else 0.0


def second_face(found: list[Detection]) -> bool:
    """Whether a picture's detections hold a second face of comparable size."""
    areas = sorted((d.area for d in found), reverse=True)
    return len(areas) > 1 and areas[1] >= _COMPARABLE * areas[0]


def eye_distance(landmarks: Float, valid: Bool) -> float:
    """Median distance in px between the outer eye corners of landmarks (T, 478, 3) where valid (T,); 0 without any."""
    right, left = (landmarks[valid][:, corner, :2] for corner in _EYE_CORNERS)
    return float(np.median(np.linalg.norm(left - right, axis=1))) if len(right) else 0.0


def largest_jump(landmarks: Float, valid: Bool) -> float:
    """Largest step of the eyes' middle between consecutive valid frames, in median eye distances; 0 without a pair."""
    both = valid[1:] & valid[:-1]
    if not both.any():
        return 0.0
    middle = landmarks[:, _EYE_CORNERS, :2].mean(axis=1)
    steps = np.linalg.norm(np.diff(middle, axis=0), axis=1)[both]
    return float(steps.max() / max(eye_distance(landmarks, valid), 1e-6))


def thumbnail(image: Image) -> Float:
    """A picture (H, W, 3) as grey levels (18, 32) in 0..255."""
    small = cv2.resize(image, _THUMBNAIL, interpolation=cv2.INTER_AREA)
    return np.asarray(small.mean(axis=-1), dtype=np.float32)


def largest_change(thumbnails: list[Float]) -> float:
    """Largest mean difference between consecutive thumbnails, in grey levels; 0 for fewer than two."""
    if len(thumbnails) < 2:
        return 0.0
    return float(np.abs(np.diff(np.stack(thumbnails), axis=0)).mean(axis=(1, 2)).max())


def loudness(samples: Float) -> float:
    """RMS of samples (S,) in dB of full scale."""
    power = float(np.mean(samples.astype(np.float64) ** 2)) if len(samples) else 0.0
    return float(max(_QUIETEST, 10.0 * np.log10(power))) if power > 0.0 else _QUIETEST
