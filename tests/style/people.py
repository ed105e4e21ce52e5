"""Made people who talk: tracks whose neutral face and expression are known."""

from __future__ import annotations

import numpy as np

from dreamtalk.face.align import unit_face
from dreamtalk.face.arkit import weights
from dreamtalk.face.model import FaceModel
from dreamtalk.face.video import track_of
from dreamtalk.style.library import neutral_talk
from dreamtalk.types import FaceTrack, Float

PIXELS = 100.0


def talk(frames: int, **actions: float) -> Float:
    """(frames, 64) neutral talk moved by facial actions (ARKit weights)."""
    said = neutral_talk()[np.arange(frames) % len(neutral_talk())]
    return np.asarray(said + FaceModel.load().from_arkit(weights(**actions)), dtype=np.float32)


def neutral_face(seed: int = 0) -> Float:
    """(478, 3) the resting face of a person of chance, irises in the middle of the eyes."""
    face, rng = FaceModel.load(), np.random.default_rng(seed)
    identity = rng.standard_normal(len(face.identity_std)).astype(np.float32) * face.identity_std
    points = face.face(identity, np.zeros(64, np.float32))
    irises = [np.tile(points[[outer, inner]].mean(axis=0), (5, 1)) for outer, inner in ((33, 133), (263, 362))]
    return unit_face(np.concatenate([points, *irises]))


def track_of_person(expression: Float, seed: int = 0) -> FaceTrack:
    """A track (T, ...) of that person in a still head, with scores of nobody in particular."""
    face, frames = FaceModel.load(), len(expression)
    landmarks = np.repeat(neutral_face(seed)[None], frames, axis=0)
    landmarks[:, :468] += face.displacement(expression)
    scores = np.full((frames, 52), 0.05, np.float32)
    return track_of(landmarks * PIXELS + 200.0, scores, np.ones(frames, bool), face)
