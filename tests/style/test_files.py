"""Styles kept as files and by name, and the verbs that do it."""

from __future__ import annotations

import warnings
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from tests.style.people import talk, track_of_person

from dreamtalk import talker as talker_module
from dreamtalk.cli.main import run
from dreamtalk.cli.options import MotionFlags
from dreamtalk.cli.talk import options_of
from dreamtalk.errors import DoubtfulInput, UnusableInput
from dreamtalk.options import TalkOptions
from dreamtalk.store import save_track
from dreamtalk.style import files
from dreamtalk.style.code_file import save_code
from dreamtalk.style.files import StyleClip, load_style, save_style, saved_names, saved_path
from dreamtalk.talker import Talker
from dreamtalk.types import Speech, Style

CLIP = StyleClip(np.random.default_rng(0).normal(0.0, 0.1, (50, 64)).astype(np.float32), "mesh64", "a.mp4")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty user data folder."""
    monkeypatch.setattr(files, "user_folder", lambda: tmp_path / "styles")
    return tmp_path / "styles"


def test_a_style_file_comes_back_as_it_was(tmp_path: Path) -> None:
    save_style(tmp_path / "a.npz", CLIP)
    again = load_style(tmp_path / "a.npz")
    assert np.array_equal(again.expression, CLIP.expression)
    assert (again.face_space, again.source) == ("mesh64", "a.mp4")


def test_other_files_are_no_styles(tmp_path: Path) -> None:
    save_track(tmp_path / "track.npz", track_of_person(talk(50)))
    with pytest.raises(UnusableInput, match="not a style file"):
        load_style(tmp_path / "track.npz")
    save_style(tmp_path / "nan.npz", StyleClip(np.full((5, 64), np.nan, np.float32), "mesh64", "x"))
    with pytest.raises(UnusableInput, match="64 numbers"):
        load_style(tmp_path / "nan.npz")


def test_extract_keeps_what_a_track_says(
    tmp_path: Path, home: Path, debug_talker: Talker, capsys: pytest.CaptureFixture[str]
) -> None:
    save_track(tmp_path / "track.npz", track_of_person(talk(50)))
    assert run(["style", "extract", str(tmp_path / "track.npz"), "-o", str(tmp_path / "my.npz")]) == 0
    told = capsys.readouterr().err
    assert "only 2.0 s" in told and "guess" in told
    by_file, by_track = debug_talker.style(tmp_path / "my.npz"), debug_talker.style(tmp_path / "track.npz")
    assert np.array_equal(by_file.code, by_track.code)
    assert run(["style", "extract", str(tmp_path / "track.npz"), "--save", "aunt"]) == 0
    assert np.array_equal(debug_talker.style("aunt").code, by_file.code)
    assert run(["style", "list"]) == 0
    assert run(["style", "show", "aunt"]) == 0
    assert "2.0 s of" in capsys.readouterr().out


def test_a_neutral_goes_with_videos_alone(tmp_path: Path, debug_talker: Talker) -> None:
    save_track(tmp_path / "happy.npz", track_of_person(talk(100, mouthSmile=0.8)))
    save_track(tmp_path / "calm.npz", track_of_person(talk(100)))
    guessed = debug_talker.style_clip(tmp_path / "happy.npz")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        known = debug_talker.style_clip(tmp_path / "happy.npz", tmp_path / "calm.npz")
    assert not np.array_equal(guessed.expression, known.expression)
    calm = tmp_path / "calm.npz"
    with_it = debug_talker.motion(
        Speech(np.zeros(8000, np.float32)), TalkOptions(style=tmp_path / "happy.npz", style_neutral=calm)
    )
    without = debug_talker.motion(Speech(np.zeros(8000, np.float32)), TalkOptions(style=tmp_path / "happy.npz"))
    assert not np.array_equal(with_it.expression, without.expression)
    with pytest.raises(UnusableInput, match="neutral"):
        debug_talker.style("happy", neutral=calm)


def test_show_tells_the_actions_of_a_clip(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save_track(tmp_path / "happy.npz", track_of_person(talk(100, mouthSmile=0.8)))
    save_track(tmp_path / "calm.npz", track_of_person(talk(100)))
    happy = ["style", "show", str(tmp_path / "happy.npz")]
    assert run([*happy, "--neutral", str(tmp_path / "calm.npz")]) == 0
    told = capsys.readouterr().out
    assert "mouthSmileLeft" in told and "mouthSmileRight" in told and "movements" in told
    assert run(["style", "show", "happy", "--neutral", str(tmp_path / "calm.npz")]) == 2
    assert run(["style", "show", str(tmp_path / "nothing.mp4")]) == 2


def test_damaged_videos_are_told(tmp_path: Path, debug_talker: Talker, examples: Path) -> None:
    picture = cv2.resize(cv2.imread(str(examples / "portrait.jpg")), (256, 256))
    whole, cut = tmp_path / "whole.mkv", tmp_path / "cut.mkv"
    with av.open(str(whole), "w") as video:
        stream = video.add_stream("mjpeg", rate=25, width=256, height=256, pix_fmt="yuvj420p")
        for number in range(50):
            frame = av.VideoFrame.from_ndarray(np.roll(picture, number % 3, axis=1), format="bgr24")
            video.mux(stream.encode(frame))
        video.mux(stream.encode())
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    with pytest.warns(DoubtfulInput, match=r"cut\.mkv is damaged: of its 2\.0 s"):
        assert 15 < len(debug_talker.track(cut).valid) < 35
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(debug_talker.track(whole, longest=0.4).valid) == 10


def test_names_that_styles_cannot_have(tmp_path: Path, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("happy", "../up", "a b", ""):
        assert run(["style", "extract", str(tmp_path / "none.mp4"), "--save", name]) == 2
    assert run(["style", "extract", str(tmp_path / "none.mp4")]) == 2
    assert run(["style", "show", "grumpy"]) == 2
    assert "angry" in capsys.readouterr().err
    assert not home.exists()
    save_style(home / "aunt.npz", CLIP)
    assert run(["style", "show", "grumpy"]) == 2
    assert "aunt" in capsys.readouterr().err


def test_a_code_is_not_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save_code(tmp_path / "heard.npz", Style(np.zeros(256, np.float32), "auto"), np.zeros(256, np.float32))
    assert run(["style", "show", str(tmp_path / "heard.npz")]) == 2
    assert "a code heard in speech" in capsys.readouterr().err


def test_show_names_the_facial_actions(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["style", "show", "angry:3"]) == 0
    assert "browDown" in capsys.readouterr().out


def test_the_sheet_shows_every_style(
    tmp_path: Path, home: Path, examples: Path, debug_talker: Talker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(talker_module, "load", lambda *_: debug_talker)
    home.mkdir(parents=True)
    save_style(home / "aunt.npz", CLIP)
    sheet = tmp_path / "sheet.png"
    words = [str(examples / "portrait.jpg"), "--speech", str(examples / "speech.wav"), "-o", str(sheet)]
    assert run(["style", "list", *words]) == 0
    picture = cv2.imread(str(sheet))
    assert picture is not None and picture.shape == (7 * 162, 8 * 144, 3)
    assert run(["style", "list", str(tmp_path / "nobody.jpg"), "-o", str(sheet)]) == 2


def test_only_intensities_above_two_are_warned_of(capsys: pytest.CaptureFixture[str]) -> None:
    options_of(MotionFlags(style="happy", intensity=2.0))
    assert capsys.readouterr().err == ""
    options_of(MotionFlags(style="happy", intensity=2.5))
    assert "above 2" in capsys.readouterr().err


def test_silent_mouths_keep_their_style(debug_talker: Talker) -> None:
    corners = debug_talker.face_model.measure("corner_height")
    silence = Speech(np.zeros(32_000, np.float32))
    neutral, happy = (debug_talker.motion(silence, TalkOptions(style=name)) for name in ("neutral", "happy"))
    assert ((happy.expression - neutral.expression) @ corners)[25:].min() > 1.0


def test_a_user_without_a_home_has_no_saved_styles(monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless(name: str, appauthor: bool) -> Path:
        raise RuntimeError("could not determine the home directory")

    monkeypatch.setattr("platformdirs.user_data_path", homeless)
    assert saved_names() == []
    with pytest.raises(UnusableInput, match="HOME"):
        saved_path("mine")
