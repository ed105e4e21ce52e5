"""The shipped models on the example files: does what comes out mean what it should?"""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from dreamtalk import TalkOptions
from dreamtalk.audio import load_speech
from dreamtalk.cli.main import run
from dreamtalk.media import read_frames
from dreamtalk.store import load_motion
from dreamtalk.talker import Talker
from dreamtalk.types import SAMPLE_RATE, VIDEO_FPS, Float, Motion, Speech

SILENCE = 2 * SAMPLE_RATE
"""Samples of digital silence before and after the speech."""


@pytest.fixture(scope="module")
def talker() -> Talker:
    return Talker(device="cpu", threads=1)


@pytest.fixture(scope="module")
def speech(examples: Path) -> Speech:
    """Two seconds of silence, the example speech, two seconds of silence."""
    quiet = np.zeros(SILENCE, np.float32)
    return Speech(np.concatenate([quiet, load_speech(examples / "speech.wav").samples, quiet]))


@pytest.fixture(scope="module")
def motion(talker: Talker, speech: Speech) -> Motion:
    return talker.motion(speech)


def opening(talker: Talker, motion: Motion) -> Float:
    """Opening of the inner lips (T,) in % of the eye distance, relative to the resting face."""
    return motion.expression @ talker.face_model.measure("aperture")


def test_the_mouth_moves_in_speech_and_rests_in_silence(talker: Talker, motion: Motion) -> None:
    lips = opening(talker, motion)
    margin = VIDEO_FPS // 2
    quiet = 2 * VIDEO_FPS
    resting = np.concatenate([lips[: quiet - margin], lips[-quiet + margin + 10 :]])
    speaking = lips[quiet + margin : -quiet - margin]
    assert np.abs(resting).max() < 1.5, "closed"
    assert speaking.std() > 2.0 and np.percentile(speaking, 90) > 4.0, "open and shut"
    assert (speaking < 1.5).mean() > 0.05, "lips meet in speech too"


def test_the_eyes_blink_and_the_head_moves_a_little(talker: Talker, motion: Motion) -> None:
    closure = talker.face_model.lid_closure(motion.expression).mean(axis=1)
    shut = closure > 0.7
    blinks = int((shut[1:] & ~shut[:-1]).sum())
    assert 1 <= blinks <= 10, "0.25 to 0.5 per second are natural; this is 11 s"
    assert np.median(closure) < 0.3, "open most of the time"
    assert 0.005 < np.abs(motion.rotation).max() < 0.3, "radians"


def test_another_sentence_moves_the_lips_otherwise(talker: Talker, motion: Motion, examples: Path) -> None:
    other = talker.motion(examples / "speech_synthetic.ogg")
    lips, others = opening(talker, motion)[2 * VIDEO_FPS :], opening(talker, other)
    length = min(len(lips), len(others), 7 * VIDEO_FPS)
    assert abs(np.corrcoef(lips[:length], others[:length])[0, 1]) < 0.5
    assert others.std() > 2.0


def test_same_seed_same_bytes_other_seed_other_motion_same_lips(talker: Talker, speech: Speech, motion: Motion) -> None:
    again, other = talker.motion(speech), talker.motion(speech, TalkOptions(seed=1))
    assert again.expression.tobytes() == motion.expression.tobytes()
    assert again.rotation.tobytes() == motion.rotation.tobytes()
    assert other.expression.tobytes() != motion.expression.tobytes()
    assert np.corrcoef(opening(talker, other), opening(talker, motion))[0, 1] > 0.7, "speech decides the lips"


def test_digital_silence_is_a_resting_blinking_face(talker: Talker) -> None:
    silent = talker.motion(Speech(np.zeros(10 * SAMPLE_RATE, np.float32)))
    assert len(silent) == 250
    assert np.abs(opening(talker, silent)).max() < 1.5
    assert talker.face_model.lid_closure(silent.expression).max() > 0.7


def test_the_command_line_does_the_whole_line_and_its_parts(
    examples: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    portrait, speech = str(examples / "portrait.jpg"), str(examples / "speech.wav")
    whole, parts, moves = tmp_path / "whole.mp4", tmp_path / "parts.mp4", tmp_path / "moves.npz"
    assert run(["generate", portrait, speech, "-o", str(whole), "--size", "256", "--threads", "1"]) == 0
    shown = capsys.readouterr()
    assert "178 frames" in shown.out and "renderer" in shown.out and "CPU" in shown.out
    assert "100 %" in shown.err
    assert run(["motion", speech, "-o", str(moves), "--threads", "1"]) == 0
    assert len(load_motion(moves)) == 178
    words = ["render", portrait, str(moves), "--audio", speech, "-o", str(parts), "--size", "256", "--threads", "1"]
    assert run(words) == 0
    assert all(np.array_equal(a, b) for a, b in zip(read_frames(whole), read_frames(parts), strict=True))
    with av.open(str(whole)) as container:
        lengths = [float(s.duration * s.time_base) for s in container.streams if s.duration and s.time_base]
    assert len(lengths) == 2 and abs(lengths[0] - lengths[1]) <= 1 / VIDEO_FPS
    assert sorted(path.name for path in tmp_path.iterdir()) == ["moves.npz", "parts.mp4", "whole.mp4"]
