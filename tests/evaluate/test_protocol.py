"""The protocol's whole line on a tiny data set: made, scored, stopped, gone on, in several processes."""

from __future__ import annotations

import pickle
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.data.videos import sound, talking, write, write_sound

from dreamtalk.data.held_out import HeldOut, held_out
from dreamtalk.errors import DreamTalkError, UnusableInput
from dreamtalk.evaluate import protocol, protocol_make, scenes
from dreamtalk.evaluate.protocol import ProtocolEvaluation, evaluate_protocol
from dreamtalk.evaluate.protocol_make import parse_method
from dreamtalk.evaluate.report import Report
from dreamtalk.evaluate.scenes import AS_CAME, MANNER, REAL, SHUFFLED, STILL, moved
from dreamtalk.types import VIDEO_FPS
from dreamtalk.workers import connect, in_worker, ray_is_installed

SECONDS = 0.8


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two people, one calm and one who smiles, the second's sound in a file of its own, as MEAD has it."""
    folder = tmp_path_factory.mktemp("set")
    write(folder / "anna.mp4", talking(SECONDS), sound(SECONDS))
    write(folder / "ben.mp4", talking(SECONDS, smile=0.6), None)
    write_sound(folder / "ben.wav", sound(SECONDS, 0.2))
    (folder / "clips.csv").write_text("id,speaker,emotion\nanna,anna,neutral\nben,ben,happy\n")
    return folder


def chosen(root: Path, out: Path, **more: Any) -> ProtocolEvaluation:
    return ProtocolEvaluation("folder", root, out, shown=1, **more)


@pytest.fixture(scope="module")
def first(root: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Report]:
    """A run in one go: its folder and report."""
    out = tmp_path_factory.mktemp("first")
    return out, evaluate_protocol(chosen(root, out))[0]


def numbers(report: Report) -> dict[tuple[str, ...], float]:
    return {tuple(value[:4]): value.score.value for value in report.values}


def same(a: Report, b: Report) -> bool:
    """To 1e-6, as the project asks; nan is the same as nan."""
    left, right = numbers(a), numbers(b)
    assert left.keys() == right.keys()
    return np.allclose([left[key] for key in left], [right[key] for key in left], atol=1e-6, rtol=0, equal_nan=True)


def test_every_table_has_its_rows(first: tuple[Path, Report]) -> None:
    out, report = first
    assert report.sets == (
        "all clips",
        "cross-ID: style of another person",
        "cross-ID: portrait of another person",
        "cross-ID: emotions of another person",
    )
    assert report.rows == ("ours", STILL, REAL, MANNER, SHUFFLED)
    found = {(where, row): {v.metric for v in report.values if v.set == where and v.row == row} for where in report.sets
             for row in report.rows}  # fmt: skip
    own, face = found[report.sets[0], "ours"], found[report.sets[2], "ours"]
    assert {"psnr", "m_lmd", "aperture_with_real", "jitter", "beat_alignment"} <= own
    assert "psnr" not in face and "m_lmd" not in face and "aperture_with_real" in face
    assert "psnr" not in found[report.sets[0], SHUFFLED] and "m_lmd" in found[report.sets[0], SHUFFLED]
    assert all("jitter" in found[where, REAL] for where in report.sets)
    assert report.estimates["all clips", REAL, "ssim"].value == pytest.approx(1.0)
    assert {"weights", "versions", "config"} <= report.facts.keys()
    assert (out / "inputs" / "ben.png").is_file() and (out / "inputs" / "ben.wav").is_file()


def test_a_second_run_makes_and_scores_nothing(
    root: Path, first: tuple[Path, Report], monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object) -> None:
        raise AssertionError("made again")

    monkeypatch.setattr(protocol_make, "_talker", never)
    monkeypatch.setattr(scenes, "_seen", never)
    monkeypatch.setattr(protocol, "figures_of", lambda *_: [])
    again, _ = evaluate_protocol(chosen(root, first[0]))
    assert numbers(again) == pytest.approx(numbers(first[1]), abs=0, nan_ok=True)


def test_what_was_stopped_goes_on_and_ends_the_same(root: Path, first: tuple[Path, Report], tmp_path: Path) -> None:
    """As after kill -9: half of the scores are not there, one is half a file, one video lacks its stamp."""
    out = tmp_path / "out"
    shutil.copytree(first[0], out)
    kept = sorted((out / "kept" / "scores").glob("*.json"))
    for file in kept[::2]:
        file.unlink()
    kept[1].write_text('{"scores": {"psnr": [3')
    (out / "videos" / "ours" / "same" / "anna.json").unlink()
    assert same(evaluate_protocol(chosen(root, out))[0], first[1])


def test_another_version_of_a_video_is_scored_again(root: Path, first: tuple[Path, Report], tmp_path: Path) -> None:
    theirs, out = tmp_path / "theirs", tmp_path / "out"
    theirs.mkdir()
    shutil.copytree(first[0], out)
    for name in ("anna", "ben"):
        shutil.copy(first[0] / "videos" / "ours" / "same" / f"{name}.mp4", theirs)
    report, figures = evaluate_protocol(chosen(root, out, cross=(), videos=(f"theirs={theirs}",)))
    assert report.rows == ("ours", "theirs", STILL, REAL, SHUFFLED)
    assert report.estimates["all clips", "theirs", "psnr"] == report.estimates["all clips", "ours", "psnr"]
    assert len(figures) == 2 and "theirs" in figures[0].text
    shutil.copy(root / "anna.mp4", theirs / "anna.mp4")
    (theirs / "ben.mp4").unlink()
    report, _ = evaluate_protocol(chosen(root, out, cross=(), videos=(f"theirs={theirs}",)))
    assert report.estimates["all clips", "theirs", "psnr"].value > 60
    assert report.clips("all clips") == 1 and any("theirs lacks 1 of 2 clips" in note for note in report.notes)


@pytest.fixture
def local_ray() -> Iterator[None]:
    """Ray with two processes on this machine."""
    if not ray_is_installed():
        pytest.skip("Ray is not installed (pip install 'dreamtalk[batch]')")
    try:
        connect(2, None)
    except DreamTalkError as error:
        pytest.skip(f"Ray does not start here: {error}")
    yield
    import ray

    ray.shutdown()


def test_two_processes_give_the_same_numbers(
    root: Path, first: tuple[Path, Report], tmp_path: Path, local_ray: None
) -> None:
    report, _ = evaluate_protocol(chosen(root, tmp_path / "out", cross=("style",), workers=2))
    expected = {key: value for key, value in numbers(first[1]).items() if key[0] in report.sets}
    assert numbers(report) == pytest.approx(expected, rel=1e-5, abs=1e-6, nan_ok=True)  # float32 networks


def test_what_workers_are_handed_travels_and_gives_the_same(
    root: Path, first: tuple[Path, Report], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As Ray does it, without Ray: work, items and results are pickled on their way."""

    def by_pickle(work: Any, items: Any, workers: int, marks: Path, address: None) -> Iterator[tuple[int, Any]]:
        marks.mkdir(parents=True, exist_ok=True)
        for number in reversed(range(len(items))):
            row = in_worker({"number": number, "item": pickle.dumps(items[number])}, pickle.dumps(work), str(marks))
            yield row["number"], pickle.loads(row["result"])

    monkeypatch.setattr(scenes, "run_all", by_pickle)
    out = tmp_path / "out"
    shutil.copytree(first[0], out)
    shutil.rmtree(out / "kept" / "scores")
    assert same(evaluate_protocol(chosen(root, out))[0], first[1])


def test_a_sound_out_of_step_is_put_right_and_the_old_one_is_a_row(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    late = tmp_path / "late"
    late.mkdir()
    whole = sound(SECONDS)
    write(late / "anna.mp4", talking(SECONDS), np.concatenate([np.zeros(4 * 640, np.float32), whole[: -4 * 640]]))
    tests = held_out("folder", late)
    known = HeldOut((replace(tests.clips[0], lag_frames=-4.0),), groups=((tests.clips[0].id, "some"),))
    monkeypatch.setattr(protocol, "held_out", lambda *_: known)
    report, figures = evaluate_protocol(chosen(late, tmp_path / "out"))
    assert report.rows == ("ours", STILL, REAL, AS_CAME)
    assert report.sets == ("all clips", "some") and {figure.sets for figure in figures} == {report.sets}
    assert report.estimates["some", "ours", "m_lmd"] == report.estimates["all clips", "ours", "m_lmd"]
    assert (
        report.estimates["all clips", AS_CAME, "beat_alignment"]
        != report.estimates["all clips", REAL, "beat_alignment"]
    )


def test_what_was_being_made_when_a_run_was_killed_is_not_believed(
    root: Path, first: tuple[Path, Report], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed after the video of other options was written, before its stamp: the old stamp must be gone by then."""
    out = tmp_path / "out"
    shutil.copytree(first[0], out)
    stamps = [out / "videos" / "ours" / "same" / "anna.json", out / "inputs" / "anna.json"]
    with monkeypatch.context() as patch:
        patch.setattr(protocol_make, "_write", killed)
        with pytest.raises(KeyboardInterrupt):
            evaluate_protocol(chosen(root, out, cross=(), methods=("ours:intensity=2",)))
        assert not stamps[0].exists() and stamps[1].exists()
        with pytest.raises(KeyboardInterrupt):
            evaluate_protocol(chosen(root, out, cross=(), seconds=0.4))
        assert not stamps[1].exists()


def killed(*_: object) -> None:
    raise KeyboardInterrupt


def test_sound_is_moved_by_frames() -> None:
    step = 16_000 // VIDEO_FPS
    samples = np.arange(1, 5 * step + 1, dtype=np.float32)
    assert (moved(samples, -2.0)[: 3 * step] == samples[2 * step :]).all() and not moved(samples, -2.0)[
        3 * step :
    ].any()
    assert (moved(samples, 1.5)[3 * step // 2 :] == samples[: -3 * step // 2]).all()
    assert len(moved(samples, 9.0)) == len(moved(samples, -9.0)) == len(samples)


def test_methods_are_read_from_text() -> None:
    made = parse_method("calm:intensity=0.5,pose=real,style=happy:2")
    assert (made.name, made.options.intensity, made.options.style, made.real_pose) == ("calm", 0.5, "happy:2", True)
    assert not made.options.badge and made.own_style and not parse_method("ours").own_style
    assert parse_method("no style:style=neutral").own_style, "the default, but asked for"
    for wrong in ("", ":intensity=1", "x:", "x:intensity", "x:colour=red", "x:motion_weights=/none.safetensors"):
        with pytest.raises(UnusableInput):
            parse_method(wrong)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"methods": ("ours", "ours:intensity=2")}, "more than one row 'ours'"),
        ({"methods": (f"{REAL}:intensity=2",)}, "more than one row"),
        ({"methods": ("no style:style=neutral", "no-style:style=sad")}, "kept in the folder 'no-style'"),
        ({"methods": ()}, "at least one"),
        ({"videos": ("SadTalker",)}, "NAME=FOLDER"),
        ({"cross_clips": 0}, "--cross-clips"),
        ({"seconds": 0.0}, "--seconds"),
        ({"workers": -1}, "--workers"),
    ],
)
def test_what_makes_no_sense_is_refused(root: Path, tmp_path: Path, changed: dict[str, Any], said: str) -> None:
    with pytest.raises(UnusableInput, match=said):
        evaluate_protocol(chosen(root, tmp_path, **changed))
