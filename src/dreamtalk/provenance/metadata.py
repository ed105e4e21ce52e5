"""What a video of ours says about itself in its metadata. Always written."""

from __future__ import annotations

from pathlib import Path

import av

from dreamtalk.errors import UnusableInput
from dreamtalk.media.container import open_media
from dreamtalk.version import package_version

SOURCE_TYPE = "compositeWithTrainedAlgorithmicMedia"
"""IPTC's digital source type for a real picture that a trained model has animated."""

_PNG_COMMENT = b"Comment\0"
_PNG_HEAD = 4096
"""Bytes of a PNG file in which our remark stands: right after its header."""


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
    try:
        with open_media(path) as container:
            tags = {name.lower(): text for name, text in container.metadata.items()}
    except (av.error.FFmpegError, OSError) as error:
        raise UnusableInput(f"{path} cannot be read as a picture or video ({error.strerror}).") from error
    comment = tags.get("comment") or _png_comment(path)
    return comment if SOURCE_TYPE in comment and "dreamtalk" in comment else None


def _png_comment(path: Path) -> str:
    """The first remark of a PNG file, "" in other files and without one."""
    with path.open("rb") as file:
        head = file.read(_PNG_HEAD)
    start = head.find(_PNG_COMMENT)
    if not head.startswith(b"\x89PNG") or start < 8:
        return ""
    length = int.from_bytes(head[start - 8 : start - 4], "big") - len(_PNG_COMMENT)
    text = start + len(_PNG_COMMENT)
    return head[text : text + max(length, 0)].decode("latin-1")
