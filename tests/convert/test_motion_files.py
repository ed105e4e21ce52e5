"""Every kind of motion file, by its ending, from Python and from the command line."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from dreamtalk.cli.main import run
from dreamtalk.convert import MOTION_OUTPUTS, export_motion, read_motion
from dreamtalk.errors import UnusableInput, UnusableOutput
from dreamtalk.face.arkit import weights
from dreamtalk.face.model import FaceModel
from dreamtalk.options import TalkOptions
from dreamtalk.store import save_motion, save_track
from dreamtalk.talker import Talker
from dreamtalk.types import FaceTrack, Float, Motion

FRAMES = 30


def talking() -> Float:
    """(T, 64) a jaw that opens and shuts."""
    return FaceModel.load().from_arkit(np.stack([weights(jawOpen=0.3 + 0.3 * np.sin(0.6 * t)) for t in range(FRAMES)]))


@pytest.fixture(scope="module")
def motion() -> Motion:
    still = np.zeros((FRAMES, 64), np.float32)
    return Motion(talking(), still[:, :3], still[:, :3], still[:, :4])


@pytest.fixture
def file(motion: Motion, tmp_path: Path) -> Path:
    save_motion(tmp_path / "talk.npz", motion)
    return tmp_path / "talk.npz"


def test_there_and_back_from_the_command_line(file: Path, motion: Motion, tmp_path: Path) -> None:
    assert run(["export", str(file), "-o", str(tmp_path / "talk.csv")]) == 0
    assert run(["export", str(tmp_path / "talk.csv"), "-o", str(tmp_path / "back.npz")]) == 0
    jaw = FaceModel.load().measure("jaw")
    told, got = motion.expression @ jaw, read_motion(tmp_path / "back.npz").expression @ jaw
    assert np.corrcoef(told, got)[0, 1] > 0.99 and abs(float(told @ got / (told @ told)) - 1) < 0.05


def test_sixty_frames_per_second(file: Path, tmp_path: Path) -> None:
    assert run(["export", str(file), "-o", str(tmp_path / "talk.csv"), "--fps", "60"]) == 0
    rows = list(csv.DictReader((tmp_path / "talk.csv").open()))
    assert len(rows) == FRAMES * 60 // 25
    assert rows[59]["Timecode"] == "00:00:00:59.000" and rows[60]["Timecode"] == "00:00:01:00.000"
    assert max(float(row["JawOpen"]) for row in rows) > 0.4
    assert len(read_motion(tmp_path / "talk.csv")) == FRAMES


def test_a_tracked_face_is_a_motion(tmp_path: Path) -> None:
    pose = np.zeros((FRAMES, 6), np.float32)
    pose[:, 1] = 0.5 + 0.05 * np.sin(np.arange(FRAMES) / 3)
    valid = np.ones(FRAMES, bool)
    valid[10:12] = False
    rng = np.random.default_rng(0)
    noisy = talking() + rng.normal(0, 0.005, (FRAMES, 64)).astype(np.float32)
    parts = {n: np.zeros((FRAMES, *s), np.float32) for n, s in (("landmarks", (478, 3)), ("blendshapes", (52,)))}
    track = FaceTrack(
        expression=noisy, pose=pose, gaze=pose[:, :4] * 0, valid=valid, fps=25.0, face_space="mesh64", **parts
    )
    save_track(tmp_path / "track.npz", track)
    made = read_motion(tmp_path / "track.npz")
    assert np.std(made.expression - talking()) < np.std(noisy - talking())
    assert np.abs(np.median(made.rotation, axis=0)).max() < 0.01 and np.ptp(made.rotation[:, 1]) > 0.08
    export_motion(made, tmp_path / "track.csv")


def test_a_recording_drives_a_portrait(file: Path, debug_talker: Talker, examples: Path, tmp_path: Path) -> None:
    assert run(["export", str(file), "-o", str(tmp_path / "talk.csv"), "--fps", "60"]) == 0
    told = read_motion(tmp_path / "talk.csv")
    order = np.argsort(read_motion(file).expression @ FaceModel.load().measure("jaw"))[[0, 1, -1]]
    parts = {name: getattr(told, name)[order] for name in ("expression", "rotation", "translation", "gaze")}
    options = TalkOptions(size=256, badge=False, smoothing=0.0)
    frames = debug_talker.render(examples / "portrait.jpg", Motion(**parts), options)
    shut, nearly, wide = (frame.astype(float) for frame in frames)
    assert np.abs(wide - shut).mean() > 3 * np.abs(nearly - shut).mean() > 0.0


@pytest.mark.parametrize("suffix", [s for s in MOTION_OUTPUTS if s in (".mat", ".npy")])
def test_what_a_kind_cannot_hold_is_said(
    suffix: str, file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["export", str(file), "-o", str(tmp_path / f"x{suffix}")]) == 2
    assert "mesh64" in capsys.readouterr().err and not (tmp_path / f"x{suffix}").exists()


def test_wrong_names_and_options_are_said(file: Path, motion: Motion, tmp_path: Path) -> None:
    with pytest.raises(UnusableOutput, match=r"\.glb"):
        export_motion(motion, tmp_path / "x.fbx")
    with pytest.raises(UnusableInput, match="--fps"):
        export_motion(motion, tmp_path / "x.npz", fps=60)
    with pytest.raises(UnusableInput, match="head"):
        export_motion(motion, tmp_path / "x.csv", head="anny.whl")
    (tmp_path / "x.bvh").write_text("HIERARCHY")
    with pytest.raises(UnusableInput, match=r"\.csv"):
        read_motion(tmp_path / "x.bvh")
    with pytest.raises(UnusableInput, match="--input-fps"):
        read_motion(file, fps=30)
    with pytest.raises(UnusableInput, match="does not exist"):
        read_motion(tmp_path / "none.csv")
    assert run(["export", str(file), "-o", str(file)]) == 2, "never over its own input"
