"""The renderer's protocol: what must not move, likeness, sheets, the report, and the whole of it on one portrait."""

from __future__ import annotations

import csv
import struct
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest

from dreamtalk.errors import UnusableInput, UnusableOutput
from dreamtalk.evaluate.drives import EXPRESSIONS, brows_held, still_motion, sweeps
from dreamtalk.evaluate.identity import Identity, euclidean
from dreamtalk.evaluate.likeness import (
    between,
    cosine_distance,
    cut_for_embedding,
    onnx_embedding,
    shape_code,
    shape_distance,
)
from dreamtalk.evaluate.renderer import RendererEvaluation, evaluate_renderer
from dreamtalk.evaluate.renderer_report import Followed
from dreamtalk.evaluate.retrack import agreement
from dreamtalk.evaluate.same_person import style_names
from dreamtalk.evaluate.stillness import IDENTICAL_DB, jump, psnr, stillness
from dreamtalk.evaluate.subjects import SUBJECTS, chosen
from dreamtalk.face import FaceModel
from dreamtalk.face.arkit import weights
from dreamtalk.media import read_image
from dreamtalk.types import Float, Image


@pytest.fixture(scope="module")
def face() -> FaceModel:
    return FaceModel.load()


@pytest.fixture(scope="module")
def landmarks(face: FaceModel) -> Float:
    """The mean face in a picture of 200 x 200, 70 px between its outer eye corners."""
    points = face.mean * 70.0 + (100.0, 85.0, 0.0)
    return np.concatenate([points, np.repeat(points[[33]], 10, axis=0)]).astype(np.float32)


@dataclass
class Picture:
    image: Image
    landmarks: Float


class Painter:
    """An animator whose picture gets lighter with the expression; faults can be built in."""

    def __init__(self, image: Image, drift: int = 0, corner: int = 0, switch: float = 9.0, bend: float = 0.0) -> None:
        """drift: lighter with every frame. corner: levels added in a corner. switch: expression that shows a patch.
        bend: levels added with the expression's square."""
        self.image, self.drift, self.corner, self.switch, self.bend = image, drift, corner, switch, bend
        self.drawn = 0

    @property
    def size(self) -> tuple[int, int]:
        return self.image.shape[0], self.image.shape[1]

    def frame(self, expression: Float, rotation: Float, translation: Float, gaze: Float) -> Image:
        strength = float(np.abs(expression).sum())
        frame = self.image.astype(np.float64) + 5.0 * strength + self.bend * strength**2 + self.drift * self.drawn
        frame[:8, :8] += self.corner
        if strength > self.switch:
            frame[80:120, 80:120] += 60.0
        self.drawn += 1
        return np.clip(np.rint(frame), 0.0, 255.0).astype(np.uint8)


def test_a_picture_that_keeps_still(face: FaceModel, landmarks: Float) -> None:
    picture = Picture(np.full((200, 200, 3), 90, np.uint8), landmarks)
    good = stillness(Painter(picture.image), picture, face)
    assert (good.inside_db, good.outside, good.same) == (IDENTICAL_DB, 0, True)
    assert good.jump <= 1.0 + 1e-6, "even motion: no more than rounding"
    bent = stillness(Painter(picture.image, bend=60.0), picture, face)
    assert bent.halved < 0.5, "smooth, if not even: half the step, a quarter of the jump"
    drifting = stillness(Painter(picture.image, drift=1), picture, face)
    assert not drifting.same
    leaking = stillness(Painter(picture.image, corner=7), picture, face)
    assert (leaking.inside_db, leaking.outside) == (IDENTICAL_DB, 7)
    popping = stillness(Painter(picture.image, switch=0.4), picture, face)
    assert popping.jump > 50.0
    assert popping.halved > 0.9


def test_texture_that_moves_evenly_is_no_jump() -> None:
    xs = np.arange(96)[None] + np.zeros((64, 1))
    frames = [(128 + 60 * np.sin((xs + 0.3 * t) * 2.4)[..., None] * np.ones(3)).astype(np.uint8) for t in range(12)]
    assert jump(frames) < 8.0
    frames[6] = np.roll(frames[6], 4, axis=1) + 25
    assert jump(frames) > 20.0


def test_psnr_of_one_level() -> None:
    a = np.full((4, 4, 3), 100, np.uint8)
    assert psnr(a, a + 1) == pytest.approx(48.13, abs=0.01)
    assert psnr(a, a) == IDENTICAL_DB


def test_shape_tells_people_apart_better_than_expressions(face: FaceModel, landmarks: Float) -> None:
    smile = landmarks.copy()
    smile[:468] += 70.0 * face.displacement(face.from_arkit(weights(mouthSmile=0.5)))
    wider = landmarks * (1.12, 1.0, 1.0)
    codes = [shape_code(face, points.astype(np.float32)) for points in (landmarks, smile, wider)]
    assert shape_distance(codes[0], codes[0]) == 0.0
    assert shape_distance(codes[0], codes[1]) < 0.7 * shape_distance(codes[0], codes[2])
    assert len(between(codes, shape_distance)) == 3


def test_eyes_are_where_embeddings_expect_them(landmarks: Float) -> None:
    image = np.zeros((200, 200, 3), np.uint8)
    for outer, inner in ((33, 133), (263, 362)):
        middle = np.rint((landmarks[outer] + landmarks[inner])[:2] / 2).astype(int)
        cv2.circle(image, tuple(middle.tolist()), 5, (255, 255, 255), -1)
    cut = cut_for_embedding(image, landmarks)
    assert cut.shape == (112, 112, 3)
    assert cut[52, 38, 0] > 200, "the eye on the left of the picture"
    assert cut[52, 74, 0] > 200
    assert cut[52, 56, 0] < 50


def _field(number: int, value: bytes | int) -> bytes:
    """A field of a protocol buffer: bytes, or a whole number below 2**14."""
    if isinstance(value, bytes):
        return bytes([number << 3 | 2]) + _size(len(value)) + value
    return bytes([number << 3]) + _size(value)


def _size(value: int) -> bytes:
    return bytes([value]) if value < 128 else bytes([value & 127 | 128, value >> 7])


def _mean_colour_network() -> bytes:
    """ONNX: (1, 3, 112, 112) -> the mean of each colour."""

    def tensor(name: bytes, shape: tuple[int, ...]) -> bytes:
        sizes = b"".join(_field(1, _field(1, side)) for side in shape)
        return _field(1, name) + _field(2, _field(1, _field(1, 1) + _field(2, sizes)))

    node = _field(1, b"in") + _field(2, b"out") + _field(4, b"GlobalAveragePool")
    graph = _field(1, node) + _field(2, b"g")
    graph += _field(11, tensor(b"in", (1, 3, 112, 112))) + _field(12, tensor(b"out", (1, 3, 1, 1)))
    return _field(1, 7) + _field(7, graph) + _field(8, _field(1, b"") + _field(2, 13))


def test_an_embedding_from_a_file(landmarks: Float, tmp_path: Path) -> None:
    file = tmp_path / "mean.onnx"
    file.write_bytes(_mean_colour_network())
    embed = onnx_embedding(file)
    image = np.full((200, 200, 3), (200, 100, 50), np.uint8)
    np.testing.assert_allclose(embed(image, landmarks), [200.0, 100.0, 50.0], atol=0.5)
    assert cosine_distance(embed(image, landmarks), embed(image, landmarks)) == pytest.approx(0.0, abs=1e-6)
    (tmp_path / "text.onnx").write_bytes(struct.pack("<4I", 1, 2, 3, 4))
    with pytest.raises(UnusableInput, match="ONNX"):
        onnx_embedding(tmp_path / "text.onnx")


def test_portraits_of_every_kind_and_fourteen_expressions() -> None:
    names = [name for name, _ in chosen()]
    assert len(names) == len(set(names)) >= 20
    assert {"dark skin", "light skin", "painting", "beard", "glasses"} <= set(SUBJECTS)
    assert chosen(("somebody",)) == [("somebody", "other")]
    assert len(EXPRESSIONS) == 14


def test_sweeps_start_at_rest_and_reach_their_measure(face: FaceModel) -> None:
    for drive in sweeps(face):
        assert not drive.motion.expression[0].any()
        middle = drive.motion.expression[len(drive.motion) // 2]
        moved = {
            "aperture": "aperture",
            "width": "mouth_width",
            "lids": "eye_opening_left",
            "brows": "brow_height_left",
        }
        assert abs(float(middle @ face.measure(moved[drive.measure or ""]))) > 1.5, drive.name


def test_brows_are_held_and_nothing_else(face: FaceModel) -> None:
    expression = np.stack(
        [face.from_arkit(weights(**a)) for a in ({"browDown": 0.8, "jawOpen": 0.5}, {"eyeBlink": 1.0})]
    )
    held = brows_held(face, still_motion(expression)).expression
    heights = [held @ face.measure(f"brow_height_{side}") for side in ("right", "left")]
    np.testing.assert_allclose(np.mean(heights, axis=0), 0.0, atol=1e-3)
    for name, most in (("aperture", 0.1), ("mouth_width", 0.1), ("eye_opening_left", 0.6)):
        change = (held - expression) @ face.measure(name)
        assert np.abs(change).max() < most, name


def test_noise_of_the_tracker_is_taken_out_of_a_correlation() -> None:
    rng = np.random.default_rng(0)
    meant, noise = rng.normal(0.0, 0.6, 20000).astype(np.float32), rng.normal(0.0, 0.3, 20000).astype(np.float32)
    every = np.ones(20000, np.bool_)
    seen = agreement(meant, 0.7 * meant + noise, every)
    one = Followed("talk", "brows", seen, seen, 1.0, float(noise.std()))
    assert one.ceiling == pytest.approx(seen.r, abs=0.01), "a picture that follows exactly loses no more than this"
    assert one.corrected == pytest.approx(1.0, abs=0.01)


@pytest.fixture(scope="module")
def talkset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A talkset of one portrait: the astronaut."""
    root = tmp_path_factory.mktemp("talkset")
    image = read_image(Path(__file__).parents[2] / "examples" / "portrait.jpg")
    cv2.imwrite(str(root / "astronaut.png"), cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
    row = {
        "id": "astronaut", "file": "astronaut.png", "split": "dev", "kind": "portrait", "dataset": "", "speaker": "",
        "emotion": "", "frames": "", "licence_class": "clean", "transcript": "",
    }  # fmt: skip
    with (root / "clips.csv").open("w", newline="") as file:
        out = csv.DictWriter(file, list(row))
        out.writeheader()
        out.writerow(row)
    return root


def test_one_portrait_from_beginning_to_end(talkset: Path, tmp_path: Path) -> None:
    config = RendererEvaluation(talkset, tmp_path / "out", ("astronaut",), size=256, talk=False)
    lightness = Identity(
        "lightness", lambda image, landmarks: image.mean(axis=(0, 1)).astype(np.float32), euclidean, 1.0
    )
    report = evaluate_renderer(config, lightness)
    found = report.portraits[0]
    assert found.group == "other"
    assert found.still.same
    assert found.parted, "she shows her teeth"
    swept = {one.measure: one for one in found.followed if one.drive == "sweeps"}
    assert set(swept) == {"aperture", "width", "lids", "brows"}
    for measure, one in swept.items():
        assert one.drawn.r > 0.97, measure
        assert one.seen.r > 0.8, measure
        assert 0.3 < one.seen.slope < 1.3, measure
    assert found.dots.r > 0.99 and 0.9 < found.dots.slope < 1.1, "the picture's mouth gets as wide as the mesh's"
    assert found.brows.picture.slope > 0.6, "the picture's brows go where the mesh goes"
    assert len(found.likeness.shapes) == 8
    assert [one.style for one in found.likeness.styles] == style_names()
    assert all(len(one.distances) == 1 for one in found.likeness.styles), "without a talk the silent face alone"
    text = (tmp_path / "out" / "table.md").read_text()
    made = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "Renderer evaluation" in made and made.count("data:image/jpeg") == 1 and "the same person" in made
    assert "sweeps: seen in the frames against meant" in text
    assert "distance from the photo by style (lightness)" in text
    assert {row["portrait"] for row in csv.DictReader((tmp_path / "out" / "identity.csv").open())} == {"astronaut"}
    rows = list(csv.DictReader((tmp_path / "out" / "followed.csv").open()))
    assert {row["measure"] for row in rows} == set(swept)
    sheet = cv2.imread(str(tmp_path / "out" / "sheet-1.png"))
    assert sheet.shape[1] == 15 * 208


def test_portraits_that_are_not_there(talkset: Path) -> None:
    with pytest.raises(UnusableInput, match="nobody"):
        evaluate_renderer(RendererEvaluation(talkset, only=("nobody",), talk=False))
    with pytest.raises(UnusableInput, match="grid-D"):
        evaluate_renderer(RendererEvaluation(talkset, only=("astronaut",)))
    with pytest.raises(UnusableInput, match="talkset"):
        evaluate_renderer(RendererEvaluation(talkset / "nowhere", talk=False))
    with pytest.raises(UnusableOutput, match=r"clips\.csv"):
        evaluate_renderer(RendererEvaluation(talkset, talkset / "clips.csv", ("astronaut",), talk=False))
