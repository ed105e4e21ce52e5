"""Any audio or video file to the speech that the encoder hears: mono, 16 kHz, float32, from time 0 of the file on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import soxr
from numpy.typing import NDArray

from dreamtalk.errors import UnusableAudio
from dreamtalk.media.clock import StreamClock
from dreamtalk.media.container import open_media, sound_stream
from dreamtalk.media.reader import is_image
from dreamtalk.types import SAMPLE_RATE, Float, Speech

MIN_SECONDS = 0.1
"""Shortest speech that is worth a video; less than a syllable is a mistake in the input."""

MAX_SECONDS = 3600.0
"""Longest speech unless the caller says otherwise, in seconds."""

_CHANNEL_WEIGHTS = {"FL": 1.0, "FR": 1.0, "FC": 1.0, "LFE": 0.0, "LFE2": 0.0}
"""Share of a channel in the mono mix before normalising; surround channels count half: speech sits in front."""

_SURROUND_WEIGHT = 0.5

_MOST_PLANES = 7
"""Channels in planes of their own that PyAV can hand over: with eight (7.1 in AAC) version 18 reads past the end."""

_CANCELLED = 0.01
"""Share of a channel's energy below which two channels have cancelled each other: one of them has its poles swapped."""


def load_speech(path: str | Path, max_seconds: float = MAX_SECONDS) -> Speech:
    """Read the speech of an audio or video file in any container and codec that PyAV knows.

    A stream that starts later than its container (often 20 to 80 ms in videos) keeps its place: silence is put before
    it, so that sample 0 belongs to the first video frame. Digital silence is fine.

    Raises UnusableAudio when the file is missing, empty, not readable or without sound, and when the sound is shorter
    than MIN_SECONDS or longer than `max_seconds`.
    """
    file = Path(path)
    _check_file(file)
    try:
        blocks = list(_limited(_resampled(_decoded(file)), file, max_seconds))
    except av.error.FFmpegError as problem:
        if is_image(file):
            raise UnusableAudio(f"{file} is a picture. Give an audio or video file.") from problem
        raise UnusableAudio(f"{file} cannot be read as audio or video ({problem.strerror}).") from problem
    samples = np.concatenate([np.zeros(0, np.float32), *blocks])
    if len(samples) == 0:
        raise UnusableAudio(f"{file} has an audio stream, but no sound can be decoded from it: empty or damaged.")
    if len(samples) < MIN_SECONDS * SAMPLE_RATE:
        held = f"{1000 * len(samples) / SAMPLE_RATE:.0f} ms"
        raise UnusableAudio(f"{file} holds {held} of sound; at least {1000 * MIN_SECONDS:.0f} ms are needed.")
    return Speech(samples, source=file)


def _check_file(file: Path) -> None:
    """Raise UnusableAudio for what can be said without opening the file."""
    if not file.exists():
        raise UnusableAudio(f"There is no audio file {file}.")
    if not file.is_file():
        raise UnusableAudio(f"{file} is not a file. Give an audio or video file.")
    if file.stat().st_size == 0:
        raise UnusableAudio(f"{file} is empty (0 bytes).")


def _limited(blocks: Iterator[Float], file: Path, max_seconds: float) -> Iterator[Float]:
    """Pass 16 kHz blocks on; raise as soon as they are too long, so that a day of radio does not fill memory."""
    limit = max_seconds * SAMPLE_RATE
    count = 0
    for block in blocks:
        count += len(block)
        if count > limit:
            raise UnusableAudio(f"{file} is longer than {max_seconds:g} s. Cut it, or raise the limit (max_seconds).")
        yield block


def _decoded(file: Path) -> Iterator[tuple[Float, int]]:
    """Blocks of mono samples (n,) with their sample rate, silence in place of holes in the time stamps."""
    with open_media(file) as container:
        stream = sound_stream(container, file)
        clock = StreamClock((container.start_time or 0) / av.time_base)
        for packet in container.demux(stream):
            try:
                frames = packet.decode()
            except av.error.InvalidDataError:  # one damaged packet: players skip it as well
                continue
            for frame in frames:
                assert isinstance(frame, av.AudioFrame)
                hole = clock.silence_before(frame.time, frame.samples / frame.sample_rate)
                if hole > 0.0:
                    yield np.zeros(round(hole * frame.sample_rate), np.float32), frame.sample_rate
                yield _mono(frame), frame.sample_rate


def _mono(frame: av.AudioFrame) -> Float:
    """(n,) float32 in [-1, 1] from any sample format and channel layout."""
    names = [channel.name for channel in frame.layout.channels]
    if frame.format.is_planar and len(names) > _MOST_PLANES:
        [frame] = av.AudioResampler(frame.format.packed, frame.layout, frame.sample_rate).resample(frame)
    channels = _as_float(frame.to_ndarray())
    if not frame.format.is_planar:
        channels = channels.reshape(-1, len(names)).T
    weights = np.array([_CHANNEL_WEIGHTS.get(name, _SURROUND_WEIGHT) for name in names], np.float32)
    if not weights.any():
        weights[:] = 1.0
    channels = np.nan_to_num(channels, nan=0.0, posinf=1.0, neginf=-1.0)
    mixed = (weights / weights.sum()) @ channels
    loudest = channels[int(np.argmax(weights * np.square(channels).sum(axis=1)))]
    if np.square(mixed).sum() < _CANCELLED * np.square(loudest).sum() and len(names) == 2:
        mixed = loudest
    mono: Float = np.clip(mixed, -1.0, 1.0)
    return mono


def _as_float(samples: NDArray[Any]) -> Float:
    """Integers of any width to [-1, 1]; floats as they are."""
    if samples.dtype == np.uint8:
        return (samples.astype(np.float32) - 128.0) / 128.0
    if samples.dtype.kind == "i":
        return (samples / -float(np.iinfo(samples.dtype).min)).astype(np.float32)
    return samples.astype(np.float32)


def _resampled(blocks: Iterator[tuple[Float, int]]) -> Iterator[Float]:
    """16 kHz blocks; a change of the rate within a stream (chained files, late SBR) starts a fresh resampler."""
    resampler: soxr.ResampleStream | None = None
    current = 0
    for block, rate in blocks:
        if rate != current:
            if resampler is not None:
                yield resampler.resample_chunk(np.zeros(0, np.float32), last=True)
            resampler, current = soxr.ResampleStream(rate, SAMPLE_RATE, 1, dtype="float32", quality="HQ"), rate
        assert resampler is not None
        yield np.clip(resampler.resample_chunk(block), -1.0, 1.0)
    if resampler is not None:
        yield np.clip(resampler.resample_chunk(np.zeros(0, np.float32), last=True), -1.0, 1.0)
