"""One MP4: sound and picture start together and last equally long, nothing is held back, nothing is left on failure."""

from __future__ import annotations

import gc
import resource
import sys
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path

import av
import numpy as np
import pytest

from dreamtalk.audio import load_speech
from dreamtalk.errors import UnusableAudio, UnusableOutput
from dreamtalk.media import read_frames, write_video
from dreamtalk.types import SAMPLE_RATE, Image, Speech

FRAME = 1 / 25
MakeSound = Callable[..., Path]


def frames(
    count: int, height: int = 48, width: int = 64, colour: tuple[int, int, int] = (200, 30, 60)
) -> Iterator[Image]:
    for _ in range(count):
        yield np.full((height, width, 3), colour, np.uint8)


def durations(path: Path) -> dict[str, float]:
    """Seconds of each stream, as the container declares them."""
    with av.open(str(path)) as container:
        return {s.type: float(s.duration * s.time_base) for s in container.streams if s.duration and s.time_base}


def sound_of(path: Path) -> tuple[np.ndarray, int, int]:
    """Decoded mono samples, sample rate and channels."""
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        blocks = [frame.to_ndarray().reshape(-1, frame.samples) for frame in container.decode(stream)]
        return np.concatenate(blocks, axis=1)[0], stream.sample_rate, stream.channels


@pytest.mark.parametrize(
    ("name", "codec", "seconds", "rate", "layout"),
    [
        ("a.wav", "pcm_s16le", 0.13, 16_000, "mono"),
        ("a.wav", "pcm_s16le", 1.003, 8_000, "mono"),
        ("a.wav", "pcm_s16le", 2.0, 44_100, "stereo"),
        ("a.wav", "pcm_f32le", 0.517, 96_000, "mono"),
        ("a.flac", "flac", 1.999, 48_000, "5.1"),
        ("a.mp3", "libmp3lame", 1.41, 22_050, "mono"),
        ("a.m4a", "aac", 1.732, 44_100, "stereo"),
        ("a.ogg", "libopus", 1.25, 48_000, "mono"),
    ],
)
def test_sound_keeps_rate_and_channels_and_lasts_as_long_as_the_video(
    tmp_path: Path, make_sound: MakeSound, name: str, codec: str, seconds: float, rate: int, layout: str
) -> None:
    source = make_sound(tmp_path / name, seconds, rate, layout, codec)
    speech = load_speech(source)
    written = write_video(tmp_path / "out.mp4", frames(speech.frames), speech)
    lengths = durations(tmp_path / "out.mp4")
    assert written == speech.frames
    assert lengths["video"] == pytest.approx(written * FRAME, abs=1e-3)
    assert abs(lengths["audio"] - lengths["video"]) <= FRAME
    assert abs(lengths["video"] - seconds) <= 2 * FRAME, "codecs may pad the sound itself a little"
    _, got_rate, got_channels = sound_of(tmp_path / "out.mp4")
    assert (got_rate, got_channels) == (rate, av.AudioLayout(layout).nb_channels)


def test_sound_is_neither_early_nor_late(tmp_path: Path, examples: Path) -> None:
    speech = load_speech(examples / "speech.wav")
    write_video(tmp_path / "out.mp4", frames(speech.frames), speech)
    heard, rate, _ = sound_of(tmp_path / "out.mp4")
    assert rate == SAMPLE_RATE
    size = len(speech.samples)
    spectrum = np.fft.rfft(heard[:size], 2 * size) * np.fft.rfft(speech.samples, 2 * size).conj()
    lag = int(np.argmax(np.fft.irfft(spectrum)))
    assert min(lag, 2 * size - lag) <= 16, "within a millisecond"


def test_sound_that_starts_late_in_its_file_starts_as_late_in_ours(tmp_path: Path, make_sound: MakeSound) -> None:
    """The speech encoder and the video must hear the same clock."""
    late = make_sound(tmp_path / "late.mkv", 1.0, 16_000, start=0.0)
    with av.open(str(late)) as first, av.open(str(tmp_path / "a.mkv"), "w") as container:
        video = container.add_stream("libx264", rate=25)
        video.width, video.height = 64, 48
        sound = container.add_stream_from_template(first.streams.audio[0])
        for image in frames(40):
            container.mux(video.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(video.encode(None))
        for packet in first.demux(first.streams.audio[0]):
            if packet.pts is not None:
                packet.pts += round(0.5 / packet.time_base)
                packet.dts = packet.pts
                packet.stream = sound
                container.mux(packet)
    speech = load_speech(tmp_path / "a.mkv")
    write_video(tmp_path / "out.mp4", frames(speech.frames), speech)
    heard, rate, _ = sound_of(tmp_path / "out.mp4")
    starts = [np.flatnonzero(np.abs(samples) > 0.2)[0] / SAMPLE_RATE for samples in (speech.samples, heard)]
    assert rate == SAMPLE_RATE
    assert starts[0] == pytest.approx(0.5, abs=0.01)
    assert starts[1] == pytest.approx(starts[0], abs=0.01)


@pytest.mark.parametrize("count", [10, 60])
def test_sound_is_cut_or_filled_to_the_length_of_the_frames(tmp_path: Path, make_sound: MakeSound, count: int) -> None:
    source = make_sound(tmp_path / "a.wav", 1.0)
    write_video(tmp_path / "out.mp4", frames(count), source)
    lengths = durations(tmp_path / "out.mp4")
    assert lengths["video"] == pytest.approx(count * FRAME, abs=1e-3)
    assert lengths["audio"] == pytest.approx(count * FRAME, abs=FRAME)


def test_samples_that_are_no_numbers_do_no_harm(tmp_path: Path) -> None:
    samples = np.zeros(SAMPLE_RATE, np.float32)
    samples[100:200] = np.nan
    samples[300:400] = np.inf
    assert write_video(tmp_path / "out.mp4", frames(25), Speech(samples)) == 25
    assert np.isfinite(sound_of(tmp_path / "out.mp4")[0]).all()


def test_samples_without_a_file_are_heard(tmp_path: Path) -> None:
    tone = np.sin(np.arange(SAMPLE_RATE) * 0.1).astype(np.float32) * np.float32(0.5)
    write_video(tmp_path / "out.mp4", frames(25), Speech(tone))
    heard, rate, channels = sound_of(tmp_path / "out.mp4")
    assert (rate, channels) == (SAMPLE_RATE, 1)
    assert np.corrcoef(heard[:SAMPLE_RATE], tone)[0, 1] > 0.99


def test_picture_keeps_its_colours_and_gets_even_sides(tmp_path: Path) -> None:
    write_video(tmp_path / "out.mp4", frames(5, 49, 65), None)
    (first, *rest) = read_frames(tmp_path / "out.mp4")
    assert len(rest) == 4 and first.shape == (48, 64, 3)
    assert np.abs(first.astype(int) - (200, 30, 60)).max() <= 4
    with av.open(str(tmp_path / "out.mp4")) as container:
        context = container.streams.video[0].codec_context
        # 1 stands for BT.709 in all three, and for limited range.
        assert (context.colorspace, context.color_primaries, context.color_trc, context.color_range) == (1, 1, 1, 1)
        assert (context.name, context.pix_fmt) == ("h264", "yuv420p")


def test_players_can_start_early_and_the_comment_is_there(tmp_path: Path) -> None:
    write_video(tmp_path / "out.mp4", frames(5), None, comment="made up")
    data = (tmp_path / "out.mp4").read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert container.metadata["comment"] == "made up"


@pytest.mark.parametrize("stop", [RuntimeError, KeyboardInterrupt])
def test_failure_leaves_nothing_and_keeps_the_old_video(tmp_path: Path, stop: type[BaseException]) -> None:
    def failing() -> Iterator[Image]:
        yield from frames(30)
        raise stop

    (tmp_path / "out.mp4").write_text("old")
    with pytest.raises(stop):
        write_video(tmp_path / "out.mp4", failing(), None)
    assert [path.name for path in tmp_path.iterdir()] == ["out.mp4"]
    assert (tmp_path / "out.mp4").read_text() == "old"


def test_unusable_places_and_sounds_are_refused_before_the_first_frame(tmp_path: Path, examples: Path) -> None:
    def untouchable() -> Iterator[Image]:
        raise AssertionError("a frame was asked for")
        yield

    (tmp_path / "file").touch()
    with pytest.raises(UnusableOutput):
        write_video(tmp_path / "file" / "out.mp4", untouchable(), None)
    with pytest.raises(UnusableAudio):
        write_video(tmp_path / "out.mp4", untouchable(), examples / "portrait.jpg")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_frames_are_let_go_as_they_are_written(tmp_path: Path) -> None:
    alive: set[int] = set()
    most = 0

    def watched() -> Iterator[Image]:
        nonlocal most
        for index, image in enumerate(frames(60)):
            alive.add(index)
            weakref.finalize(image, alive.discard, index)
            yield image
            most = max(most, len(alive))

    write_video(tmp_path / "out.mp4", watched(), None)
    gc.collect()
    assert most <= 4, "frames must not pile up"


@pytest.mark.skipif(sys.platform == "win32", reason="no getrusage")
def test_memory_does_not_grow_with_the_length(tmp_path: Path, make_sound: MakeSound) -> None:
    long = make_sound(tmp_path / "long.flac", 900.0, 16_000, codec="flac", loudness=0.0)  # 58 MB as float32
    short = make_sound(tmp_path / "short.flac", 10.0, 16_000, codec="flac", loudness=0.0)
    write_video(tmp_path / "short.mp4", frames(250), short)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    write_video(tmp_path / "long.mp4", frames(2500), long)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 10_000 * (1024 if sys.platform == "darwin" else 1), f"{grown} kB more for ten times the length"
