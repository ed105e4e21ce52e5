"""Style codes on a map and a portrait by guidance scale: do they show what is there, and say what they cannot?"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from tests.style.people import talk, track_of_person

from dreamtalk.audio import SpeechEncoder, load_speech
from dreamtalk.errors import UnusableInput
from dreamtalk.evaluate.omega_strip import omega_strip
from dreamtalk.evaluate.style_codes import StylePoint
from dreamtalk.evaluate.style_map import TRAPS, csv_lines, style_map
from dreamtalk.evaluate.style_report import StyleMapEvaluation, evaluate_style_map
from dreamtalk.face import FaceTracker
from dreamtalk.face.model import FaceModel
from dreamtalk.face.video import track_picture
from dreamtalk.media import read_image
from dreamtalk.motion import MotionModel
from dreamtalk.style.library import named_style
from dreamtalk.types import SAMPLE_RATE, Speech

EMOTIONS = ("happy", "sad", "angry", "neutral")


def points(by: str) -> list[StylePoint]:
    """16 real clips of 4 people, 4 emotions, whose codes group by emotion or by speaker, and one talk near each."""
    rng = np.random.default_rng(1)
    centres = {name: rng.normal(0, 3, 256) for name in (*EMOTIONS, "0", "1", "2", "3")}
    made = []
    for speaker in "0123":
        for emotion in EMOTIONS:
            code = centres[emotion if by == "emotion" else speaker] + rng.normal(0, 0.5, 256)
            about = (f"{speaker}-{emotion} <b>", speaker, emotion, "3")
            made.append(StylePoint(*about, False, code.astype(np.float32)))
            made.append(StylePoint(*about, True, (code + rng.normal(0, 0.05, 256)).astype(np.float32)))
    return made


def test_the_numbers_say_what_groups() -> None:
    for by, other in (("emotion", "speaker"), ("speaker", "emotion")):
        table = style_map(points(by))[1]
        said = {line[0]: float(line[1]) for line in table.lines}
        assert said[f"silhouette by {by}"] > 0.7 > 0.1 > said[f"silhouette by {other}"]
        assert said["generated talk: the nearest clip is its own"] == 1.0
    strangers = [p if not p.made else StylePoint(*p_about(p), True, -p.code) for p in points("emotion")]
    lines = {line[0]: line for line in style_map(strangers)[1].lines}
    assert float(lines["generated talk: the nearest clip is its own"][1]) < 0.4
    assert float(lines["generated talk: the nearest clip shows its emotion"][2]) == 0.25


def p_about(point: StylePoint) -> tuple[str, str, str, str]:
    return point.clip, point.speaker, point.emotion, point.intensity


def test_the_map_is_the_same_each_time_and_warns() -> None:
    figure, _ = style_map(points("emotion"))
    assert figure == style_map(points("emotion"))[0] != style_map(points("emotion"), seed=5)[0]
    assert TRAPS in figure.text and "<b>" not in figure.svg and "0-happy &lt;b&gt;" in figure.svg
    heads, *lines = csv_lines(points("emotion"))
    assert len(lines) == 32 and heads[:2] == ("clip", "speaker")
    assert {line[4] for line in lines} == {"real", "generated"}
    at = {str(line[0]): np.array([float(line[5]), float(line[6])]) for line in lines if line[4] == "real"}
    same = np.linalg.norm(at["0-happy <b>"] - at["1-happy <b>"])
    assert same < np.linalg.norm(at["0-happy <b>"] - at["0-sad <b>"]), "neighbours are neighbours on the map"
    with pytest.raises(UnusableInput, match="at least 5 clips"):
        style_map(points("emotion")[:6])


def test_the_expression_grows_with_the_guidance_scale(examples: Path) -> None:
    face, model = FaceModel.load(), MotionModel.load()
    portrait = track_picture(read_image(examples / "portrait.jpg"), FaceTracker.load(), face)
    speech = Speech(load_speech(examples / "speech.wav").samples[: 2 * SAMPLE_RATE])
    heard = SpeechEncoder.load(model.config.encoder).encode(speech)
    figure, table = omega_strip(portrait, heard, {"happy": named_style("happy", model, face)}, model, face, (0, 1, 2))
    away, shown, kept = (np.array([float(line[column]) for line in table.lines]) for column in (1, 2, 3))
    assert away[0] == 0.0 and away[2] > 1.5 * away[1] > 1.5
    assert (shown >= away).all() and (kept > 0.9).all()
    assert figure.image.startswith(b"\xff\xd8") and "ω 0, 1, 2 from left" in figure.text


def test_a_data_set_becomes_a_page_with_its_files(tmp_path: Path, examples: Path) -> None:
    heads = ("id", "file", "kind", "split", "speaker", "emotion", "intensity")
    names = [(f"{speaker}-{e}", speaker, e) for speaker in ("ann", "bob") for e in EMOTIONS]
    (tmp_path / "tracks").mkdir()
    with (tmp_path / "clips.csv").open("w", newline="") as file:
        csv.writer(file).writerows([heads, *((n, f"style/{n}.mp4", "style", "dev", s, e, "3") for n, s, e in names)])
    for number, (name, _, emotion) in enumerate(names):
        smile = {"mouthSmile": 0.8} if emotion == "happy" else {}
        track = track_of_person(talk(60, **smile), number // 4)
        arrays = {"landmarks": track.landmarks, "blendshapes": track.blendshapes, "valid": track.valid}
        np.savez(tmp_path / "tracks" / f"{name}.npz", **arrays)
    MotionModel.debug().save(tmp_path / "model.safetensors")
    out = tmp_path / "out"
    chosen = StyleMapEvaluation(
        tmp_path, out, tmp_path / "model.safetensors", tmp_path / "tracks", styles=("happy",), limit=6
    )
    assert "What the style codes say" in evaluate_style_map(chosen)
    found = sorted(path.name for path in out.iterdir())
    assert found == ["omega.jpg", "report.html", "style_map.csv", "style_map.svg", "table.md"]
    assert len((out / "style_map.csv").read_text().splitlines()) == 1 + 6 * 3, "each clip, and two talks in its style"
    page = (out / "report.html").read_text(encoding="utf-8")
    assert page.count("<svg") == 1 and page.count("data:image/jpeg") == 1 and TRAPS in page
