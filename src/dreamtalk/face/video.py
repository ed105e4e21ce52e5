"""A whole picture or video to a FaceTrack: tracked frame by frame, then expressed in the face space."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from dreamtalk.errors import FaceNotFound
from dreamtalk.face.model import FaceModel
from dreamtalk.face.tracker import FaceTracker, TrackedFace
from dreamtalk.types import VIDEO_FPS, FaceTrack, Image, Portrait

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
    faces = list(tracker.track_frames(frames))
    valid = np.array([face is not None for face in faces], dtype=np.bool_)
    if not valid.any():
        raise FaceNotFound(f"No face was found in {source}. Use a picture or video with one clearly visible face.")
    known = np.flatnonzero(valid)
    nearest = known[np.abs(np.arange(len(faces))[:, np.newaxis] - known).argmin(axis=1)]
    filled: list[TrackedFace] = [face for i in nearest if (face := faces[i]) is not None]
    landmarks = np.stack([face.landmarks for face in filled])
    few = valid.sum() < _FRAMES_FOR_A_NEUTRAL
    neutral = model.neutral(landmarks[known[0]], filled[known[0]].blendshapes) if few else model.neutral(landmarks)
    expression, pose, gaze = model.fit(landmarks, neutral)
    return FaceTrack(
        landmarks=landmarks,
        expression=expression,
        pose=pose,
        gaze=gaze,
        blendshapes=np.stack([face.blendshapes for face in filled]),
        valid=valid,
        fps=float(fps),
        face_space=FACE_SPACE,
    )
