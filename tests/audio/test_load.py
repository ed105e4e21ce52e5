"""Loading speech: the same sound out of every kind of file, and a clear message for what is none."""

from __future__ import annotations

import wave
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from dreamtalk.audio import load_speech
from dreamtalk.errors import UnusableAudio
from dreamtalk.types import Float

ONSET = 0.3
"""Seconds of silence before the tone of `tone_after_silence`."""

PITCH = 440.0
"""Hertz."""


def tone_after_silence(rate: int, seconds: float = 1.0, amplitude: float = 0.5) -> Float:
    """(n,) silence, then a 440 Hz sine from ONSET on."""
    time = np.arange(round(rate * seconds)) / rate
    return (amplitude * np.sin(2 * np.pi * PITCH * time) * (time >= ONSET)).astype(np.float32)


def onset(samples: Float, rate: int = 16_000) -> float:
    """Seconds at which the sound first exceeds a quarter of its largest value."""
    return float(np.argmax(np.abs(samples) > np.abs(samples).max() / 4)) / rate


def pitch(samples: Float, rate: int = 16_000) -> float:
    """Strongest frequency in hertz."""
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(np.argmax(spectrum)) * rate / len(samples)


def write_sound(path: Path, channels: Float, rate: int, codec: str, layout: str, start: float = 0.0) -> Path:
    """Encode channels (C, n) with PyAV; `start` puts the stream later than a video stream, in seconds."""
    with av.open(str(path), "w") as container:
        picture = add_video(container) if start else None
        stream = container.add_stream(codec, rate=rate, layout=layout)
        stream.bit_rate = 128_000
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(channels, np.float32), format="fltp", layout=layout)
        frame.sample_rate = rate
        frame.pts = round(start * rate)
        frame.time_base = Fraction(1, rate)
        resampler = av.AudioResampler(
            format=stream.format, layout=layout, rate=rate, frame_size=stream.frame_size or 1024
        )
        if picture is not None:
            write_pictures(container, picture)
        for ready in [*resampler.resample(frame), *resampler.resample(None)]:
            container.mux(stream.encode(ready))
        container.mux(stream.encode(None))
    return path


def add_video(container: av.container.OutputContainer) -> av.VideoStream:
    """A small grey 25 fps stream."""
    stream = container.add_stream("mpeg4", rate=25)
    stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
    return stream


def write_pictures(container: av.container.OutputContainer, stream: av.VideoStream, count: int = 25) -> None:
    """`count` grey pictures from time 0 on."""
    for index in range(count):
        frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 128, np.uint8), format="rgb24")
        frame.pts, frame.time_base = index, Fraction(1, 25)
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))


KINDS = [
    ("a.wav", "pcm_s16le", 44_100, "stereo"),
    ("a.wav", "pcm_u8", 8_000, "mono"),
    ("a.wav", "pcm_s24le", 48_000, "mono"),
    ("a.wav", "pcm_s32le", 96_000, "stereo"),
    ("a.wav", "pcm_f32le", 22_050, "mono"),
    ("a.wav", "pcm_f64le", 16_000, "mono"),
    ("a.wav", "pcm_mulaw", 8_000, "mono"),
    ("a.aiff", "pcm_s16be", 44_100, "mono"),
    ("a.mp3", "libmp3lame", 44_100, "stereo"),
    ("a.m4a", "aac", 48_000, "stereo"),
    ("a.aac", "aac", 44_100, "mono"),
    ("a.m4a", "alac", 44_100, "mono"),
    ("a.flac", "flac", 48_000, "stereo"),
    ("a.ogg", "libopus", 48_000, "mono"),
    ("a.webm", "libopus", 48_000, "stereo"),
    ("a.mkv", "ac3", 48_000, "5.1"),
    ("a.mka", "flac", 32_000, "mono"),
    ("a.mp4", "aac", 32_000, "mono"),
    ("a.avi", "libmp3lame", 48_000, "mono"),
]


def _channels(layout: str, rate: int) -> Float:
    count = len(av.AudioLayout(layout).channels)
    return np.tile(tone_after_silence(rate), (count, 1))


@pytest.mark.parametrize(("name", "codec", "rate", "layout"), KINDS)
def test_every_kind_gives_the_same_sound(tmp_path: Path, name: str, codec: str, rate: int, layout: str) -> None:
    speech = load_speech(write_sound(tmp_path / name, _channels(layout, rate), rate, codec, layout))
    assert speech.samples.dtype == np.float32
    assert speech.source == tmp_path / name
    assert speech.seconds == pytest.approx(1.0, abs=0.09)  # some codecs pad to whole packets
    assert onset(speech.samples) == pytest.approx(ONSET, abs=0.03)  # MP3 in AVI keeps its 26 ms of priming
    sounding = speech.samples[int(16_000 * (ONSET + 0.1)) : 15_000]
    assert pitch(sounding) == pytest.approx(PITCH, abs=3.0)
    assert np.abs(sounding).max() == pytest.approx(0.5, rel=0.15)


def test_lossless_samples_are_kept_exactly(tmp_path: Path) -> None:
    samples = np.random.default_rng(0).integers(-32768, 32768, 8000).astype(np.int16)
    with wave.open(str(tmp_path / "a.wav"), "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
        file.writeframes(samples.tobytes())
    assert np.allclose(load_speech(tmp_path / "a.wav").samples, samples / 32768.0, atol=1e-6)


@pytest.mark.parametrize("rate", [8_000, 11_025, 44_100, 48_000, 192_000])
def test_resampling_keeps_duration_and_loudness(tmp_path: Path, rate: int) -> None:
    speech = load_speech(write_sound(tmp_path / "a.wav", _channels("mono", rate), rate, "pcm_f32le", "mono"))
    assert abs(len(speech.samples) - 16_000) <= 1
    expected = tone_after_silence(16_000)
    middle = slice(6_000, 15_500)
    assert np.abs(speech.samples[middle] - expected[middle]).max() < 2e-3


@pytest.mark.parametrize("name", ["part 1: hello.wav", "-o.wav", "Grüße 你好 %d.wav", "http:.wav"])
def test_any_file_name(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    write_sound(tmp_path / "a.wav", _channels("mono", 16_000), 16_000, "pcm_s16le", "mono").rename(tmp_path / name)
    monkeypatch.chdir(tmp_path)
    assert load_speech(name).seconds == 1.0


def test_what_16_khz_cannot_hold_is_removed_not_folded_down(tmp_path: Path) -> None:
    time = np.arange(48_000) / 48_000
    hiss = (0.5 * np.sin(2 * np.pi * 11_000 * time)[None]).astype(np.float32)
    speech = load_speech(write_sound(tmp_path / "a.wav", hiss, 48_000, "pcm_f32le", "mono"))
    assert np.abs(speech.samples[500:-500]).max() < 1e-3


def test_one_sided_stereo_is_heard_and_bass_channel_is_not(tmp_path: Path) -> None:
    sides = np.stack([tone_after_silence(16_000), np.zeros(16_000, np.float32)])
    left = load_speech(write_sound(tmp_path / "left.wav", sides, 16_000, "pcm_f32le", "stereo"))
    assert np.abs(left.samples).max() == pytest.approx(0.25, rel=0.01)
    surround = np.zeros((6, 16_000), np.float32)
    bass = [channel.name for channel in av.AudioLayout("5.1").channels].index("LFE")
    surround[bass] = tone_after_silence(16_000)
    file = write_sound(tmp_path / "bass.wav", surround, 16_000, "pcm_f32le", "5.1")
    assert np.abs(load_speech(file).samples).max() == 0.0


@pytest.mark.parametrize("name", ["late.mp4", "late.mkv"])
def test_a_late_stream_keeps_its_place(tmp_path: Path, name: str) -> None:
    sound = _channels("mono", 48_000)
    speech = load_speech(write_sound(tmp_path / name, sound, 48_000, "aac", "mono", start=0.2))
    assert onset(speech.samples) == pytest.approx(0.2 + ONSET, abs=0.025)
    assert speech.seconds == pytest.approx(1.2, abs=0.06)


def test_silence_is_speech_too(tmp_path: Path) -> None:
    file = write_sound(tmp_path / "a.wav", np.zeros((1, 16_000), np.float32), 16_000, "pcm_s16le", "mono")
    assert not load_speech(file).samples.any()


def test_not_a_number_becomes_silence(tmp_path: Path) -> None:
    sound = tone_after_silence(16_000)[None].copy()
    sound[0, 100:200] = np.nan
    sound[0, 200:300] = np.inf
    samples = load_speech(write_sound(tmp_path / "a.wav", sound, 16_000, "pcm_f32le", "mono")).samples
    assert np.isfinite(samples).all()
    assert np.abs(samples).max() <= 1.0


def test_a_cut_off_file_gives_what_is_there(tmp_path: Path) -> None:
    file = write_sound(tmp_path / "a.mp3", _channels("mono", 44_100), 44_100, "libmp3lame", "mono")
    file.write_bytes(file.read_bytes()[: file.stat().st_size * 2 // 3])
    assert 0.4 < load_speech(file).seconds < 0.9


def _png(path: Path) -> None:
    cv2.imwrite(str(path), np.zeros((20, 20, 3), np.uint8))


def _silent_video(path: Path) -> None:
    with av.open(str(path), "w") as container:
        write_pictures(container, add_video(container))


def _header_only(path: Path) -> None:
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))


def _ten_milliseconds(path: Path) -> None:
    write_sound(path, np.zeros((1, 160), np.float32), 16_000, "pcm_s16le", "mono")


BAD = [
    ("nowhere.wav", lambda path: None, "no audio file"),
    ("folder.wav", lambda path: path.mkdir(), "not a file"),
    ("nothing.wav", lambda path: path.write_bytes(b""), "0 bytes"),
    ("text.wav", lambda path: path.write_text("This is not a sound.\n" * 50), "cannot be read"),
    ("noise.mp3", lambda path: path.write_bytes(np.random.default_rng(1).bytes(3000)), "cannot be|no sound"),
    ("picture.png", _png, "is a picture"),
    ("silent.mp4", _silent_video, "holds no sound"),
    ("header.wav", _header_only, "cannot be read|no sound"),
    ("short.wav", _ten_milliseconds, "10 ms of sound; at least 100 ms"),
]


@pytest.mark.parametrize(("name", "make", "message"), BAD, ids=[case[0] for case in BAD])
def test_bad_input_is_named_with_its_file(tmp_path: Path, name: str, make: object, message: str) -> None:
    assert callable(make)
    make(tmp_path / name)
    with pytest.raises(UnusableAudio, match=message) as caught:
        load_speech(tmp_path / name)
    assert name in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_too_long_is_refused_and_the_limit_is_the_callers(tmp_path: Path) -> None:
    file = write_sound(tmp_path / "a.wav", _channels("mono", 16_000), 16_000, "pcm_s16le", "mono")
    with pytest.raises(UnusableAudio, match=r"longer than 0\.5 s"):
        load_speech(file, max_seconds=0.5)
    assert load_speech(file, max_seconds=1.0).seconds == 1.0
