"""The whole line, mostly with a motion model that is tiny and knows nothing: what comes out fits what went in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

import dreamtalk
from dreamtalk import TalkOptions
from dreamtalk.audio import load_speech
from dreamtalk.errors import DoubtfulInput, FaceNotFound, UnusableInput
from dreamtalk.media import read_frames, read_image, write_video
from dreamtalk.store import save_motion, save_track
from dreamtalk.style.timeline import StyleKey, Timeline
from dreamtalk.talker import Talker
from dreamtalk.types import SAMPLE_RATE, Motion, Portrait, Speech

MakeSound = Callable[..., Path]


@pytest.fixture(scope="module")
def portrait(debug_talker: Talker, examples: Path) -> Portrait:
    return debug_talker.portrait(examples / "portrait.jpg")


@pytest.fixture(scope="module")
def speech(examples: Path) -> Speech:
    """The first 1.21 s of the example: 31 frames, the last one begun only."""
    whole = load_speech(examples / "speech.wav")
    return Speech(whole.samples[: round(1.21 * SAMPLE_RATE)])


def same(a: Motion, b: Motion) -> bool:
    return all(
        getattr(a, name).tobytes() == getattr(b, name).tobytes()
        for name in ("expression", "rotation", "translation", "gaze")
    )


def test_generate_writes_a_video_as_long_as_the_speech(
    debug_talker: Talker, examples: Path, make_sound: MakeSound, tmp_path: Path
) -> None:
    sound = make_sound(tmp_path / "a.wav", 0.73, 44_100, "stereo")
    seen: list[tuple[int, int]] = []
    talk = debug_talker.generate(
        examples / "portrait.jpg",
        sound,
        tmp_path / "new" / "a.mp4",
        TalkOptions(size=256),
        progress=lambda done, total: seen.append((done, total)),
    )
    assert talk.frames == 19 and talk.seconds == pytest.approx(0.76)
    assert seen == [(i, 19) for i in range(1, 20)]
    with av.open(str(talk.path)) as container:
        video, audio = container.streams.video[0], container.streams.audio[0]
        assert (video.width, video.height, video.average_rate) == (256, 256, 25)
        assert (audio.sample_rate, audio.channels) == (44_100, 2)
        assert abs(float(video.duration * video.time_base) - float(audio.duration * audio.time_base)) <= 0.04
        assert "synthetic" in container.metadata["comment"].lower()
    assert {"sound", "portrait", "speech encoder", "motion model", "renderer", "video file"} <= set(talk.times)
    assert "CPU" in talk.device
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a.mp4", "a.wav", "new"]


def test_frames_move_and_carry_the_badge_unless_it_is_declined(
    debug_talker: Talker, portrait: Portrait, speech: Speech
) -> None:
    marked = list(debug_talker.stream(portrait, speech, TalkOptions(size=256)))
    plain = list(debug_talker.stream(portrait, speech, TalkOptions(size=256, badge=False)))
    assert len(marked) == len(plain) == speech.frames == 31
    assert marked[0].shape == (256, 256, 3) and marked[0].dtype == np.uint8
    differs = (marked[5] != plain[5]).any(axis=2)
    assert differs.any() and not differs[:200].any() and not differs[:, :180].any()
    assert (plain[0] != plain[12]).any()


def test_native_size_is_the_size_of_the_picture(debug_talker: Talker, portrait: Portrait, speech: Speech) -> None:
    assert next(debug_talker.stream(portrait, speech)).shape == portrait.image.shape


def test_the_seed_decides_the_motion(debug_talker: Talker, speech: Speech) -> None:
    once, again, other = (debug_talker.motion(speech, TalkOptions(seed=seed)) for seed in (3, 3, 4))
    assert same(once, again)
    assert not same(once, other)
    assert len(once) == speech.frames


def test_blinks_and_head_can_be_switched_off(debug_talker: Talker) -> None:
    silence = Speech(np.zeros(10 * SAMPLE_RATE, np.float32))
    natural = debug_talker.motion(silence)
    still = debug_talker.motion(silence, TalkOptions(pose="still", blink="off"))
    closure = debug_talker.face_model.lid_closure
    assert not still.rotation.any() and not still.translation.any()
    assert np.abs(natural.rotation).max() > 0.003
    assert closure(natural.expression).max() > closure(still.expression).max() + 0.3


def test_head_motion_is_taken_over_from_a_file(debug_talker: Talker, speech: Speech, tmp_path: Path) -> None:
    nod = np.zeros((10, 3), np.float32)
    nod[:, 0] = np.linspace(-0.05, 0.05, 10)
    base = debug_talker.motion(speech)
    save_motion(tmp_path / "nod.npz", replace(base, **{
        "expression": base.expression[:10], "rotation": nod, "translation": nod * 0, "gaze": base.gaze[:10],
        "tongue": None,
    }))  # fmt: skip
    driven = debug_talker.motion(speech, TalkOptions(pose=tmp_path / "nod.npz"))
    assert np.allclose(driven.rotation[:10], nod, atol=1e-5)
    assert np.allclose(driven.rotation[22:25], nod[8:5:-1], atol=1e-5), "a short clip runs back"
    assert np.abs(np.diff(driven.rotation[:30, 0], n=2)).max() < 0.002, "without a jerk"
    assert len(driven) == speech.frames


def test_a_video_gives_its_style_and_pose_and_so_does_its_track(
    debug_talker: Talker, portrait: Portrait, speech: Speech, tmp_path: Path
) -> None:
    clip = debug_talker.stream(portrait, speech, TalkOptions(size=256, badge=False))
    write_video(tmp_path / "clip.mp4", clip, None)
    track = debug_talker.track(tmp_path / "clip.mp4")
    save_track(tmp_path / "track.npz", track)
    assert track.valid.all() and len(track.valid) == speech.frames
    by_video = debug_talker.style(tmp_path / "clip.mp4").code
    by_track = debug_talker.style(str(tmp_path / "track.npz")).code
    assert np.array_equal(by_video, by_track)
    assert not np.array_equal(by_video, debug_talker.style("neutral").code)
    driven = debug_talker.motion(speech, TalkOptions(pose=tmp_path / "track.npz"))
    assert np.abs(np.median(driven.rotation, axis=0)).max() < 0.02, "relative to the clip's usual pose"


def test_a_picture_is_a_track_of_one_frame(debug_talker: Talker, examples: Path) -> None:
    track = debug_talker.track(examples / "portrait.jpg")
    assert track.landmarks.shape == (1, 478, 3) and track.expression.shape == (1, 64)


def test_render_cuts_or_fills_the_sound_to_the_motion(
    debug_talker: Talker, portrait: Portrait, speech: Speech, make_sound: MakeSound, tmp_path: Path
) -> None:
    motion = debug_talker.motion(speech)
    for seconds in (0.5, 2.0):
        sound = make_sound(tmp_path / f"{seconds}.wav", seconds)
        talk = debug_talker.render_to(portrait, motion, tmp_path / "a.mp4", sound, TalkOptions(size=256))
        with av.open(str(talk.path)) as container:
            audio = container.streams.audio[0]
            assert float(audio.duration * audio.time_base) == pytest.approx(31 / 25, abs=0.04)
    silent = debug_talker.render_to(portrait, motion, tmp_path / "b.mp4", options=TalkOptions(size=256))
    assert len(list(read_frames(silent.path))) == 31


def test_motion_of_another_face_space_is_refused(debug_talker: Talker, portrait: Portrait, speech: Speech) -> None:
    with pytest.raises(UnusableInput, match="bfm64"):
        debug_talker.render(portrait, replace(debug_talker.motion(speech), face_space="bfm64"))


def test_the_message_names_the_picture_without_a_face(debug_talker: Talker, tmp_path: Path) -> None:
    import cv2

    cv2.imwrite(str(tmp_path / "wall.png"), np.full((200, 200, 3), 130, np.uint8))
    with pytest.raises(FaceNotFound, match=r"wall\.png"):
        debug_talker.portrait(tmp_path / "wall.png")
    with pytest.raises(FaceNotFound):
        debug_talker.portrait(read_image(tmp_path / "wall.png"))


def test_unknown_devices_are_refused() -> None:
    with pytest.raises(UnusableInput, match="abacus"):
        dreamtalk.load("abacus")
    with pytest.raises(UnusableInput, match="thread"):
        dreamtalk.load("cpu", threads=0)


@pytest.mark.parametrize("word", ["hapy", "x" * 5000])
@pytest.mark.parametrize("option", ["style", "pose"])
def test_words_that_are_no_names_are_told(debug_talker: Talker, speech: Speech, option: str, word: str) -> None:
    with pytest.raises(UnusableInput, match=f"There is no {option} called '{word}'"):
        debug_talker.motion(speech, TalkOptions(**{option: word}))  # type: ignore[arg-type]


def test_a_timeline_has_to_fit_the_speech_and_the_intensity(debug_talker: Talker, speech: Speech) -> None:
    keys = (StyleKey(0.0, debug_talker.style("neutral")), StyleKey(5.0, debug_talker.style("happy")))
    with pytest.warns(DoubtfulInput, match=r"ends at 1\.21 s: happy.* at 5 s will not be seen"):
        debug_talker.motion(speech, TalkOptions(timeline=Timeline(keys)))
    with pytest.raises(UnusableInput, match=r"2 times the intensity 3 .*above 3"):
        debug_talker.motion(
            speech, TalkOptions(timeline=Timeline((replace(keys[0], intensity=2.0),)), lower_intensity=3.0)
        )


@pytest.mark.parametrize("option", ["style", "pose", "motion_weights"])
def test_no_input_is_overwritten(debug_talker: Talker, examples: Path, tmp_path: Path, option: str) -> None:
    precious = tmp_path / "clip.mp4"
    precious.write_bytes(b"somebody's only copy")
    options = TalkOptions(**{option: precious})  # type: ignore[arg-type]
    with pytest.raises(UnusableInput, match="overwrite"):
        debug_talker.generate(examples / "portrait.jpg", examples / "speech.wav", precious, options)
    assert precious.read_bytes() == b"somebody's only copy"


@pytest.mark.parametrize(
    "wrong",
    [{"size": 300}, {"size": "512"}, {"blink": "x"}, {"renderer": "foo"}, {"face": -1}, {"speech_encoder": "x"}],
)
def test_options_that_do_not_exist_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(UnusableInput):
        TalkOptions(**wrong)


def test_scales_and_backgrounds_reach_the_frames(debug_talker: Talker, portrait: Portrait, speech: Speech) -> None:
    motion = debug_talker.motion(speech)

    def third(**given: Any) -> np.ndarray:
        frames = debug_talker.render(portrait, motion, TalkOptions(size=256, badge=False, **given))
        return [next(frames) for _ in range(3)][2].astype(int)

    usual, silent = third(), third(lip_scale=0.0, expression_scale=0.0, pose_scale=0.0, gaze_scale=0.0)
    assert np.abs(usual - silent).mean() > 0.05
    green, clear = third(background="green"), third(background="transparent")
    assert np.abs(green[3, 3] - (0, 177, 64)).max() <= 2  # the watermark
    assert clear.shape == (256, 256, 4)
    assert clear[3, 3, 3] == 0 and clear[128, 128, 3] == 255


def test_generate_writes_what_the_name_asks_for(
    debug_talker: Talker, portrait: Portrait, make_sound: MakeSound, tmp_path: Path
) -> None:
    sound = make_sound(tmp_path / "a.wav", 0.2)
    options = TalkOptions(size=256, background="transparent")
    talk = debug_talker.generate(portrait, sound, tmp_path / "talk" / "%02d.png", options)
    assert talk.size == (256, 256) and talk.notes == ()
    names = sorted(path.name for path in (tmp_path / "talk").iterdir())
    assert names == [*(f"{number:02d}.png" for number in range(5)), "sound.wav"]
    assert all(b"Synthetic video" in (tmp_path / "talk" / name).read_bytes() for name in names[:5])
    with pytest.raises(UnusableInput, match="transparent"):
        debug_talker.generate(portrait, sound, tmp_path / "talk.mp4", options)
