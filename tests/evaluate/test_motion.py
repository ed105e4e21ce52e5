"""The protocol as a whole, on made-up clips that speak through the shipped face model."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from dreamtalk.errors import UnusableInput, UnusableOutput
from dreamtalk.evaluate import MotionEvaluation, Remembering, Report, evaluate_motion
from dreamtalk.evaluate.clips import (
    GRID_UNSEEN,
    OTHER_RAW,
    SAMPLES_PER_FRAME,
    Clip,
    load_clips,
    trusted_lags,
)
from dreamtalk.evaluate.motion import METRICS, plain
from dreamtalk.evaluate.mouth import moved_mouth
from dreamtalk.face.align import canonical_face
from dreamtalk.face.arkit import weights
from dreamtalk.face.model import FaceModel
from dreamtalk.types import Float, Speech, SpeechFeatures

TALKSET = Path(__file__).parents[3] / "shared" / "talkset"
FRAMES = 100


@pytest.fixture(scope="module")
def face() -> FaceModel:
    return FaceModel.load()


def loudness(samples: Float) -> Float:
    return np.abs(samples.reshape(-1, SAMPLES_PER_FRAME)).max(axis=1)


def open_jaw(face: FaceModel, amount: Float) -> Float:
    """Expression (T, 64) of a jaw that is open by `amount` (T,)."""
    return np.asarray(amount[:, None] * face.from_arkit(weights(jawOpen=1.0)), dtype=np.float32)


def clip(face: FaceModel, name: str, group: str, seed: int) -> Clip:
    """Somebody whose jaw opens as their voice gets louder."""
    rng = np.random.default_rng(seed)
    neutral = np.concatenate([canonical_face(), np.zeros((10, 3), dtype=np.float32)])
    neutral[[87, 14, 317], 1] += 0.005 - neutral[[87, 14, 317], 1] + neutral[[82, 13, 312], 1]
    level = np.clip(np.convolve(rng.normal(size=FRAMES + 4), np.ones(5) / 2, "valid"), 0, 1)
    samples = (0.5 * np.repeat(level, SAMPLES_PER_FRAME)).astype(np.float32)
    expression = open_jaw(face, loudness(samples))
    valid = np.ones(FRAMES, dtype=np.bool_)
    mouth = moved_mouth(face, neutral, expression)
    return Clip(name, group, name, samples, neutral, neutral, expression, mouth, valid)


def hear(speech: Speech) -> SpeechFeatures:
    return SpeechFeatures(np.repeat(loudness(speech.samples), 2)[:, None], "loudness")


@pytest.fixture(scope="module")
def report(face: FaceModel, tmp_path_factory: pytest.TempPathFactory) -> tuple[Report, Path]:
    """A model that hears loudness and opens the jaw, half as wide as real."""
    out = tmp_path_factory.mktemp("evaluation")
    clips = [clip(face, f"clip{i}", GRID_UNSEEN if i < 4 else OTHER_RAW, i) for i in range(7)]
    made = evaluate_motion(
        MotionEvaluation(dataset=Path("nowhere"), out=out / "new" / "folder", resamples=50),
        generate=lambda features, speech: open_jaw(face, 0.5 * features.values[::2, 0]),
        face=face,
        encode=hear,
        clips=clips,
        mean=open_jaw(face, np.array([0.2]))[0],
    )
    return made, out / "new" / "folder"


def value(report: Report, row: str, metric: str, name: str = GRID_UNSEEN) -> float:
    return report.estimates[name, row, metric].value


def test_a_model_that_listens_beats_one_that_hears_something_else(report: tuple[Report, Path]) -> None:
    found = report[0]
    assert value(found, "ours", "aperture_correlation") > 0.99
    assert value(found, "shuffled audio", "aperture_correlation") < 0.5
    assert value(found, "real", "lip_error") == pytest.approx(0, abs=1e-4)
    assert 0 < value(found, "ours", "lip_error_centred") < value(found, "shuffled audio", "lip_error_centred")
    assert value(found, "ours", "offset") == 0
    assert ("GRID s1", "ours", "aperture_correlation") not in found.estimates, "an empty set has no row"


def test_somebody_elses_motion_is_the_level_of_chance(report: tuple[Report, Path]) -> None:
    assert abs(value(report[0], "another clip", "aperture_correlation")) < 0.5
    assert value(report[0], "another clip", "lip_error") > 0


def test_a_face_that_does_not_move_has_errors_but_no_correlation(report: tuple[Report, Path]) -> None:
    found = report[0]
    assert (GRID_UNSEEN, "mean motion", "aperture_correlation") not in found.estimates
    assert value(found, "mean motion", "lip_error") > 0


def test_silence_is_heard_as_silence(report: tuple[Report, Path]) -> None:
    found = report[0]
    assert value(found, "ours", "silence_aperture") == pytest.approx(0.5, abs=0.05)
    assert value(found, "mean motion", "silence_aperture") > 2


def test_the_report_is_written_for_people_and_programs(report: tuple[Report, Path]) -> None:
    found, folder = report
    table = (folder / "table.md").read_text(encoding="utf-8")
    assert GRID_UNSEEN in table and "Pitfalls" in table and all(m.title in table for m in METRICS)
    facts = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    assert facts["results"][GRID_UNSEEN]["ours"]["aperture_correlation"]["clips"] == 4
    assert facts["versions"]["numpy"] == np.__version__
    assert facts["config"]["dataset"] == "nowhere"
    with (folder / "clips.csv").open(newline="", encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    assert len(rows) == len(found.values) == 7 * 5 * len(METRICS)
    assert len((folder / "metrics.csv").read_text(encoding="utf-8").splitlines()) == 1 + len(found.estimates)


def test_a_folder_that_cannot_be_written_is_named(report: tuple[Report, Path], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UnusableOutput, match="file"):
        report[0].write(tmp_path / "file" / "below")


def test_a_missing_data_set_is_named(face: FaceModel, tmp_path: Path) -> None:
    with pytest.raises(UnusableInput, match=r"clips\.csv"):
        load_clips(tmp_path, None, face)


@pytest.mark.parametrize(
    ("number", "message"),
    [
        ({"steps": 2000}, "--steps must be from 1 to 1000, not 2000"),
        ({"steps": 0}, "--steps must be from 1 to 1000"),
        ({"resamples": 0}, "--resamples must be at least 1"),
        ({"limit": 0}, "--limit must be at least 1"),
        ({"seed": -1}, "--seed must be at least 0"),
        ({"intensity": -1.0}, "--intensity must be 0 or more"),
    ],
)
def test_numbers_out_of_range_are_refused_before_the_work(
    number: dict[str, float], message: str, tmp_path: Path
) -> None:
    with pytest.raises(UnusableInput, match=message):
        evaluate_motion(MotionEvaluation(dataset=tmp_path / "none", **number))  # type: ignore[arg-type]


def test_a_model_is_called_by_its_file_unless_it_has_a_label() -> None:
    def called(model: str | None, label: str | None = None) -> object:
        return plain(MotionEvaluation(Path("any"), model=Path(model) if model else None, label=label))["label"]

    assert called("runs/x/best.safetensors") == "best.safetensors" and called(None) == "shipped model"
    assert called("runs/x/best.safetensors", "w/o expert") == "w/o expert"


def test_speech_is_encoded_once() -> None:
    calls = []

    def encode(speech: Speech) -> SpeechFeatures:
        calls.append(speech)
        return hear(speech)

    twice = Remembering(encode)
    speech = Speech(np.ones(SAMPLES_PER_FRAME, dtype=np.float32))
    assert twice(speech) is twice(Speech(speech.samples.copy()))
    assert len(calls) == 1


@pytest.mark.skipif(not TALKSET.is_dir(), reason="needs ../shared/talkset")
def test_only_believable_lags_are_applied() -> None:
    lags = trusted_lags(TALKSET)
    assert lags["styletalk-obama-3"] == pytest.approx(-4.01)
    assert "grid-D-bbae7n" not in lags, "no better than without it"
    assert "latentsync-2" not in lags, "too poor a fit"
