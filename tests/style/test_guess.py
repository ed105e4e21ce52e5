"""A guessed neutral: what is expression is told from what is face."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.style.people import talk, track_of_person

from dreamtalk.face.arkit import weights
from dreamtalk.face.blendshapes import BLENDSHAPE_POINTS
from dreamtalk.face.model import FaceModel
from dreamtalk.face.networks import Network, read_task_file
from dreamtalk.motion import MotionModel
from dreamtalk.style.encode import style_of_clip
from dreamtalk.style.guess import neutral_guess
from dreamtalk.style.reference import clip_of_track, offset_of_clip
from dreamtalk.types import FaceTrack

SMILE = {"mouthSmile": 0.8, "cheekSquint": 0.5}


def seen(track: FaceTrack) -> FaceTrack:
    """The track with the scores that the tracker's own network gives its landmarks."""
    network = Network(read_task_file("face_blendshapes.tflite"))
    faces = (np.ascontiguousarray(points[BLENDSHAPE_POINTS, :2][None]) for points in track.landmarks)
    scores = [next(iter(network(points).values())).reshape(-1) for points in faces]
    return replace(track, blendshapes=np.stack(scores).astype(np.float32))


@pytest.mark.parametrize("person", [0, 1, 2])
def test_a_smile_is_seen_and_a_calm_face_has_little_style(face: FaceModel, person: int) -> None:
    smile, guess = face.from_arkit(weights(**SMILE)), neutral_guess()
    smiling, calm = (seen(track_of_person(talk(30, **shown), person)) for shown in (SMILE, {}))
    offset = guess.offset(smiling.landmarks, smiling.blendshapes, face)
    nothing = guess.offset(calm.landmarks, calm.blendshapes, face)
    assert offset @ smile / np.linalg.norm(offset) / np.linalg.norm(smile) > 0.5
    assert np.linalg.norm(nothing) < 0.6 * np.linalg.norm(offset)


def test_a_clip_is_guided_as_hard_as_it_is_answered_too_weakly(face: FaceModel) -> None:
    model, calm = MotionModel.load(), track_of_person(talk(100))
    guidances = []
    for shown in ({"mouthSmile": 0.5}, {"mouthFunnel": 0.8}):  # the second opens the lips
        clip, _ = clip_of_track(track_of_person(talk(100, **shown)), "a.mp4", face, calm)
        style = style_of_clip(clip, model, face, "a.mp4")
        guidances.append(style.guidance)
        assert style.rest is not None and style.rest @ face.measure("aperture") < 0.01
        again = style_of_clip(clip, model, face, "a.mp4")
        assert again.code.tobytes() == style.code.tobytes() and again.guidance == style.guidance
    assert 1.0 <= guidances[0] < guidances[1] <= 1.5


def test_silent_mouths_take_the_clips_shape(face: FaceModel) -> None:
    clip, _ = clip_of_track(track_of_person(talk(100, **SMILE)), "a.mp4", face, track_of_person(talk(100)))
    style = style_of_clip(clip, MotionModel.load(), face, "a.mp4")
    assert style.rest is not None
    wanted = offset_of_clip(clip.expression) @ face.measure("corner_height")
    assert style.rest @ face.measure("corner_height") == pytest.approx(wanted, rel=0.3)
    assert wanted > 1.0
