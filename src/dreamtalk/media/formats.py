"""The kinds of video we write, by the ending of the file's name."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from dreamtalk.errors import UnusableOutput

CRF = 18
"""x264's constant rate factor: visually without loss on faces."""

PRESET = "veryfast"
"""x264's effort; slower ones cost more time than the whole face does."""

_VP9_CRF, _VP9_EFFORT = "24", "8"
"""VP9's constant rate factor, about as good as x264's 18, and its speed, 0 to 8."""


@dataclass(frozen=True, slots=True)
class VideoFormat:
    """container: FFmpeg's name, and its options. video, audio: encoders. pixels, pixels_alpha: formats they are given
    without and with transparency; None: it cannot hold any. audio_rate: sample rate it is given, Hz; None: the sound's.
    """

    container: str
    video: str
    audio: str
    pixels: str
    pixels_alpha: str | None = None
    video_options: dict[str, str] = field(default_factory=dict)
    alpha_options: dict[str, str] = field(default_factory=dict)
    container_options: dict[str, str] = field(default_factory=dict)
    audio_rate: int | None = None


FORMATS = {
    ".mp4": VideoFormat(
        container="mp4",
        video="libx264",
        audio="aac",
        pixels="yuv420p",
        video_options={"crf": str(CRF), "preset": PRESET},
        container_options={"movflags": "faststart"},  # the index in front: players start before the file has arrived
    ),
    ".mov": VideoFormat(
        container="mov",
        video="prores_ks",
        audio="pcm_s16le",
        pixels="yuv422p10le",
        pixels_alpha="yuva444p10le",
        video_options={"profile": "hq", "vendor": "apl0"},
        alpha_options={"profile": "4444", "vendor": "apl0", "alpha_bits": "16"},
        container_options={"movflags": "faststart"},
    ),
    ".webm": VideoFormat(
        container="webm",
        video="libvpx-vp9",
        audio="libopus",
        pixels="yuv420p",
        pixels_alpha="yuva420p",
        video_options={
            "crf": _VP9_CRF,
            "b": "0",
            "deadline": "realtime",
            "cpu-used": _VP9_EFFORT,
            "row-mt": "1",
            "auto-alt-ref": "0",  # alternate references and transparency exclude each other
        },
        audio_rate=48_000,
    ),
}
"""H.264 for players, ProRes for editing, VP9 for web pages; the last two can be transparent."""


def format_of(path: Path) -> VideoFormat:
    """The format by the name's ending. Raises UnusableOutput when the encoder is not there."""
    import av

    chosen = FORMATS[path.suffix.lower()]
    for codec in (chosen.video, chosen.audio):
        if codec not in av.codecs_available:
            raise UnusableOutput(f"{path}: this build of FFmpeg has no {codec}. Use another ending: .mp4 always works.")
    return chosen
