"""Faces in pictures: tracking, the statistical face model, neutral faces."""

from dreamtalk.face.model import FaceModel
from dreamtalk.face.tracker import FaceTracker, TrackedFace

__all__ = ["FaceModel", "FaceTracker", "TrackedFace"]
