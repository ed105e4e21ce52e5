"""Recordings of Live Link Face: written as the app writes them, read however they come, refused with a reason."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dreamtalk.convert.arkit import ArkitTake
from dreamtalk.convert.live_link import HEADER, NAMES, read_live_link, write_live_link
from dreamtalk.errors import DoubtfulInput, UnusableInput, UnusableOutput
from dreamtalk.face.arkit import ARKIT, ARKIT_INDEX


def take(frames: int = 70, fps: float = 25.0) -> ArkitTake:
    rng = np.random.default_rng(0)
    values = np.cumsum(rng.normal(0, 0.02, (frames, 52)), axis=0).clip(0, 1).astype(np.float32)
    return ArkitTake(values, np.cumsum(rng.normal(0, 0.005, (frames, 3)), axis=0).astype(np.float32), fps)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    write_live_link(tmp_path / "x.csv", take())
    return tmp_path / "x.csv"


def edited(file: Path, *changes: tuple[str, str]) -> Path:
    text = file.read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    file.write_text(text)
    return file


def test_the_header_is_the_apps_own(file: Path) -> None:
    """As in a file of the app: BlendshapeCount with a small s, JawRight before JawLeft, MouthRight before MouthLeft."""
    first, row = file.read_text().splitlines()[:2]
    names = first.split(",")
    assert names[:4] == ["Timecode", "BlendshapeCount", "EyeBlinkLeft", "EyeLookDownLeft"]
    assert names[16:20] == ["JawForward", "JawRight", "JawLeft", "JawOpen"]
    assert names[53:57] == ["TongueOut", "HeadYaw", "HeadPitch", "HeadRoll"] and names[-1] == "RightEyeRoll"
    assert len(names) == len(row.split(",")) == len(HEADER) == 63
    assert {name[0].lower() + name[1:] for name in NAMES} == set(ARKIT)
    assert row.startswith("00:00:00:00.000,61,")


def test_what_is_written_is_read(file: Path) -> None:
    found = read_live_link(file)
    assert found.fps == 25.0
    np.testing.assert_allclose(found.weights, take().weights, atol=1e-6)
    np.testing.assert_allclose(found.rotation, take().rotation, atol=1e-6)


def test_columns_go_by_name(tmp_path: Path) -> None:
    rows = [["00:00:01:00", "61"], ["00:00:01:30", "61"], ["00:00:02:00", "61"]]
    rows = [row + ["0.5" if n == "JawOpen" else "0.2" if n == "HeadYaw" else "0" for n in HEADER[2:]] for row in rows]
    order = [0, 1, *np.random.default_rng(0).permutation(range(2, len(HEADER)))]
    lines = [",".join(row[i] for i in order) for row in [[name.upper() for name in HEADER], *rows]]
    (tmp_path / "x.csv").write_text("\ufeff" + "\r\n".join(lines) + "\r\n")
    found = read_live_link(tmp_path / "x.csv", fps=60)
    assert found.fps == 60 and len(found.weights) == 61
    assert np.allclose(found.weights[:, ARKIT_INDEX["jawOpen"]], 0.5) and found.weights.sum() == 30.5
    assert np.allclose(found.rotation[:, 1], -0.2), "to the person's left is to the picture's right"


@pytest.mark.parametrize("fps", [24, 30, 60])
def test_the_rate_shows_in_the_timecodes(fps: int, tmp_path: Path) -> None:
    write_live_link(tmp_path / "x.csv", take(frames=2 * fps, fps=float(fps)))
    found = read_live_link(tmp_path / "x.csv")
    assert found.fps == fps and len(found.weights) == 2 * fps


def test_lost_rows_and_dropped_frames_are_bridged(file: Path) -> None:
    lines = file.read_text().splitlines()
    lines[10] = lines[10].split(",")[0] + ",0" + "," * 61
    del lines[30:33]
    file.write_text("\n".join(lines))
    found = read_live_link(file).weights
    assert len(found) == 70 and np.isfinite(found).all()
    np.testing.assert_allclose(found[9], (take().weights[8] + take().weights[10]) / 2, atol=0.02)


def test_recorded_over_midnight(file: Path) -> None:
    lines = file.read_text().splitlines()
    for second, late in enumerate(("23:59:58", "23:59:59", "00:00:00")):
        lines = [line.replace(f"00:00:0{second}:", f"{late}:", 1) for line in lines]
    file.write_text("\n".join(lines))
    np.testing.assert_allclose(read_live_link(file).weights, take().weights, atol=1e-6)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("Timecode", "Time"), "names no Timecode"),
        (("JawOpen,MouthClose", "Jaw,Mouth"), "lacks JawOpen, MouthClose"),
        (("00:00:01:03.000,61,0", "00:00:01:03.000,61,x0"), "line 30 holds 'x0"),
        (("00:00:01:03.000", "later"), "'later' is no timecode"),
        (("00:00:01:03.000,61,", "00:00:01:03.000,61,55"), "weights like 55"),
        (("00:00:01:03.000", "00:00:01:990"), "frame 990, which 240 per second"),
        (("00:00:01:03.000", "9999:00:01:03"), "is no timecode"),
        (("00:00:00:00.000", "01:00:00:00.000"), "jump back"),
        (("00:00:02:19.000", "22:00:02:19.000"), "lasts 22.0 hours"),
    ],
)
def test_what_is_wrong_is_said(file: Path, change: tuple[str, str], message: str) -> None:
    with pytest.raises((UnusableInput, DoubtfulInput), match=message), warnings.catch_warnings():
        warnings.simplefilter("error")
        read_live_link(edited(file, change))


def test_angles_in_degrees_are_refused(tmp_path: Path) -> None:
    degrees = replace(take(), rotation=take().rotation + np.float32(30.0))
    write_live_link(tmp_path / "x.csv", degrees)
    with pytest.raises(UnusableInput, match=r"angles like -?30.*radians"):
        read_live_link(tmp_path / "x.csv")


def test_a_rate_that_the_timecodes_contradict(tmp_path: Path) -> None:
    write_live_link(tmp_path / "x.csv", take(frames=90, fps=60.0))
    with pytest.raises(UnusableInput, match="frame 59, which 25 per second"):
        read_live_link(tmp_path / "x.csv", fps=25)


def test_rows_of_the_same_time_count_once(file: Path) -> None:
    header, *rows = file.read_text().splitlines()
    file.write_text("\n".join([header, *(row for row in rows for _ in range(2))]))
    np.testing.assert_allclose(read_live_link(file).weights, take().weights, atol=1e-6)


def test_a_spreadsheets_semicolons_and_commas(file: Path) -> None:
    header, *rows = file.read_text().splitlines()
    cells = [row.split(",") for row in rows]
    lines = [";".join([row[0], *(cell.replace(".", ",") for cell in row[1:])]) for row in cells]
    file.write_text("\n".join([header.replace(",", ";"), *lines]))
    np.testing.assert_allclose(read_live_link(file).weights, take().weights, atol=1e-6)


def test_a_face_that_is_often_lost(file: Path) -> None:
    header, *rows = file.read_text().splitlines()

    def lost(every: int) -> None:
        kept = [row if n % every else row.split(",")[0] + ",0" + "," * 61 for n, row in enumerate(rows)]
        file.write_text("\n".join([header, *kept]))

    lost(4)
    with pytest.warns(DoubtfulInput, match="lost in 26%"):
        assert len(read_live_link(file).weights) == 70
    lost(1)
    with pytest.raises(UnusableInput, match="no row with a face"):
        read_live_link(file)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "empty"),
        (b"\xff\xfe\x00\x01" * 40, "not a table"),
        (b"a,b\n1,2\n", "not a recording"),
        (",".join(HEADER).encode(), "no rows"),
        (",".join(HEADER).encode() + b"\n00:00:00:00,0" + b"," * 61, "no row with a face"),
    ],
)
def test_other_files_are_refused(content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_bytes(content)
    with pytest.raises(UnusableInput, match=message):
        read_live_link(tmp_path / "x.csv")


def test_rates_and_names_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(UnusableInput, match=r"29\.97"):
        write_live_link(tmp_path / "x.csv", take(fps=29.97))
    with pytest.raises(UnusableOutput, match=r"\.csv"):
        write_live_link(tmp_path / "x.txt", take())
    assert not list(tmp_path.iterdir())
