"""Tiny talking videos made by code: a drawn face whose mouth opens as loud as the sound is.

The tracker finds it, and miniature data sets are built of it (the same frames under other names and codecs).
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import av
import cv2
import numpy as np

from dreamtalk.face.arkit import weights
from dreamtalk.face.drawn import drawn_face
from dreamtalk.face.model import FaceModel
from dreamtalk.types import SAMPLE_RATE, Float, Image

SIDE = 160
"""Pixels; the eyes are then 35 px apart."""

_CODECS = {".mp4": ("libx264", "aac"), ".mpg": ("mpeg1video", "mp2"), ".flv": ("flv1", "mp3")}


def loudness_of(seconds: float, fps: float) -> Float:
    """(T,) in 0..1: three syllables a second."""
    time = np.arange(round(seconds * fps)) / fps
    return np.asarray(0.5 - 0.5 * np.cos(2 * np.pi * 3.0 * time), dtype=np.float32)


@lru_cache
def face(opening: float = 0.0, smile: float = 0.0) -> Image:
    """(SIDE, SIDE, 3) a drawn face with its mouth open by 0..1."""
    model = FaceModel.load()
    expression = model.from_arkit(weights(jawOpen=0.6 * opening, mouthSmile=smile))
    return drawn_face(
        replace(model, mean=model.face(np.zeros(len(model.identity_basis), np.float32), expression)), SIDE
    )


def talking(seconds: float = 1.2, fps: float = 25.0, smile: float = 0.0) -> list[Image]:
    """Frames of a talk: the head moves a little, the mouth with the loudness."""
    frames = []
    for number, loud in enumerate(loudness_of(seconds, fps)):
        shift = np.array([[1, 0, 2 * np.sin(number / 4)], [0, 1, 0]], np.float32)
        picture = cv2.warpAffine(
            face(round(float(loud), 1), smile), shift, (SIDE, SIDE), borderMode=cv2.BORDER_REPLICATE
        )
        frames.append(np.asarray(picture, dtype=np.uint8))
    return frames


def sound(seconds: float, loud: float = 0.3) -> Float:
    """Samples (S,) at 16 kHz: a hum of three syllables a second."""
    time = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    envelope = np.interp(time, np.arange(len(loudness_of(seconds, 100))) / 100, loudness_of(seconds, 100))
    return (loud * envelope * np.sign(np.sin(2 * np.pi * 140.0 * time))).astype(np.float32)


def write(path: Path, frames: list[Image], samples: Float | None, fps: int = 25) -> Path:
    """A video in the codecs of its suffix; no sound track where samples is None."""
    path.parent.mkdir(parents=True, exist_ok=True)
    video_codec, sound_codec = _CODECS[path.suffix]
    with av.open(str(path), "w") as container:
        stream = container.add_stream(video_codec, rate=fps)
        stream.width, stream.height, stream.pix_fmt = frames[0].shape[1], frames[0].shape[0], "yuv420p"
        stream.bit_rate = 800_000
        voice = None if samples is None else _sound_stream(container, sound_codec)  # before the first frame is muxed
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode(None))
        if voice is not None and samples is not None:
            _write_sound(container, voice, samples)
    return path


def write_sound(path: Path, samples: Float) -> Path:
    """A sound file alone (.wav, .m4a)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        _write_sound(container, _sound_stream(container, "pcm_s16le" if path.suffix == ".wav" else "aac"), samples)
    return path


def _sound_stream(container: av.container.OutputContainer, codec: str) -> av.AudioStream:
    stream = container.add_stream(codec, rate=44_100 if codec == "mp3" else SAMPLE_RATE, layout="mono")
    assert isinstance(stream, av.AudioStream)
    return stream


def _write_sound(container: av.container.OutputContainer, stream: av.AudioStream, samples: Float) -> None:
    frame = av.AudioFrame.from_ndarray(samples[np.newaxis], format="fltp", layout="mono")
    frame.sample_rate, frame.pts = SAMPLE_RATE, 0
    resampler = av.AudioResampler(format=stream.codec_context.format, layout="mono", rate=stream.codec_context.rate)
    for converted in [*resampler.resample(frame), *resampler.resample(None), None]:
        container.mux(stream.encode(converted))
