"""Self-reenactment of made-up clips: frames are brought onto each other, people kept apart, and a network learns."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from dreamtalk.cli.main import run
from dreamtalk.data.reenacted import good_frame, load_samples, onto_truth, reenact, refine_samples
from dreamtalk.errors import UnusableInput
from dreamtalk.evaluate.reenactment import (
    DRAWN,
    MOUTH,
    PLACES,
    REFINED,
    STILL,
    WARP,
    Measured,
    ReenactmentReport,
)
from dreamtalk.face import FaceModel
from dreamtalk.face.arkit import weights
from dreamtalk.face.raw import RawTrack
from dreamtalk.media import write_video
from dreamtalk.render.mesh import topology as topo
from dreamtalk.render.refine import RefineNetwork
from dreamtalk.train.place import Share
from dreamtalk.train.recipes import refine_smoke
from dreamtalk.train.refine import RefineTraining, refine_stage, train_refine
from dreamtalk.types import Float, Image

FRAMES = 8
COLUMNS = ("id", "file", "split", "kind", "dataset", "speaker", "emotion", "frames", "licence_class", "transcript")


def face(model: FaceModel, frame: int, shift: float) -> Float:
    """Landmarks (478, 3) px of a face that opens its mouth from a shut one and sways."""
    opened = model.displacement(model.from_arkit(weights(jawOpen=0.1 * frame)))
    points = (model.mean + opened) * 60.0 + (80.0 + 2.0 * np.sin(frame) + shift, 70.0, 0.0)
    irises = np.repeat((points[[33, 263]] + points[[133, 362]]) / 2, 5, axis=0)
    steps = np.array([(0, 0, 0), (4, 0, 0), (0, -4, 0), (-4, 0, 0), (0, 4, 0)] * 2)
    return np.concatenate([points, irises + steps]).astype(np.float32)


def drawing(landmarks: Float) -> Image:
    """Skin with red lips and a dark mouth."""
    image: Image = np.full((160, 160, 3), (60, 90, 60), np.uint8)
    for outline, colour in (
        (topo.OVAL, (220, 180, 150)),
        (topo.LIP_OUTER, (190, 80, 80)),
        (topo.HOLES[0], (30, 10, 10)),
        (topo.HOLES[1], (90, 120, 150)),
        (topo.HOLES[2], (90, 120, 150)),
    ):
        cv2.fillPoly(image, [np.rint(landmarks[list(outline), :2]).astype(np.int32)], colour, cv2.LINE_AA)
    return image


@pytest.fixture(scope="module")
def talkset(tmp_path_factory: pytest.TempPathFactory) -> RefineTraining:
    """A recipe whose talkset has three clean people, one of them held out, and one who is not clean."""
    root = tmp_path_factory.mktemp("talkset")
    model = FaceModel.load()
    (root / "cache" / "tracks").mkdir(parents=True)
    rows = []
    for name, shift, licence in (("a", 0.0, "clean"), ("b", 3.0, "clean"), ("c", -3.0, "clean"), ("d", 1.0, "unclear")):
        marks = np.stack([face(model, frame, shift) for frame in range(FRAMES)])
        write_video(root / f"{name}.mp4", iter([drawing(m) for m in marks]), None)
        matrix = np.tile(np.eye(4, dtype=np.float32), (FRAMES, 1, 1))
        track = RawTrack(marks, np.zeros((FRAMES, 52), np.float32), matrix, np.arange(FRAMES) != 5)
        track.write(root / "cache" / "tracks" / f"{name}.npz")
        split = "dev" if name == "c" else "train"
        rows.append((name, f"{name}.mp4", split, "av", "made", name, "neutral", FRAMES, licence, ""))
    rows.append(("b2", "b.mp4", "train", "style", "made", "held", "neutral", FRAMES, "clean", ""))
    track.write(root / "cache" / "tracks" / "b2.npz")
    with open(root / "clips.csv", "w", encoding="utf-8", newline="") as handle:
        csv.writer(handle).writerows([COLUMNS, *rows])
    return replace(refine_smoke(root), cache=root / "cache", held_out=("held",), frames=6, main_frames=6)


def track_of(talkset: RefineTraining, name: str) -> RawTrack:
    return RawTrack.read(talkset.cache / "tracks" / f"{name}.npz")


def test_the_portrait_is_the_first_calm_frame(talkset: RefineTraining) -> None:
    track = track_of(talkset, "a")
    assert good_frame(track) == 0
    late = RawTrack(track.landmarks[::-1].copy(), track.blendshapes, track.matrix, track.valid)
    assert good_frame(late) == FRAMES - 1, "the only one with a shut mouth"


def test_frames_lost_and_the_portrait_itself_are_not_reenacted(talkset: RefineTraining) -> None:
    clip = reenact(talkset.data / "a.mp4", track_of(talkset, "a"), FaceModel.load(), 99)
    assert [frame.number for frame in clip.frames] == [1, 2, 3, 4, 6, 7]


def test_a_real_frame_is_brought_onto_the_rendered_one() -> None:
    rng = np.random.default_rng(0)
    points = rng.normal(0.0, 40.0, (478, 3)).astype(np.float32)
    turn = np.array([[0.9, -0.2], [0.2, 0.9]])
    truth = points.copy()
    truth[:, :2] = points[:, :2] @ turn.T + (7.0, -3.0)
    assert np.allclose(onto_truth(points, truth), [[0.9, -0.2, 7.0], [0.2, 0.9, -3.0]], atol=1e-4)
    truth[[0, 17], :2] += 5.0
    assert np.allclose(onto_truth(points, truth, (0, 17))[:, 2], (12.0, 2.0), atol=1e-4), "moved with that region"


def test_crops_of_truth_and_drawing_show_the_same_place(talkset: RefineTraining) -> None:
    model = FaceModel.load()
    samples = refine_samples("a", reenact(talkset.data / "a.mp4", track_of(talkset, "a"), model, 6))
    assert samples is not None and samples.drawn.shape == samples.truth.shape == (6, 3, 96, 96, 3)
    eyes = np.abs(samples.drawn[:, 1:].astype(int) - samples.truth[:, 1:]).mean()
    swapped = np.abs(samples.drawn[:, 1:].astype(int) - np.roll(samples.truth[:, 1:], 12, axis=3)).mean()
    assert eyes < 0.5 * swapped
    assert (np.diff(samples.openings[:, 0]) > 0).all(), "the mouth opens from frame to frame"


def test_crops_are_kept_and_read_back_the_same(talkset: RefineTraining, tmp_path: Path) -> None:
    arguments = (talkset.data / "a.mp4", track_of(talkset, "a"), FaceModel.load(), tmp_path, 2)
    first, again = load_samples("a", *arguments), load_samples("a", *arguments)
    assert first is not None and again is not None and [p.name for p in tmp_path.iterdir()] == ["a-2.npz"]
    assert np.array_equal(first.drawn, again.drawn) and np.array_equal(first.outers[2], again.outers[2])


def test_people_held_out_dev_and_unclean_are_not_learnt_from(talkset: RefineTraining) -> None:
    assert {s.speaker for person in refine_stage(talkset)._people for s in person} == {"a", "b"}
    everybody = refine_stage(replace(talkset, clean_only=False))
    assert {s.speaker for person in everybody._people for s in person} == {"a", "b", "d"}
    one = refine_stage(replace(talkset, people=1))
    assert len(one._people) == 1
    with pytest.raises(UnusableInput, match="held out"):
        refine_stage(replace(talkset, held_out=("a", "b", "held")))


def test_a_row_depends_on_seed_and_number_alone(talkset: RefineTraining) -> None:
    stage = refine_stage(talkset)
    whole, second = stage.batch(3, Share()), stage.batch(3, Share(1, 2))
    assert torch.equal(whole.mouth.drawn[1:], second.mouth.drawn)
    assert not torch.equal(whole.mouth.drawn, stage.batch(4, Share()).mouth.drawn)


def test_it_learns_and_says_how_people_held_out_do(talkset: RefineTraining, tmp_path: Path) -> None:
    config = replace(talkset, out=tmp_path / "run", steps=30, learning_rate=4e-3, save_every=15, ema=0.9)
    file = train_refine(replace(config, tensorboard=False))
    with open(tmp_path / "run" / "held_out.csv", encoding="utf-8", newline="") as handle:
        rows = [{name: float(value) for name, value in row.items()} for row in csv.DictReader(handle)]
    assert [row["steps"] for row in rows] == [0, 15, 30]
    assert rows[0]["mouth_refined_db"] == rows[0]["mouth_drawn_db"], "untrained it is the renderer"
    assert rows[-1]["mouth_refined_db"] > rows[0]["mouth_drawn_db"] + 0.3
    train_refine(replace(config, tensorboard=False))  # there is nothing left to do
    assert len((tmp_path / "run" / "held_out.csv").read_text(encoding="utf-8").splitlines()) == 4
    again = train_refine(replace(config, out=tmp_path / "again", tensorboard=False))
    first, second = (RefineNetwork.load(each).state_dict() for each in (file, again))
    assert all(torch.equal(first[name], second[name]) for name in first), "the same seed, the same weights"


def test_gains_are_taken_clip_by_clip() -> None:
    values = [
        Measured("p", clip, row, "mouth", "PSNR", base + gain)
        for clip, base in (("x", 20.0), ("y", 40.0))
        for row, gain in ((WARP, 0.0), (DRAWN, 1.0), (REFINED, 1.5))
    ]
    report = ReenactmentReport(tuple(values), (STILL, WARP, DRAWN, REFINED), 100, 0)
    gain = report.gain("p", REFINED, DRAWN, "mouth", "PSNR")
    assert gain is not None and (gain.value, gain.low, gain.high) == (0.5, 0.5, 0.5)
    assert next(line for line in report.lines() if line[0] == "refined over warp")[1] == "+1.50 [+1.50, +1.50]"


def test_the_verb_measures_people_of_dev(talkset: RefineTraining, tmp_path: Path) -> None:
    network = tmp_path / "refine.safetensors"
    RefineNetwork(talkset.network).save(network)
    arguments = ["evaluate", "reenactment", str(talkset.data), "--cache", str(talkset.cache), "--frames", "3"]
    assert run([*arguments, "--refine", str(network), "-o", str(tmp_path / "out")]) == 0
    with open(tmp_path / "out" / "clips.csv", encoding="utf-8", newline="") as handle:
        rows = list(csv.DictReader(handle))
    assert {row["person"] for row in rows} == {"c"} and {row["place"] for row in rows} == set(PLACES)
    values = {(row["row"], row["place"], row["measure"]): row["value"] for row in rows}
    assert values[DRAWN, "mouth", "SSIM"] == values[REFINED, "mouth", "SSIM"], "untrained it is the renderer"
    assert float(values[DRAWN, "mouth", "PSNR"]) > float(values[STILL, "mouth", "PSNR"])
    assert values[MOUTH, "mouth", "SSIM"] == values[DRAWN, "mouth", "SSIM"], "the mouth is painted"
    assert values[MOUTH, "eyes", "SSIM"] == values[WARP, "eyes", "SSIM"], "the eyes are not"
    assert run([*arguments, "--speakers", "nobody"]) == 2
