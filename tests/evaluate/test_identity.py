"""Who a face is: dlib's embedding where it is installed, and the same person in every style against real people."""

from __future__ import annotations

import importlib.util
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from dreamtalk.errors import UnusableInput
from dreamtalk.evaluate import identity
from dreamtalk.evaluate.identity import Identity, euclidean, find_identity
from dreamtalk.evaluate.renderer_report import Likeness, RendererReport
from dreamtalk.evaluate.same_person import FRAMES, Reference, Spoken, StyleDistance, style_distances, style_names
from dreamtalk.face import FaceModel, FaceTracker
from dreamtalk.face.arkit import weights
from dreamtalk.face.video import track_picture
from dreamtalk.media import read_image
from dreamtalk.render import MeshRenderer
from dreamtalk.style.library import STYLES
from dreamtalk.types import Float, Image, Motion

PORTRAIT = Path(__file__).parents[2] / "examples" / "portrait.jpg"
with_dlib = pytest.mark.skipif(
    importlib.util.find_spec("dlib") is None or importlib.util.find_spec("face_recognition_models") is None,
    reason="needs the extra `identity` (dlib-bin and face_recognition_models, 100 MB)",
)


def test_what_is_missing_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert find_identity(None) is None
    with pytest.raises(UnusableInput, match=r"nowhere\.onnx"):
        find_identity(tmp_path / "nowhere.onnx")
    monkeypatch.setattr(identity, "find_spec", lambda name: None)
    with pytest.raises(UnusableInput, match=r"weights.*dreamtalk\[identity\]"):
        find_identity("dlib")
    half = ModuleSpec("face_recognition_models", None, is_package=True)
    half.submodule_search_locations = [str(tmp_path)]
    monkeypatch.setattr(identity, "find_spec", lambda name: half)
    with pytest.raises(UnusableInput, match="weights"):
        find_identity("dlib")


@with_dlib
def test_dlib_knows_a_face_again() -> None:
    """Her own face a little darker and shifted, against a face of other proportions."""
    dlib = find_identity("dlib")
    assert dlib is not None
    image = read_image(PORTRAIT)
    marks = FaceTracker.load().track_image(image).landmarks
    home = dlib.embed(image, marks)
    assert home.shape == (128,)
    darker = (np.roll(image, 5, axis=1) * 0.9).astype(np.uint8)
    assert dlib.distance(home, dlib.embed(darker, marks)) < 0.3
    mirrored = np.ascontiguousarray(image[::-1])
    far = marks * (1.0, -1.0, 1.0) + (0.0, image.shape[0], 0.0)
    assert dlib.distance(home, dlib.embed(mirrored, far.astype(np.float32))) > 0.6, "upside down: no face of hers"


def test_six_frames_of_every_style_at_the_level_people_get() -> None:
    names = style_names()
    assert {name.partition(":")[0] for name in names} == set(STYLES)
    assert {"angry:2", "angry:3", "neutral:2"} <= set(names)
    assert len(names) == len(set(names))


def test_distances_are_those_of_the_frames_from_the_photo() -> None:
    """An embedding that sees how dark the mouth's place is: open lips are further from the photo than shut ones."""
    face = FaceModel.load()
    portrait = track_picture(read_image(PORTRAIT), FaceTracker.load(), face)
    animator = MeshRenderer(face).prepare(portrait, 256)
    marks = np.asarray(animator.canvas.landmarks, np.float32)
    x, y = (int(value) for value in marks[[13, 14], :2].mean(axis=0))

    def lips(image: Image, landmarks: Float) -> Float:
        assert landmarks is marks
        return image[y - 3 : y + 12, x - 8 : x + 9].mean(axis=(0, 1)).astype(np.float32)

    def spoken(style: str, jaw: float) -> Spoken:
        expression = np.repeat(face.from_arkit(weights(jawOpen=jaw))[None], FRAMES, axis=0).astype(np.float32)
        nothing = np.zeros((FRAMES, 3), np.float32)
        return Spoken(style, Motion(expression, nothing, nothing, np.zeros((FRAMES, 4), np.float32)))

    tell = Identity("lips", lips, euclidean, 10.0)
    shut = animator.frame(*(np.zeros(size, np.float32) for size in (64, 3, 3, 4)))
    found = style_distances(animator, lips(shut, marks), marks, [spoken("still", 0.0), spoken("wide", 0.7)], tell)
    assert [len(one.distances) for one in found] == [FRAMES, FRAMES]
    assert max(found[0].distances) == 0.0
    assert min(found[1].distances) > 10.0


def test_the_table_names_who_is_lost_and_what_real_people_do() -> None:
    tell = Identity("test", lambda image, landmarks: landmarks, euclidean, 0.35)

    def portrait(name: str, group: str, *distances: float) -> object:
        shapes = (np.zeros((31, 2), np.float32),) * 2
        kept = Likeness(shapes, np.zeros(3, np.float32), (StyleDistance("angry:2", distances),))
        return SimpleNamespace(id=name, group=group, likeness=kept)

    people = (portrait("a", "beard", 0.1, 0.2), portrait("b", "beard", 0.3, 0.5), portrait("c", "drawing", 0.9, 0.9))
    report = RendererReport(people, tell, (Reference("other people", (0.8, 0.9)),))  # type: ignore[arg-type]
    assert report._identity_rows() == [
        ["angry:2", "0.25", "0.50", "b", "1 of 2", "0.90", "0.90"],
        ["real: other people", "0.85", "0.90", "", "", "", ""],
    ]
