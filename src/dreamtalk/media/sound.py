"""The original sound of a talk, read in step with the frames it accompanies, at its own rate and channels."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.audio.fifo import AudioFifo
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler

from dreamtalk.errors import UnusableAudio
from dreamtalk.media.clock import StreamClock
from dreamtalk.media.container import open_media, sound_stream
from dreamtalk.media.files import check_input
from dreamtalk.types import SAMPLE_RATE, Speech

AAC_RATES = (7350, 8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 64000, 88200, 96000)
"""Sample rates an AAC stream can have, in Hz; others go to the next one above."""

AAC_LAYOUTS = ("mono", "stereo", "3.0", "4.0", "5.0", "5.1")
"""Channel layouts our encoder takes as they are; 7.1 becomes 5.1 (PyAV 18 breaks on eight planes), others stereo."""

_FORMAT = "fltp"
"""What the AAC encoder eats: float32, one plane per channel."""

_BLOCK = 4096
"""Samples per block when speech is given as an array."""


class Sound:
    """Sound as a stream of samples: ``take`` gives the next ones, silence after the end. Memory does not grow.

    rate: Hz. layout: FFmpeg's name of the channel layout. Time 0 is the start of the file; holes in its clock are
    silence, exactly as the speech encoder hears it.
    """

    def __init__(self, frames: Iterator[AudioFrame], rate: int, layout: str) -> None:
        self.rate = rate
        self.layout = layout
        self._frames: Iterator[AudioFrame] | None = frames
        self._fifo = AudioFifo()

    def take(self, samples: int) -> AudioFrame:
        """The next ``samples`` samples, as one planar float32 frame."""
        while self._frames is not None and self._fifo.samples < samples:
            frame = next(self._frames, None)
            if frame is None:
                self._frames = None
                break
            frame.pts = None
            frame.time_base = Fraction(1, self.rate)  # a stream that changes on its way has several
            self._fifo.write(frame)
        block = np.zeros((av.AudioLayout(self.layout).nb_channels, samples), np.float32)
        read = self._fifo.read(samples, partial=True)
        if read is not None:
            block[:, : read.samples] = read.to_ndarray()
        # Float files may hold anything; the encoder refuses what is no number.
        np.nan_to_num(block, copy=False, nan=0.0, posinf=1.0, neginf=-1.0)
        frame = AudioFrame.from_ndarray(block, format=_FORMAT, layout=self.layout)
        frame.sample_rate = self.rate
        return frame

    def close(self) -> None:
        """Let go of the file."""
        if self._frames is not None and hasattr(self._frames, "close"):
            self._frames.close()
        self._frames = None


def open_sound(source: Path | Speech) -> Sound:
    """The sound to put under a video: of the file where there is one, otherwise the samples themselves.

    Raises UnusableInput or UnusableAudio when a file cannot be read or has no sound.
    """
    if isinstance(source, Speech):
        if source.source is None:
            return Sound(_of_samples(source), SAMPLE_RATE, "mono")
        source = source.source
    path = check_input(source)
    try:
        with open_media(path) as container:
            context = sound_stream(container, path).codec_context
            rate = next((r for r in AAC_RATES if r >= context.sample_rate), AAC_RATES[-1])
            layout = _layout_for(context.layout)
    except av.error.FFmpegError as error:
        raise UnusableAudio(f"{path} is not sound that can be read ({error.strerror}).") from error
    return Sound(_of_file(path, rate, layout), rate, layout)


def _layout_for(given: av.AudioLayout) -> str:
    if given.name in AAC_LAYOUTS:
        return given.name
    if given.name.startswith("7.1"):
        return "5.1"
    return "mono" if given.nb_channels == 1 else "stereo"


def _of_samples(speech: Speech) -> Iterator[AudioFrame]:
    for start in range(0, len(speech.samples), _BLOCK):
        block = speech.samples[np.newaxis, start : start + _BLOCK]
        frame = AudioFrame.from_ndarray(np.ascontiguousarray(block, np.float32), format=_FORMAT, layout="mono")
        frame.sample_rate = SAMPLE_RATE
        yield frame


def _of_file(path: Path, rate: int, layout: str) -> Iterator[AudioFrame]:
    resampler, shape = None, None
    for frame, silence in _decoded(path, rate):
        if resampler is None or shape != (frame.format.name, frame.layout.name, frame.sample_rate):
            if resampler is not None:
                yield from resampler.resample(None)
            shape = (frame.format.name, frame.layout.name, frame.sample_rate)
            resampler = AudioResampler(format=_FORMAT, layout=layout, rate=rate)
        for start in range(0, silence, _BLOCK):
            yield _silence(min(_BLOCK, silence - start), rate, layout)
        frame.pts = None  # the position in the stream is the time from here on
        yield from resampler.resample(frame)
    if resampler is not None:
        yield from resampler.resample(None)


def _decoded(path: Path, rate: int) -> Iterator[tuple[AudioFrame, int]]:
    """Decoded blocks, each with the samples of silence at ``rate`` Hz that belong before it."""
    with open_media(path) as container:
        stream = sound_stream(container, path)
        clock = StreamClock((container.start_time or 0) / av.time_base)
        for packet in container.demux(stream):
            try:
                frames = packet.decode()
            except av.error.InvalidDataError:  # one damaged packet does not spoil the rest
                continue
            for frame in frames:
                hole = clock.silence_before(frame.time, frame.samples / frame.sample_rate)
                yield frame, round(hole * rate)


def _silence(samples: int, rate: int, layout: str) -> AudioFrame:
    channels = av.AudioLayout(layout).nb_channels
    frame = AudioFrame.from_ndarray(np.zeros((channels, samples), np.float32), format=_FORMAT, layout=layout)
    frame.sample_rate = rate
    return frame
