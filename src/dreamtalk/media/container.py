"""Opening media files, and nothing but files."""

from __future__ import annotations

from pathlib import Path

import av
from av.container import InputContainer


def open_media(path: Path) -> InputContainer:
    """A sound or video file. Raises av.error.FFmpegError when it is none.

    "file:" keeps FFmpeg from taking a name like "a: b.wav" for an address; the list of protocols keeps playlists from
    opening connections.
    """
    return av.open(f"file:{path}", metadata_errors="ignore", options={"protocol_whitelist": "file"})
