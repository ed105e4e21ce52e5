"""Reference clips: somebody's expression, not somebody's face."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.style.people import talk, track_of_person

from dreamtalk.errors import UnusableInput
from dreamtalk.face.arkit import weights
from dreamtalk.face.model import FaceModel
from dreamtalk.style.reference import clip_of_track, gain_of_clip, offset_of_clip
from dreamtalk.types import Float

SMILE = {"mouthSmile": 0.7, "cheekSquint": 0.4}


def cosine(a: Float, b: Float) -> float:
    return float(a @ b / (np.linalg.norm(a) * np.linalg.norm(b)))


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_with_a_calm_clip_the_offset_is_the_expression_and_not_the_face(face: FaceModel, seed: int) -> None:
    smile = face.from_arkit(weights(**SMILE))
    clip, notes = clip_of_track(
        track_of_person(talk(120, **SMILE), seed), "a.mp4", face, track_of_person(talk(120), seed)
    )
    assert not notes
    assert cosine(offset_of_clip(clip.expression), smile) > 0.95
    assert 0.8 < np.linalg.norm(offset_of_clip(clip.expression)) / np.linalg.norm(smile) < 1.2


def test_a_calm_picture_is_nearly_as_good(face: FaceModel) -> None:
    smile = face.from_arkit(weights(**SMILE))
    picture = track_of_person(np.zeros((1, 64), np.float32))
    clip, notes = clip_of_track(track_of_person(talk(120, **SMILE)), "a.mp4", face, picture)
    assert not notes
    assert cosine(offset_of_clip(clip.expression), smile) > 0.85


def test_a_guessed_neutral_is_told(face: FaceModel) -> None:
    clip, notes = clip_of_track(track_of_person(talk(120)), "a.mp4", face)
    assert len(notes) == 1 and "guess" in notes[0] and "--neutral" in notes[0]
    assert np.isfinite(clip.expression).all()


def test_movements_and_shut_lips_are_the_persons_own(face: FaceModel) -> None:
    said, aperture = talk(120, **SMILE), face.measure("aperture")
    clip, _ = clip_of_track(track_of_person(said), "a.mp4", face, track_of_person(talk(120)))
    assert abs(gain_of_clip(clip.expression) - 1.0) < 0.2
    opened = talk(120) @ aperture
    assert np.corrcoef(clip.expression @ aperture, opened)[0, 1] > 0.95
    assert np.abs((clip.expression @ aperture)[opened < 0.5]).max() < 2.0


def test_short_clips_lost_and_turned_faces_are_told(face: FaceModel) -> None:
    track, calm = track_of_person(talk(100)), track_of_person(talk(100))
    _, notes = clip_of_track(replace(track, valid=np.arange(100) >= 40), "a.mp4", face, calm)
    assert "40%" in notes[0] and "2.4 s" in notes[1]
    turned = track.pose.copy()
    turned[:30, 1] = 1.0
    _, notes = clip_of_track(replace(track, pose=turned), "a.mp4", face, calm)
    assert "turned" in notes[0] and "30%" in notes[0]
    _, notes = clip_of_track(track, "a.mp4", face, replace(calm, pose=turned))
    assert "neutral of a.mp4" in notes[0] and "turned" in notes[0]
    with pytest.raises(UnusableInput, match="no frame"):
        clip_of_track(replace(track, valid=np.zeros(100, bool)), "a.mp4", face)


def test_a_picture_gives_its_expression_on_nobodys_talk(face: FaceModel) -> None:
    smile = face.from_arkit(weights(**SMILE))
    clip, notes = clip_of_track(
        track_of_person(smile[None]), "a.jpg", face, track_of_person(np.zeros((1, 64), np.float32))
    )
    assert "one picture" in notes[0]
    assert len(clip.expression) > 200 and 0.8 < gain_of_clip(clip.expression) < 1.2
    assert offset_of_clip(clip.expression) @ face.measure("corner_height") > 1.0


def test_the_best_ten_seconds_of_a_long_track_are_used(face: FaceModel) -> None:
    track = track_of_person(talk(700))
    found = np.ones(700, bool)
    found[:300:3] = False
    clip, _ = clip_of_track(replace(track, valid=found), "a.mp4", face)
    assert len(clip.expression) == 256
    whole, _ = clip_of_track(
        replace(track, **{n: getattr(track, n)[300:556] for n in ("landmarks", "blendshapes", "pose", "valid")}),
        "a.mp4",
        face,
    )
    # the stretch without holes may begin a frame before the last hole
    assert abs(gain_of_clip(clip.expression) - gain_of_clip(whole.expression)) < 0.05


def test_landmarks_that_are_no_face_are_refused(face: FaceModel) -> None:
    track = track_of_person(talk(30))
    with pytest.raises(UnusableInput, match="no landmarks"):
        clip_of_track(replace(track, landmarks=np.zeros_like(track.landmarks)), "a.npz", face)
