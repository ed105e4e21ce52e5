"""Training of the renderer, on two made-up clips: it learns, it can be stopped, and its file draws."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from dreamtalk.cli.main import run
from dreamtalk.data.framed import load_framed
from dreamtalk.data.talkset import read_talkset
from dreamtalk.errors import UnusableInput
from dreamtalk.face import FaceModel
from dreamtalk.face.arkit import weights
from dreamtalk.media import write_video
from dreamtalk.render.pirenderer import PIRenderer, PIRendererNetwork
from dreamtalk.render.pirenderer.config import tiny
from dreamtalk.render.pirenderer.layout import layout_of
from dreamtalk.train.pairs import PairMaker
from dreamtalk.train.perceptual import PyramidLoss
from dreamtalk.train.recipes import renderer_smoke
from dreamtalk.train.renderer import RendererTraining, train_renderer
from dreamtalk.types import Float, Image

FRAMES = 12
COLUMNS = ("id", "file", "split", "kind", "dataset", "speaker", "emotion", "frames", "licence_class", "transcript")


def face(model: FaceModel, frame: int, shift: float) -> Float:
    """Landmarks (478, 3) px of a face that opens its mouth and sways."""
    opened = model.displacement(model.from_arkit(weights(jawOpen=0.5 + 0.5 * np.sin(frame))))
    points = (model.mean + opened) * 40.0 + (80.0 + 4.0 * np.cos(frame) + shift, 60.0, 0.0)
    irises = np.repeat(points[[33, 263]], 5, axis=0)
    return np.concatenate([points, irises]).astype(np.float32)


def drawing(landmarks: Float) -> Image:
    """Dots of skin on green; lips red."""
    image: Image = np.full((160, 160, 3), (40, 120, 60), np.uint8)
    for number, (x, y, _) in enumerate(landmarks):
        colour = (200, 40, 40) if number in (13, 14, 61, 291, 0, 17) else (220, 180, 150)
        cv2.circle(image, (int(x), int(y)), 3, colour, -1)
    return image


@pytest.fixture(scope="module")
def talkset(tmp_path_factory: pytest.TempPathFactory) -> RendererTraining:
    """A recipe whose talkset has two clips, tracked already."""
    root = tmp_path_factory.mktemp("talkset")
    model = FaceModel.load()
    (root / "cache" / "tracks").mkdir(parents=True)
    rows = []
    for name, shift in (("a", 0.0), ("b", 6.0)):
        marks = np.stack([face(model, frame, shift) for frame in range(FRAMES)])
        write_video(root / f"{name}.mp4", iter([drawing(m) for m in marks]), None)
        valid = np.ones(FRAMES, bool)
        valid[-1] = False
        np.savez(root / "cache" / "tracks" / f"{name}.npz", landmarks=marks, valid=valid,
                 blendshapes=np.zeros((FRAMES, 52), np.float32),
                 matrix=np.tile(np.eye(4, dtype=np.float32), (FRAMES, 1, 1)))  # fmt: skip
        rows.append((name, f"{name}.mp4", "train", "av", "made", name, "neutral", FRAMES, "clean", ""))
    with open(root / "clips.csv", "w", encoding="utf-8", newline="") as handle:
        csv.writer(handle).writerows([COLUMNS, *rows])
    return replace(renderer_smoke(root), cache=root / "cache", threads=1)


def with_out(config: RendererTraining, out: Path, **changes: object) -> RendererTraining:
    return replace(config, out=out, **changes)  # type: ignore[arg-type]


def test_pairs_are_two_frames_of_a_clip_in_both_directions(talkset: RendererTraining) -> None:
    clips = load_framed(read_talkset(talkset.data), talkset.cache, FaceModel.load(), layout_of("mesh64"), 64)
    assert [clip.rows.shape for clip in clips] == [(FRAMES, 73)] * 2
    assert all(FRAMES - 1 not in clip.usable for clip in clips), "the face was lost there"
    batch = PairMaker(clips, 27, seed=1).make(5, range(3))
    assert batch.source.shape == (6, 3, 64, 64) and batch.windows.shape == (6, 73, 27)
    assert torch.equal(batch.source[0], batch.target[1]) and torch.equal(batch.source[1], batch.target[0])
    assert not torch.equal(batch.source[0], batch.target[0])
    again, other = (PairMaker(clips, 27, seed=1).make(number, range(3)) for number in (5, 6))
    assert torch.equal(batch.windows, again.windows) and not torch.equal(batch.windows, other.windows)


def test_coefficients_follow_the_mouth_and_the_head(talkset: RendererTraining) -> None:
    model = FaceModel.load()
    clip = load_framed(read_talkset(talkset.data), talkset.cache, model, layout_of("mesh64"), 64)[0]
    frames = np.arange(FRAMES - 1)
    opening, sideways = clip.rows[frames, :64] @ model.measure("aperture"), clip.rows[frames, 67]
    assert np.corrcoef(opening, np.sin(frames))[0, 1] > 0.98
    assert np.allclose(sideways - sideways[0], 0.1 * (np.cos(frames) - 1.0), atol=0.01)
    assert np.abs(clip.rows[:, 64:67]).max() < 0.1 and np.ptp(clip.rows[:, 70:], axis=0).max() == 0.0


def test_it_learns_and_its_file_draws(talkset: RendererTraining, tmp_path: Path) -> None:
    config = with_out(talkset, tmp_path / "run", steps=40, warp_steps=20, ema=0.5, learning_rate=2e-3)
    file = train_renderer(config)
    log = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert [entry["step"] for entry in log] == [20, 40]
    assert "final" not in log[0] and "final" in log[1]
    clips = load_framed(read_talkset(talkset.data), talkset.cache, FaceModel.load(), layout_of("mesh64"), 64)
    pairs = PairMaker(clips, 27, seed=7).make(0, range(4))
    with torch.inference_mode():
        drawn = PIRendererNetwork.load(file)(pairs.source, pairs.windows).picture
    plain = pairs.target.mean(dim=(2, 3), keepdim=True).expand_as(pairs.target)
    loss = PyramidLoss()
    assert loss(drawn, pairs.target) < 0.7 * loss(plain, pairs.target), "closer than one colour"
    assert PIRenderer.load(file).layout == layout_of("mesh64")
    assert cv2.imread(str(tmp_path / "run" / "samples.png")).shape == (4 * 64, 4 * 64, 3)


def test_a_stopped_run_goes_on_as_if_it_had_not(talkset: RendererTraining, tmp_path: Path) -> None:
    whole = train_renderer(with_out(talkset, tmp_path / "whole", steps=6, warp_steps=4))
    for steps in (3, 4, 6):
        parts = train_renderer(with_out(talkset, tmp_path / "parts", steps=steps, warp_steps=4))
    states = [torch.load(file.parent / "state.pt", weights_only=True) for file in (whole, parts)]
    assert all(torch.equal(states[0]["model"][k], states[1]["model"][k]) for k in states[0]["model"])
    assert all(torch.equal(states[0]["ema"][k], states[1]["ema"][k]) for k in states[0]["ema"])


def test_dead_weights_stay_and_live_ones_move(talkset: RendererTraining, tmp_path: Path) -> None:
    states = []
    for steps in (1, 4):
        train_renderer(with_out(talkset, tmp_path / str(steps), steps=steps, warp_steps=1))
        states.append(torch.load(tmp_path / str(steps) / "state.pt", weights_only=True)["model"])
    for key in states[0]:
        dead = "editing_net" in key and (".conv1." in key or ".norm1." in key)
        assert torch.equal(states[0][key], states[1][key]) == dead, key


def test_a_dry_run_writes_no_checkpoint(
    talkset: RendererTraining, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "none"
    words = [
        "train",
        "renderer",
        str(talkset.data),
        "--recipe",
        "smoke",
        "--cache",
        str(talkset.cache),
        "--threads",
        "1",
    ]
    assert run([*words, "--out", str(out), "--dry-run"]) == 0
    shown = capsys.readouterr().out
    assert "2 clips with 22 frames" in shown and "final" in shown and not out.exists()


def test_what_cannot_be_trained_is_refused(talkset: RendererTraining, tmp_path: Path) -> None:
    with pytest.raises(UnusableInput, match="bfm64"):
        train_renderer(with_out(talkset, tmp_path, layout="bfm64"))
    with pytest.raises(UnusableInput, match="77"):
        train_renderer(with_out(talkset, tmp_path, layout="mesh64-gaze"))
    with pytest.raises(UnusableInput, match="talkset"):
        train_renderer(with_out(talkset, tmp_path, data=tmp_path))
    assert tiny(77).coefficients == 77
