"""Training the face model: the same bytes again, and nothing from rows that may not be learned from."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from dreamtalk.errors import UnusableInput
from dreamtalk.face.align import ALL_POINTS, FACE_POINTS
from dreamtalk.face.arkit import ARKIT_INDEX
from dreamtalk.face.model import FaceModel
from dreamtalk.face.raw import nearest_valid
from dreamtalk.train.face_basis import mirrored, random_actions, upper_mask
from dreamtalk.train.face_model import FaceModelConfig, train_face_model, write_coefficients

FIELDS = ("id", "split", "kind", "dataset", "speaker", "emotion", "licence_class")
ROWS = (
    ("a1", "train", "av", "GRID", "a", "neutral", "clean"),
    ("b1", "train", "av", "GRID", "b", "neutral", "clean"),
    ("c1", "dev", "av", "GRID", "c", "neutral", "clean"),
    ("m1", "train", "style", "MEAD", "m", "neutral", "research"),
    ("m2", "train", "style", "MEAD", "m", "happy", "research"),
)


def write_talkset(folder: Path, research_seed: int) -> FaceModelConfig:
    """Made-up people acting at random; those who may not be learned from depend on the seed."""
    model = FaceModel.load()
    with (folder / "clips.csv").open("w", newline="") as file:
        csv.writer(file).writerows([FIELDS, *ROWS])
    for number, row in enumerate(ROWS):
        clean = row[6] == "clean" and row[1] == "train"
        rng = np.random.default_rng(number if clean else 100 * research_seed + number)
        identity = (0.5 * rng.normal(size=32) * model.identity_std).astype(np.float32)
        acted = 0.6 * random_actions(40, rng)
        faces = np.zeros((40, ALL_POINTS, 3), dtype=np.float32)
        faces[:, :FACE_POINTS] = model.face(identity, model.from_arkit(acted))
        faces[:, FACE_POINTS:] = model.mean[33]
        scores = np.concatenate([np.zeros((40, 1)), acted[:, :-1]], axis=1).astype(np.float32)
        valid = np.ones(40, dtype=bool)
        faces[7], valid[7] = np.nan, False
        np.savez(folder / f"{row[0]}.npz", landmarks=100 * faces + 200, blendshapes=scores, valid=valid, fps=25.0)
    return FaceModelConfig(
        clips=folder / "clips.csv", tracks=folder, out=folder / "model.safetensors", frames=30, combinations=200
    )


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[FaceModelConfig, FaceModelConfig, str]:
    first, second = (write_talkset(tmp_path_factory.mktemp(f"talkset{seed}"), seed) for seed in (1, 2))
    report = train_face_model(first)
    train_face_model(second)
    return first, second, report.table()


def test_the_same_clean_clips_give_the_same_bytes_whatever_the_others_show(
    trained: tuple[FaceModelConfig, FaceModelConfig, str],
) -> None:
    first, second, _ = trained
    assert (first.tracks / "m2.npz").read_bytes() != (second.tracks / "m2.npz").read_bytes()
    assert first.out.read_bytes() == second.out.read_bytes()


def test_a_trained_model_works_and_its_record_names_only_clean_training_clips(
    trained: tuple[FaceModelConfig, FaceModelConfig, str],
) -> None:
    first, _, table = trained
    model = FaceModel.read(first.out)
    blink = np.zeros(52, dtype=np.float32)
    blink[ARKIT_INDEX["eyeBlinkLeft"]] = 1
    assert model.lid_closure(model.from_arkit(blink))[1] > 0.9
    record = first.out.with_suffix(".json").read_text(encoding="utf-8")
    assert '"a1"' in record
    assert '"m1"' not in record
    assert '"c1"' not in record
    assert "MEAD, train rows" in table


def test_every_tracked_clip_gets_coefficients_also_where_the_face_was_lost(
    trained: tuple[FaceModelConfig, FaceModelConfig, str], tmp_path: Path
) -> None:
    first, _, _ = trained
    assert write_coefficients(FaceModel.read(first.out), first.clips, first.tracks, tmp_path) == len(ROWS)
    with np.load(tmp_path / "m2.npz") as fitted, np.load(tmp_path / "m1.npz") as calm:
        assert fitted["expression"].shape == (40, 64)
        assert np.isfinite(fitted["expression"]).all()
        assert not fitted["valid"][7]
        assert np.array_equal(fitted["neutral"], calm["neutral"])  # a MEAD speaker rests in the neutral clip


def test_without_clean_clips_there_is_nothing_to_learn_from(tmp_path: Path) -> None:
    config = write_talkset(tmp_path, 1)
    for name in ("a1", "b1"):
        (tmp_path / f"{name}.npz").unlink()
    with pytest.raises(UnusableInput, match="No tracked clip"):
        train_face_model(config)


def test_a_lost_frame_takes_the_nearest_one() -> None:
    assert nearest_valid(np.array([False, True, False, False, True])).tolist() == [1, 1, 1, 4, 4]


def test_a_mirror_swaps_sides_and_undoes_itself() -> None:
    model = FaceModel.load()
    left = model.displacement(model.arkit_write[:, ARKIT_INDEX["mouthSmileLeft"]])
    right = model.displacement(model.arkit_write[:, ARKIT_INDEX["mouthSmileRight"]])
    assert np.abs(mirrored(left) - right).max() < 0.02
    assert np.allclose(mirrored(mirrored(left)), left)


def test_the_upper_face_ends_between_eyes_and_mouth() -> None:
    mask = upper_mask(FaceModel.load().mean)
    assert mask[[159, 145, 105, 10]].tolist() == [1, 1, 1, 1]  # lids, brow, forehead
    assert mask[[13, 14, 61, 152, 98]].tolist() == [0, 0, 0, 0, 0]  # lips, chin, nose wing
    assert ((mask > 0) & (mask < 1)).sum() > 20  # a seam, not a cut
