"""Anybody's videos against real ones: pairs, rows, and what is said where something differs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from rich.console import Console

from dreamtalk.errors import UnusableInput
from dreamtalk.evaluate import scenes
from dreamtalk.evaluate.videos import REAL, SET, SHUFFLED, STILL, VideosEvaluation, evaluate_videos, paired
from dreamtalk.media import read_image, write_video
from dreamtalk.types import Image, Speech


def film(path: Path, portrait: Image, frames: int, sway: float, phase: float = 0.0) -> None:
    """A video of a photo that moves from side to side, with a hum."""
    height, width = portrait.shape[:2]

    def moved(i: int) -> Image:
        shift = np.float32([[1, 0, sway * np.sin(i / 3 + phase)], [0, 1, 0]])
        return np.asarray(cv2.warpAffine(portrait, shift, (width, height), borderMode=cv2.BORDER_REPLICATE))

    hum = 0.1 * np.sin(np.arange(frames * 640) / 9).astype(np.float32)
    write_video(path, (moved(i) for i in range(frames)), Speech(hum))


@pytest.fixture(scope="module")
def folders(examples: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Videos of somebody's method, and the real ones; the method's are smaller and a little longer."""
    portrait = cv2.resize(read_image(examples / "portrait.jpg"), (256, 256), interpolation=cv2.INTER_AREA)
    made, real = tmp_path_factory.mktemp("made"), tmp_path_factory.mktemp("real")
    for number, name in enumerate(("one", "two")):
        film(real / f"{name}.mp4", portrait, 12, 6.0, number)
        small = cv2.GaussianBlur(cv2.resize(portrait, (192, 192), interpolation=cv2.INTER_AREA), (0, 0), 1.5)
        film(made / f"{name}.mp4", np.asarray(small), 14, 0.0)
    (made / "three.mp4").write_bytes(b"no video")
    film(real / "three.mp4", portrait, 4, 0.0)
    return made, real


def test_every_row_is_scored_and_differences_are_said(folders: tuple[Path, Path], tmp_path: Path) -> None:
    report, figures = evaluate_videos(VideosEvaluation(*folders, name="theirs", shown=1))
    value = {key[1:]: e.value for key, e in report.estimates.items() if key[0] == SET}
    assert value[REAL, "psnr"] > 60 and value[REAL, "ssim"] == pytest.approx(1.0)
    assert value[REAL, "m_lmd"] == value[REAL, "f_lmd_normalised"] == 0.0
    assert 10 < value["theirs", "psnr"] < value[STILL, "psnr"] < 60
    assert value["theirs", "cpbd"] < 0.3 * value[REAL, "cpbd"]  # blurred
    assert value["theirs", "head_speed"] < value[REAL, "head_speed"]
    assert value[STILL, "jitter"] < 0.01
    assert (SHUFFLED, "m_lmd") in value and (SHUFFLED, "psnr") not in value
    assert report.estimates[SET, "theirs", "psnr"].clips == 2
    said = " ".join(report.notes)
    assert (
        "three, theirs, left out" in said
        and "14 frames against 12" in said
        and "192 × 192 px against 256 × 256" in said
    )
    assert [(figure.clip, figure.title) for figure in figures] == [("one", "Frames"), ("one", "Lips over the sound")]
    report.write(tmp_path, figures)
    page = (tmp_path / "report.html").read_text()
    assert page.count("data:image/jpeg") == 1 and "<polyline" in page and "three, theirs, left out" in page
    assert r"PSNR, dB & " in (tmp_path / "table.tex").read_text()
    assert "# Videos evaluation" in (tmp_path / "table.md").read_text()
    assert "three, theirs, left out" in (tmp_path / "table.md").read_text()


def test_a_second_run_looks_at_nothing_and_gives_the_same(
    folders: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = VideosEvaluation(*folders, name="theirs", shown=0, kept=tmp_path)
    first, _ = evaluate_videos(config)
    (tmp_path / "scores").rename(tmp_path / "away")
    again, _ = evaluate_videos(config)  # tracks are there, scores are not
    assert [value[:4] for value in again.values] == [value[:4] for value in first.values]
    numbers = ([value.score.value for value in report.values] for report in (first, again))
    assert np.allclose(*numbers, atol=1e-6, rtol=0, equal_nan=True)

    def never(_: str, file: Path, *__: object) -> None:
        if file.stem == "three":  # which cannot be read: a failure is not kept
            raise UnusableInput("three")
        raise AssertionError("looked at again")

    monkeypatch.setattr(scenes, "_seen", never)
    assert evaluate_videos(config)[0].estimates == again.estimates


def test_folders_without_a_common_name_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    (tmp_path / "a" / "x.mp4").touch()
    (tmp_path / "b" / "y.mp4").touch()
    with pytest.raises(UnusableInput, match="No video in"):
        paired(tmp_path / "a", tmp_path / "b")
    (tmp_path / "b" / "y.webm").touch()
    with pytest.raises(UnusableInput, match=r"y\.mp4 and y\.webm"):
        paired(tmp_path / "a", tmp_path / "b")
    with pytest.raises(UnusableInput, match="not a folder"):
        paired(tmp_path / "a", tmp_path / "none")


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"name": REAL}, "is taken"),
        ({"seconds": 0.0}, "--seconds"),
        ({"limit": 0}, "--limit"),
        ({"resamples": 0}, "--resamples"),
    ],
)
def test_what_makes_no_sense_is_refused(folders: tuple[Path, Path], changed: dict[str, Any], said: str) -> None:
    with pytest.raises(UnusableInput, match=said):
        evaluate_videos(VideosEvaluation(*folders, **changed))


def test_odd_videos_are_told_or_left_out(examples: Path, tmp_path: Path) -> None:
    """A video that fades in, has no sound and another rate; one that ends early; a method's name with signs."""
    portrait = cv2.resize(read_image(examples / "portrait.jpg"), (192, 192), interpolation=cv2.INTER_AREA)
    made, real = tmp_path / "made", tmp_path / "real"
    made.mkdir()
    real.mkdir()
    for name in ("one [1]", "two"):
        film(real / f"{name}.mp4", portrait, 14, 0.0)
    dark = [np.zeros_like(portrait)] * 6 + [portrait] * 10
    with av.open(str(made / "one [1].mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=30)
        stream.height, stream.width, stream.pix_fmt = 192, 192, "yuv420p"
        for picture in dark:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")))
        container.mux(stream.encode())
    film(made / "two.mp4", portrait, 6, 0.0)
    film(real / "three.mp4", portrait, 2, 0.0)
    report, _ = evaluate_videos(VideosEvaluation(made, real, name="a [b] | c", shown=0))
    said = " ".join(report.notes)
    assert "1 of the real videos have no counterpart" in said
    assert "two, a [b] | c, left out: 6 frames are less than half" in said
    assert (
        "one [1], a [b] | c: 30 frames per second" in said
        and "no metric of sound" in said
        and "no face in 5 of 13" in said
    )
    console = Console(record=True, width=200)
    report.show(console)
    text = console.export_text()
    assert "a [b] | c" in text and "c: 30 frames" in text
    assert r"| | a [b] \| c | still photo |" in report.markdown()
    report, _ = evaluate_videos(VideosEvaluation(real, made, shown=0))
    assert report.estimates[SET, STILL, "psnr"].value > 25  # not the dark first frame
