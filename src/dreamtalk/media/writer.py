"""Frames and sound out: one video file (MP4, MOV, WebM), encoded once, complete or absent."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from fractions import Fraction
from pathlib import Path
from types import TracebackType

import av
import numpy as np
from av.audio.stream import AudioStream
from av.video.frame import VideoFrame
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc, VideoReformatter
from av.video.stream import VideoStream

from dreamtalk.errors import DreamTalkError, UnusableOutput
from dreamtalk.media.files import check_output, replacing
from dreamtalk.media.formats import FORMATS, VideoFormat, format_of
from dreamtalk.media.pictures import write_pictures
from dreamtalk.media.sound import Sound, open_sound
from dreamtalk.types import VIDEO_FPS, FrameStream, Image, Speech

BITS_PER_CHANNEL = 96_000
"""Bits per second and channel of the sound, less where the sample rate allows less."""

BITS_PER_SAMPLE = 4
"""Upper limit for low sample rates (the format itself stops at 6)."""


PICTURES = ".png"
OUTPUTS = (*FORMATS, PICTURES)
"""Endings of what can be written."""


def write_video(
    path: str | Path,
    frames: FrameStream,
    audio: Path | Speech | Sound | None,
    *,
    comment: str = "",
    threads: int = 1,
    seal: Callable[[Path], object] | None = None,
) -> int:
    """Write frames (H, W, 3) uint8 RGB at 25 fps and their sound; returns how many frames there were.

    The ending of the path decides on the format (see formats.FORMATS): .mp4, .mov, .webm, or frames/%05d.png for a
    sequence of pictures (which takes no Sound). Frames (H, W, 4) RGBA stay transparent in all but .mp4. Frames are
    encoded as they come, each before its part of the sound is asked for. The sound keeps its rate and channels (WebM:
    48 kHz, at most two), starts with the first frame and is cut or filled with silence to the length of the video.
    comment: for the file's metadata. threads: of the video encoder; the frames are made on another core. seal: called
    with the finished file, of pictures with each, before it gets its name.
    The file appears under its name only when complete; on any error, Ctrl-C included, nothing is left.
    Raises UnusableOutput when the file cannot be written and UnusableInput when the sound cannot be read.
    """
    path = check_output(path, OUTPUTS)
    if path.suffix.lower() == PICTURES:
        assert not isinstance(audio, Sound)
        return write_pictures(path, frames, audio, comment=comment, seal=seal)
    sound = audio if audio is None or isinstance(audio, Sound) else open_sound(audio)
    try:
        with replacing(path) as temporary:
            with _Encoder(temporary, sound, comment, threads) as encoder:
                for frame in frames:
                    encoder.add(frame)
                if encoder.count == 0:
                    raise DreamTalkError(f"{path} was not written: there were no frames.")
            if seal is not None:
                seal(temporary)
        return encoder.count
    finally:
        if sound is not None:
            sound.close()


class _Encoder:
    """An open video file: ``add`` a frame, and the sound that goes with it follows."""

    def __init__(self, path: Path, sound: Sound | None, comment: str, threads: int) -> None:
        self.count = 0
        self._path = path
        self._format: VideoFormat = format_of(path)
        self._sound = sound
        self._samples = 0
        self._threads = threads
        self._reformatter = VideoReformatter()  # kept: making one costs more than a conversion
        self._video: VideoStream | None = None
        self._audio: AudioStream | None = None
        try:
            options = self._format.container_options
            self._container = av.open(f"file:{path}", "w", format=self._format.container, options=options)
        except OSError as error:
            raise UnusableOutput(f"{path.parent} cannot be written to: {error.strerror}.") from error
        if comment:
            self._container.metadata["comment"] = comment

    def __enter__(self) -> _Encoder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            # The file is going to be deleted; finishing it could fail again and hide the first error.
            with suppress(Exception):
                self._container.close()
            return
        with _explained(self._path):
            if self._video is not None:
                self._container.mux(self._video.encode(None))
            if self._audio is not None:
                self._container.mux(self._audio.encode(None))
            self._container.close()

    def add(self, image: Image) -> None:
        """Encode one frame and the sound up to its end."""
        alpha = image.shape[2] == 4
        if self._video is None:
            self._video = self._open_video(image.shape[1] // 2 * 2, image.shape[0] // 2 * 2, alpha)
            self._audio = self._open_audio()
        even = np.ascontiguousarray(image[: self._video.height, : self._video.width])
        frame = self._reformatter.reformat(
            VideoFrame.from_ndarray(even, format="rgba" if alpha else "rgb24"),
            format=self._video.pix_fmt,
            dst_colorspace=Colorspace.ITU709,
            src_color_range=ColorRange.JPEG,
            dst_color_range=ColorRange.MPEG,
        )
        frame.pts, frame.time_base = self.count, Fraction(1, VIDEO_FPS)
        self.count += 1
        with _explained(self._path):
            self._container.mux(self._video.encode(frame))
            self._add_sound()

    def _add_sound(self) -> None:
        if self._sound is None or self._audio is None:
            return
        end = round(self.count * self._sound.rate / VIDEO_FPS)
        frame = self._sound.take(end - self._samples)
        frame.pts, frame.time_base = self._samples, Fraction(1, self._sound.rate)
        self._samples = end
        self._container.mux(self._audio.encode(frame))

    def _open_video(self, width: int, height: int, alpha: bool) -> VideoStream:
        chosen = self._format
        if alpha and chosen.pixels_alpha is None:
            raise UnusableOutput(
                f"{self._path.suffix} videos cannot be transparent. Use .mov, .webm or frames/%05d.png."
            )
        options = chosen.alpha_options if alpha and chosen.alpha_options else chosen.video_options
        stream = self._container.add_stream(chosen.video, rate=VIDEO_FPS, options=options)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height = width, height
        stream.pix_fmt = chosen.pixels_alpha if alpha else chosen.pixels
        if alpha:
            stream.metadata["alpha_mode"] = "1"  # tells players of WebM to look for it
        context = stream.codec_context
        context.colorspace, context.color_range = Colorspace.ITU709, ColorRange.MPEG
        context.color_primaries, context.color_trc = ColorPrimaries.BT709, ColorTrc.BT709
        context.thread_count = self._threads
        return stream

    def _open_audio(self) -> AudioStream | None:
        if self._sound is None:
            return None
        chosen, sound = self._format, self._sound
        stereo = chosen.audio == "libopus" and av.AudioLayout(sound.layout).nb_channels > 2
        stream = self._container.add_stream(
            chosen.audio, rate=chosen.audio_rate or sound.rate, layout="stereo" if stereo else sound.layout
        )
        assert isinstance(stream, AudioStream)
        if chosen.audio != "pcm_s16le":
            per_channel = min(BITS_PER_CHANNEL, BITS_PER_SAMPLE * sound.rate)
            stream.bit_rate = per_channel * stream.codec_context.channels
        return stream


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Turn errors of the file system and of the encoder into ours."""
    try:
        yield
    except av.error.FFmpegError as error:
        raise UnusableOutput(f"{path.parent} could not be written to ({error.strerror}). Is the disk full?") from error
