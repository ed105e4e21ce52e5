"""What a video of ours says about itself in its metadata. Always written."""

from __future__ import annotations

import os
from pathlib import Path

import av

from dreamtalk.errors import UnusableInput
from dreamtalk.media import is_image
from dreamtalk.media.container import open_media
from dreamtalk.version import package_version

SOURCE_TYPE = "compositeWithTrainedAlgorithmicMedia"
"""IPTC's digital source type for a real picture that a trained model has animated."""

_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_COMMENT = b"Comment\0"
_PNG_CHUNKS = 100
"""Chunks of a PNG file that are looked at; ours is among the first, with the header and the manifest."""
_LONGEST_COMMENT = 65536
"""Bytes."""


def origin_comment() -> str:
    """One sentence for the file's comment field, readable by people and by programs that look for AI marks."""
    return (
        f"Synthetic video (AI-generated): a still picture animated to a sound file by dreamtalk {package_version()}. "
        f"digitalSourceType: {SOURCE_TYPE}"
    )


def comment_of(path: Path) -> str | None:
    """The remark in a file's metadata when it is an origin_comment, of this version or another; None otherwise.

    Raises UnusableInput when the file is no picture, sound or video.
    """
    if is_image(path):
        comment = _png_comment(path)
    else:
        try:
            with open_media(path) as container:
                tags = {name.lower(): text for name, text in container.metadata.items()}
        except (av.error.FFmpegError, OSError) as error:
            raise UnusableInput(f"{path} cannot be read as a picture or video ({error.strerror}).") from error
        comment = tags.get("comment", "")
    return comment if SOURCE_TYPE in comment and "dreamtalk" in comment else None


def _png_comment(path: Path) -> str:
    """The first remark of a PNG file, "" in other files and without one."""
    with path.open("rb") as file:
        if file.read(len(_PNG)) != _PNG:
            return ""
        for _ in range(_PNG_CHUNKS):
            head = file.read(8)
            length, kind = int.from_bytes(head[:4], "big"), head[4:]
            if kind in (b"IDAT", b"IEND", b""):
                return ""
            if kind == b"tEXt" and length <= _LONGEST_COMMENT:
                text = file.read(length)
                if text.startswith(_PNG_COMMENT):
                    return text[len(_PNG_COMMENT) :].decode("latin-1")
                length = 0
            file.seek(length + 4, os.SEEK_CUR)
    return ""
