"""Faces in pictures: tracking, the statistical face model, neutral faces."""

from dreamtalk.face.tracker import FaceTracker, TrackedFace

__all__ = ["FaceTracker", "TrackedFace"]
