"""Media that few people make and everybody meets: many streams, much metadata, deep colour, odd sizes, uneven time."""

from __future__ import annotations

import struct
import wave
import zlib
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from dreamtalk.audio import load_speech
from dreamtalk.errors import UnusableAudio, UnusableInput
from dreamtalk.media import read_frames, read_image, write_video
from dreamtalk.media.pixels import without_combs
from dreamtalk.media.sound import open_sound


def hum(rate: int, seconds: float = 1.0) -> av.AudioFrame:
    samples = (0.3 * np.sin(2 * np.pi * 220 * np.arange(round(rate * seconds)) / rate)).astype(np.float32)
    frame = av.AudioFrame.from_ndarray(samples[np.newaxis], format="fltp", layout="mono")
    frame.sample_rate, frame.pts = rate, 0
    return frame


def test_hundreds_of_sound_streams(tmp_path: Path) -> None:
    path = tmp_path / "many.mkv"
    with av.open(str(path), "w") as container:
        streams = [container.add_stream("pcm_s16le", rate=16_000, layout="mono") for _ in range(300)]
        frame = hum(16_000)
        for stream in streams:
            to = av.AudioResampler("s16", "mono", 16_000)
            for part in to.resample(frame):
                container.mux(stream.encode(part))
    speech = load_speech(path)
    assert speech.seconds == pytest.approx(1.0, abs=0.01) and 0.2 < np.abs(speech.samples).max() < 0.4


def test_megabytes_of_metadata(tmp_path: Path) -> None:
    path = tmp_path / "told.mkv"
    with av.open(str(path), "w") as container:
        container.metadata.update({f"tag{n}": "x" * 20_000 for n in range(200)})
        stream = container.add_stream("pcm_s16le", rate=16_000, layout="mono")
        for part in av.AudioResampler("s16", "mono", 16_000).resample(hum(16_000)):
            container.mux(stream.encode(part))
    assert load_speech(path).seconds == pytest.approx(1.0, abs=0.01)
    sound = open_sound(path)
    assert sound.take(16_000).samples == 16_000
    sound.close()


@pytest.mark.parametrize("rate", [8_000, 22_050, 96_000, 192_000])
def test_any_sample_rate_is_heard_and_kept_with_the_video(rate: int, tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s24le", rate=rate, layout="mono")
        for part in av.AudioResampler(stream.codec_context.format, "mono", rate).resample(hum(rate)):
            container.mux(stream.encode(part))
    assert load_speech(path).seconds == pytest.approx(1.0, abs=0.002)
    write_video(tmp_path / "talk.mp4", (np.zeros((64, 64, 3), np.uint8) for _ in range(25)), path)
    assert load_speech(tmp_path / "talk.mp4").seconds == pytest.approx(1.0, abs=0.1)


@pytest.mark.parametrize("pixels", ["yuv420p10le", "yuv444p", "gray", "yuv422p"])
def test_deep_and_grey_pictures_become_rgb(pixels: str, tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, pixels
        for _ in range(3):
            picture = np.full((48, 64, 3), 180, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format=pixels)))
        container.mux(stream.encode(None))
    frames = list(read_frames(path))
    assert len(frames) == 3 and all(frame.dtype == np.uint8 and frame.shape == (48, 64, 3) for frame in frames)
    assert np.abs(frames[0].astype(int) - 180).max() <= 4


def test_odd_sides_and_uneven_time(tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    shown = [0, 10, 50, 400, 410, 1000]  # ms
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 61, 47, "bgr0"
        stream.codec_context.time_base = Fraction(1, 1000)
        for n, time in enumerate(shown):
            frame = av.VideoFrame.from_ndarray(np.full((47, 61, 3), 40 * n, np.uint8), format="rgb24")
            frame.pts, frame.time_base = time, Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    frames = list(read_frames(path))
    assert frames[0].shape == (47, 61, 3)
    # One picture a 25th of a second: the one shown nearest to that time.
    for index, frame in enumerate(frames[:26]):
        nearest = min(range(len(shown)), key=lambda n: abs(shown[n] - 40 * index))
        assert abs(int(frame[0, 0, 0]) - 40 * nearest) <= 2, index


def test_a_small_file_of_a_huge_video_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    path = tmp_path / "bomb.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = 8192, 8192, "yuv420p"
        container.mux(stream.encode(av.VideoFrame(8192, 8192, "yuv420p")))
        container.mux(stream.encode(None))
    assert path.stat().st_size < 2_000_000
    with pytest.raises(UnusableInput, match="too large"):
        next(iter(read_frames(path)))


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def test_a_small_file_of_a_huge_picture_is_refused(tmp_path: Path) -> None:
    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    rows = zlib.compress(bytes(50_000_000), 9)
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    (tmp_path / "bomb.png").write_bytes(data)
    assert len(data) < 100_000
    with pytest.raises(UnusableInput, match="too large"):
        read_image(tmp_path / "bomb.png")


def test_the_notes_of_a_picture_are_not_unpacked(tmp_path: Path) -> None:
    picture = cv2.imencode(".png", np.full((64, 64, 3), 90, np.uint8))[1].tobytes()
    note = chunk(b"zTXt", b"x\0\0" + zlib.compress(bytes(8_000_000)))
    (tmp_path / "a.png").write_bytes(picture[:33] + note * 50 + picture[33:])
    with pytest.raises(UnusableInput, match="not a picture"):
        read_image(tmp_path / "a.png")


def test_a_jpeg_of_thousands_of_passes_is_refused(tmp_path: Path) -> None:
    data = cv2.imencode(".jpg", np.full((64, 64), 90, np.uint8), [cv2.IMWRITE_JPEG_PROGRESSIVE, 1])[1].tobytes()
    last = data[data.rindex(b"\xff\xda") : -2]
    (tmp_path / "a.jpg").write_bytes(data)
    assert read_image(tmp_path / "a.jpg").shape == (64, 64, 3)
    (tmp_path / "a.jpg").write_bytes(data[:-2] + last * 3000 + data[-2:])
    with pytest.raises(UnusableInput, match="damaged"):
        read_image(tmp_path / "a.jpg")


def write_shown(path: Path, times: list[int]) -> None:
    """A video of 64 × 48 px whose pictures are shown from these times on, ms."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "bgr0"
        stream.codec_context.time_base = Fraction(1, 1000)
        for time in times:
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 90, np.uint8), format="rgb24")
            frame.pts, frame.time_base = time, Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def test_pictures_days_apart_are_a_broken_clock(tmp_path: Path) -> None:
    write_shown(tmp_path / "a.mkv", [0, 40, 2_000_000_000, 2_000_000_040])
    assert len(list(read_frames(tmp_path / "a.mkv"))) == 4
    write_shown(tmp_path / "a.mkv", [0, 4_000, 4_040])  # a still of four seconds is none
    assert len(list(read_frames(tmp_path / "a.mkv"))) == 102


@pytest.mark.parametrize("rate", [1, 100, 2_000_000_000])
def test_impossible_sample_rates_are_refused(rate: int, tmp_path: Path) -> None:
    with wave.open(str(tmp_path / "a.wav"), "wb") as file:
        file.setparams((1, 2, rate, 0, "NONE", ""))
        file.writeframes(bytes(40_000))
    with pytest.raises(UnusableAudio, match=r"samples a second|cannot be read"):
        load_speech(tmp_path / "a.wav")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("list.m3u8", "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{other}\n#EXT-X-ENDLIST\n"),
        ("list.mp4", "ffconcat version 1.0\nfile {other.name}\n"),
        ("list.sdp", "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 5004 RTP/AVP 0\n"),
        ("words.srt", "1\n00:00:01,000 --> 00:00:02,000\nhello\n"),
    ],
)
def test_a_file_that_names_others_opens_none_of_them(name: str, text: str, tmp_path: Path) -> None:
    other = tmp_path / "secret.ts"
    with av.open(str(other), "w", format="mpegts") as container:
        stream = container.add_stream("mp2", rate=16_000, layout="mono")
        for part in av.AudioResampler(stream.codec_context.format, "mono", 16_000).resample(hum(16_000)):
            container.mux(stream.encode(part))
        container.mux(stream.encode(None))
    assert load_speech(other).seconds > 0.5
    (tmp_path / name).write_text(text.format(other=other))
    with pytest.raises(UnusableAudio, match="cannot be read"):
        load_speech(tmp_path / name)


def test_eight_channels_in_planes_of_their_own(tmp_path: Path) -> None:
    """PyAV 18 reads past the eighth: the process died."""
    wide = (0.2 * np.sin(np.arange(48_000) * 0.05)).astype(np.float32)
    frame = av.AudioFrame.from_ndarray(np.repeat(wide, 8)[np.newaxis], format="flt", layout="7.1")
    frame.sample_rate, frame.pts = 48_000, 0
    with av.open(str(tmp_path / "a.m4a"), "w") as container:
        stream = container.add_stream("aac", rate=48_000, layout="7.1")
        for part in av.AudioResampler("fltp", "7.1", 48_000, frame_size=1024).resample(frame):
            container.mux(stream.encode(part))
        container.mux(stream.encode(None))
    assert load_speech(tmp_path / "a.m4a").seconds == pytest.approx(1.0, abs=0.05)
    sound = open_sound(tmp_path / "a.m4a")
    assert sound.layout == "5.1" and np.abs(sound.take(24_000).to_ndarray()).max() > 0.1
    sound.close()


def test_a_voice_with_swapped_poles_is_heard(tmp_path: Path) -> None:
    voice = np.rint(8000 * np.sin(np.arange(16_000) * 0.1)).astype("<i2")
    with wave.open(str(tmp_path / "a.wav"), "wb") as file:
        file.setparams((2, 2, 16_000, 0, "NONE", ""))
        file.writeframes(np.stack([voice, -voice], axis=1).tobytes())
    heard = load_speech(tmp_path / "a.wav").samples
    assert np.abs(heard - voice / 32768).max() < 0.01


def test_the_cover_of_a_song_is_no_video(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "a.mp4"), "w") as container:
        sound = container.add_stream("aac", rate=16_000, layout="mono")
        cover = container.add_stream("mjpeg", rate=25)
        cover.width, cover.height, cover.pix_fmt = 64, 64, "yuvj420p"
        cover.disposition = av.stream.Disposition.attached_pic
        for part in av.AudioResampler("fltp", "mono", 16_000, frame_size=1024).resample(hum(16_000)):
            container.mux(sound.encode(part))
        container.mux(cover.encode(av.VideoFrame(64, 64, "yuvj420p")))
        for stream in (sound, cover):
            container.mux(stream.encode(None))
    assert load_speech(tmp_path / "a.mp4").seconds > 0.9
    with pytest.raises(UnusableInput, match="cover"):
        next(read_frames(tmp_path / "a.mp4"))


def scene(left: int) -> np.ndarray:
    """A bright box that has come this far, before a soft background."""
    picture = np.tile(np.linspace(20, 60, 64, dtype=np.uint8)[:, None, None], (1, 96, 3))
    picture[16:48, left : left + 30] = 200
    return picture


def test_interlaced_pictures_have_no_combs(tmp_path: Path) -> None:
    first, second = scene(20), scene(36)
    woven = first.copy()
    woven[1::2] = second[1::2]
    assert np.abs(without_combs(woven)[17:47].astype(int) - first[17:47]).max() <= 2
    assert np.array_equal(without_combs(first)[18:46], first[18:46])
    with av.open(str(tmp_path / "a.mpg"), "w", format="mpeg") as container:
        stream = container.add_stream("mpeg2video", rate=25, options={"flags": "+ildct+ilme", "qscale": "1"})
        stream.width, stream.height, stream.pix_fmt, stream.bit_rate = 96, 64, "yuv420p", 20_000_000
        for _ in range(3):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(woven, format="rgb24")))
        container.mux(stream.encode(None))
    read = next(read_frames(tmp_path / "a.mpg")).astype(int)
    assert np.abs(np.diff(read[20:44, 52:62, 1], axis=0)).mean() < 10  # only the second moment has the box here
    assert np.abs(np.diff(woven[20:44, 52:62, 1].astype(int), axis=0)).mean() > 100
