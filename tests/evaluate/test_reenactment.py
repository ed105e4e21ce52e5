"""Self-reenactment: landmarks of rendered frames beside the real ones, and which half of the face is painted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dreamtalk.data.reenacted import reenact
from dreamtalk.data.talkset import Clip
from dreamtalk.evaluate.reenactment import DRAWN, REAL, RIGID, STILL, WARP, Measured, ReenactmentReport, measured
from dreamtalk.evaluate.reenactment import MOUTH as MOUTH_ROW
from dreamtalk.face import FaceModel, FaceTracker
from dreamtalk.face.arkit import weights
from dreamtalk.face.raw import stack_faces
from dreamtalk.face.video import track_picture
from dreamtalk.media import read_frames, read_image, write_video
from dreamtalk.render import MeshRenderer


@pytest.fixture(scope="module")
def opening(tmp_path_factory: pytest.TempPathFactory) -> list[Measured]:
    """The numbers of a clip in which the astronaut's mouth opens and her eyes shut, made by the renderer itself."""
    file = tmp_path_factory.mktemp("clip") / "a.mp4"
    model, tracker = FaceModel.load(), FaceTracker.load()
    portrait = track_picture(read_image(Path(__file__).parents[2] / "examples" / "portrait.jpg"), tracker, model)
    animator = MeshRenderer(model).prepare(portrait, 256)
    moved, none = model.from_arkit(weights(jawOpen=0.8, eyeBlink=0.5)), np.zeros(3, np.float32)
    frames = [animator.frame(share * moved, none, none, np.zeros(4, np.float32)) for share in (0.0, 0.5, 1.0)]
    write_video(file, iter(frames), None)
    track = stack_faces(tracker.track_frames(read_frames(file)))
    clip = Clip("a", file, "dev", "av", "", "a", "", 3, "clean", "", 0.0, 0.0, 0.0)
    return measured(clip, reenact(file, track, model, 9), None, tracker)


def value(found: list[Measured], row: str, place: str, measure: str) -> float:
    return next(v.value for v in found if (v.row, v.place, v.measure) == (row, place, measure))


def test_lips_are_found_where_the_real_ones_are(opening: list[Measured]) -> None:
    error = {row: value(opening, row, "mouth", "landmarks") for row in (STILL, RIGID, WARP, DRAWN, REAL)}
    assert error[STILL] > 3.0, "a mouth that stays shut is % iod away from one that opens"
    assert error[DRAWN] < 0.5 * error[STILL]
    assert error[REAL] < 0.5 * error[STILL], "the tracker finds the real frame's own landmarks again"
    assert error[RIGID] > 2.0 * error[DRAWN]


def test_the_row_with_a_mouth_has_the_eyes_of_the_warp(opening: list[Measured]) -> None:
    for measure in ("PSNR", "SSIM"):
        assert value(opening, MOUTH_ROW, "mouth", measure) == value(opening, DRAWN, "mouth", measure)
        assert value(opening, MOUTH_ROW, "eyes", measure) == value(opening, WARP, "eyes", measure)
        assert value(opening, WARP, "eyes", measure) != value(opening, DRAWN, "eyes", measure)
        assert value(opening, WARP, "mouth", measure) != value(opening, DRAWN, "mouth", measure)


def test_the_table_shows_what_the_tracker_adds(opening: list[Measured]) -> None:
    report = ReenactmentReport(tuple(opening), (STILL, RIGID, WARP, MOUTH_ROW, DRAWN), 100, 0)
    lines = {line[0]: line[1:] for line in report.lines(spread=False)}
    assert lines[REAL][0] == "–", "a real frame has no PSNR against itself"
    assert float(lines[REAL][2]) < float(lines[STILL][2])
    assert {f"{DRAWN} over {MOUTH_ROW}", f"{MOUTH_ROW} over {WARP}", f"{DRAWN} over {WARP}"} <= set(lines)


def test_the_report_has_a_table_per_place(opening: list[Measured], tmp_path: Path) -> None:
    found = ReenactmentReport(tuple(opening), (STILL, RIGID, WARP, MOUTH_ROW, DRAWN), 20, 0)
    found.write(tmp_path)
    made = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "Self-reenactment evaluation" in made and made.count(">mouth</") == 3 and f"{DRAWN} over {WARP}" in made
    assert found.report().estimates["mouth", WARP, "psnr"].value == pytest.approx(value(opening, WARP, "mouth", "PSNR"))
    assert (tmp_path / "clips.csv").read_text().startswith("person,clip,row,place,measure,value")
