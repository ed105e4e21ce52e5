"""Fragmented MP4 while it is made: what browsers play through Media Source Extensions, with sound."""

from __future__ import annotations

from fractions import Fraction
from typing import cast

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.video.frame import VideoFrame
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc, VideoReformatter
from av.video.stream import VideoStream

from dreamtalk.media.formats import CRF
from dreamtalk.provenance import origin_comment
from dreamtalk.types import SAMPLE_RATE, VIDEO_FPS, Float, Image

CODECS = 'video/mp4; codecs="avc1.42E01F, mp4a.40.2"'
"""What a browser is told about the stream: H.264 baseline, AAC-LC."""

_FRAGMENT = 160_000
"""Microseconds per fragment (4 frames): shorter ones cost more bytes, longer ones more delay."""
_KEY_FRAMES = 2 * VIDEO_FPS
_SAMPLES = SAMPLE_RATE // VIDEO_FPS
_AUDIO_BITS = 64_000
_PRESET = "veryfast"


class FragmentedMp4:
    """Frames and their sound in, bytes of a stream out. The first bytes are the header that every reader needs."""

    def __init__(self, width: int, height: int) -> None:
        """width, height: px; odd ones lose a row or column."""
        self._size = width // 2 * 2, height // 2 * 2
        self._out = _Bytes()
        options = {"movflags": "frag_keyframe+empty_moov+default_base_moof", "frag_duration": str(_FRAGMENT)}
        self._file: OutputContainer = av.open(cast(str, self._out), "w", format="mp4", options=options)
        self._file.metadata["comment"] = origin_comment()
        video = self._file.add_stream("libx264", rate=VIDEO_FPS, options=_VIDEO)
        assert isinstance(video, VideoStream)
        video.width, video.height = self._size
        video.pix_fmt = "yuv420p"
        context = video.codec_context
        context.thread_count = 1
        context.colorspace, context.color_range = Colorspace.ITU709, ColorRange.MPEG
        context.color_primaries, context.color_trc = ColorPrimaries.BT709, ColorTrc.BT709
        audio = self._file.add_stream("aac", rate=SAMPLE_RATE, layout="mono")
        assert isinstance(audio, AudioStream)
        audio.bit_rate = _AUDIO_BITS
        self._video, self._audio = video, audio
        self._reformatter = VideoReformatter()
        self._heard = 0

    def add(self, image: Image | None, number: int, sound: Float) -> bytes:
        """Frame `number` (H, W, 3), counted from 0 without holes, and its 40 ms of sound (640,) at 16 kHz.

        image: None leaves the picture out, for readers who are too slow; the one before is shown longer. Returns the
        bytes that are ready now, often none.
        """
        if image is not None:
            width, height = self._size
            even = np.ascontiguousarray(image[:height, :width, :3])
            frame = self._reformatter.reformat(
                VideoFrame.from_ndarray(even, format="rgb24"),
                format="yuv420p",
                dst_colorspace=Colorspace.ITU709,
                src_color_range=ColorRange.JPEG,
                dst_color_range=ColorRange.MPEG,
            )
            frame.pts, frame.time_base = number, Fraction(1, VIDEO_FPS)
            self._file.mux(self._video.encode(frame))
        block = AudioFrame.from_ndarray(np.ascontiguousarray(sound[np.newaxis], np.float32), "fltp", "mono")
        block.sample_rate, block.pts, block.time_base = SAMPLE_RATE, self._heard, Fraction(1, SAMPLE_RATE)
        self._heard += _SAMPLES
        self._file.mux(self._audio.encode(block))
        return self._out.take()

    def close(self) -> bytes:
        """The last bytes."""
        self._file.mux(self._video.encode(None))
        self._file.mux(self._audio.encode(None))
        self._file.close()
        return self._out.take()


_VIDEO = {
    "crf": str(CRF),
    "preset": _PRESET,
    "tune": "zerolatency",
    "profile": "baseline",
    "g": str(_KEY_FRAMES),
}


class _Bytes:
    """What FFmpeg writes into: it cannot go back, so nothing that was sent is ever changed."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._parts.append(bytes(data))
        return len(data)

    def take(self) -> bytes:
        taken, self._parts = b"".join(self._parts), []
        return taken
