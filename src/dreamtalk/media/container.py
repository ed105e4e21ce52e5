"""Opening media files, and nothing but files; choosing the sound in them."""

from __future__ import annotations

from pathlib import Path

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from dreamtalk.errors import UnusableAudio, UnusableInput

KINDS = (
    "aac,ac3,aiff,amr,amrnb,amrwb,ape,apng,asf,au,av1,avi,caf,dsf,dts,dtshd,dv,eac3,flac,flv,g722,gif,gsm,gxf,h263,h264,hevc,"
    "iff,ivf,loas,m4v,matroska,mjpeg,mlp,mov,mp3,mpc,mpc8,mpeg,mpegts,mpegvideo,mxf,nut,obu,ogg,oma,rm,sox,tak,truehd,tta,"
    "vc1,voc,w64,wav,webm,wtv,wv,yuv4mpegpipe"
)
"""FFmpeg's names of the containers that are opened: those that hold sound and pictures themselves. Playlists (HLS,
DASH, concat, SDP) name other files, which a stranger's file must not do; subtitles and games hold no speech."""

OPTIONS = {"protocol_whitelist": "file", "format_whitelist": KINDS}
"""What FFmpeg is told whenever it opens a file."""

_OPEN_SECONDS = 60.0
"""Longest that FFmpeg may look for the streams of a file, s: usual ones take milliseconds."""

MIN_RATE, MAX_RATE = 1_000, 1_000_000
"""Sample rates that sound can have, Hz. Damaged and hostile files claim 1 or 2,147,483,647."""


def open_media(path: Path) -> InputContainer:
    """A sound or video file. Raises av.error.FFmpegError when it is none.

    "file:" keeps FFmpeg from taking a name like "a: b.wav" for an address.
    """
    return av.open(f"file:{path}", metadata_errors="ignore", options=dict(OPTIONS), timeout=(_OPEN_SECONDS, None))


def sound_stream(container: InputContainer, path: Path) -> AudioStream:
    """The sound that players would play. Raises UnusableAudio where there is none, or its sample rate is impossible."""
    if not container.streams.audio:
        raise UnusableAudio(f"{path} holds no sound.")
    stream = container.streams.best("audio") or container.streams.audio[0]
    assert isinstance(stream, AudioStream)
    if stream.codec_context is None:
        raise UnusableAudio(f"{path} holds sound of an unknown kind, or is damaged.")
    rate = stream.codec_context.sample_rate
    if not MIN_RATE <= rate <= MAX_RATE:
        raise UnusableAudio(
            f"{path} claims {rate:,} samples a second; {MIN_RATE:,} to {MAX_RATE:,} are read. Save the sound again, "
            "for instance as WAV with 48,000."
        )
    return stream


def video_stream(container: InputContainer, path: Path) -> VideoStream:
    """The moving pictures that a player would play; the cover of a song is none. Raises UnusableInput."""
    films = [stream for stream in container.streams.video if not stream.disposition & Disposition.attached_pic]
    if not films:
        cover = " but the picture of its cover" if container.streams.video else ""
        raise UnusableInput(f"{path} holds no video{cover}.")
    best = container.streams.best("video")
    stream = next((film for film in films if best is not None and film.index == best.index), films[0])
    if stream.codec_context is None:
        raise UnusableInput(f"{path} is a video of an unknown kind, or damaged.")
    return stream
