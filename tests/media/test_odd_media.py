"""Media that few people make and everybody meets: many streams, much metadata, deep colour, odd sizes, uneven time."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from dreamtalk.audio import load_speech
from dreamtalk.errors import UnusableInput
from dreamtalk.media import read_frames, read_image, write_video
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


def test_a_small_file_of_a_huge_picture_is_refused(tmp_path: Path) -> None:
    import struct
    import zlib

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    rows = zlib.compress(bytes(50_000_000), 9)
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    (tmp_path / "bomb.png").write_bytes(data)
    assert len(data) < 100_000
    with pytest.raises(UnusableInput, match="too large"):
        read_image(tmp_path / "bomb.png")
