"""A whole picture or video to a FaceTrack: tracked frame by frame, then expressed in the face space."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from dreamtalk.face.model import FaceModel
from dreamtalk.face.raw import stack_faces
from dreamtalk.face.tracker import FaceTracker
from dreamtalk.types import VIDEO_FPS, Bool, FaceTrack, Float, Image, Portrait

FACE_SPACE = "mesh64"

_FRAMES_FOR_A_NEUTRAL = 25
"""Below this (1 s) there is hardly a calm frame: the neutral is then estimated from one picture."""


def track_picture(image: Image, tracker: FaceTracker, model: FaceModel, face: int = 0) -> Portrait:
    """The face number ``face`` (largest first) of a picture (H, W, 3). Raises FaceNotFound."""
    found = tracker.track_image(image, face=face)
    neutral = model.neutral(found.landmarks, found.blendshapes)
    return Portrait(
        image=image,
        landmarks=found.landmarks,
        rotation=found.rotation,
        blendshapes=found.blendshapes,
        identity=model.identity(neutral),
        box=found.box,
    )


def track_video(
    frames: Iterable[Image], tracker: FaceTracker, model: FaceModel, source: str | Path, fps: float = VIDEO_FPS
) -> FaceTrack:
    """Track the face of a video given as frames; one frame makes a track of length 1.

    source: its name, for messages. Only numbers are kept, so memory grows by 6 kB per frame. Frames without a face get
    the values of the nearest frame with one. Raises FaceNotFound when there is no such frame.
    """
    track = stack_faces(tracker.track_frames(frames)).filled(source)
    return track_of(track.landmarks, track.blendshapes, track.valid, model, fps)


def track_of(landmarks: Float, blendshapes: Float, valid: Bool, model: FaceModel, fps: float = VIDEO_FPS) -> FaceTrack:
    """Landmarks (T, 478, 3) px and scores (T, 52) of one face, lost frames filled, expressed in the face space."""
    first = int(valid.argmax())
    few = valid.sum() < _FRAMES_FOR_A_NEUTRAL
    neutral = model.neutral(landmarks[first], blendshapes[first]) if few else model.neutral(landmarks)
    expression, pose, gaze = model.fit(landmarks, neutral)
    return FaceTrack(
        landmarks=landmarks,
        expression=expression,
        pose=pose,
        gaze=gaze,
        blendshapes=blendshapes,
        valid=valid,
        fps=float(fps),
        face_space=FACE_SPACE,
    )
