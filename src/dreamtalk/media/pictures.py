"""Frames as a numbered sequence of PNG files in a new folder, complete or absent, with the sound beside them."""

from __future__ import annotations

import struct
import wave
import zlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from dreamtalk.errors import DreamTalkError, UnusableOutput
from dreamtalk.media.files import replacing
from dreamtalk.media.sound import Sound, open_sound
from dreamtalk.types import VIDEO_FPS, FrameStream, Image, Speech

SOUND_FILE = "sound.wav"
_EFFORT = 2
"""PNG's compression, 0 to 9: more costs several times the time for a few percent."""
_HEADER = 33
"""Bytes of a PNG file before which no text may stand: signature and IHDR."""
_KEYWORD = b"Comment"
"""PNG's registered keyword for a remark; values are Latin-1."""


def write_pictures(
    pattern: Path,
    frames: FrameStream,
    audio: Path | Speech | None,
    *,
    comment: str = "",
    seal: Callable[[Path], object] | None = None,
) -> int:
    """Write frames (H, W, 3 or 4) uint8 RGB(A) as pattern % 0, pattern % 1, ...; returns how many there were.

    pattern: a path such as frames/%05d.png, checked by check_output; its folder is new. The sound becomes sound.wav in
    it, 16 bit, as long as the frames. comment: for the text of every file. seal: called with every finished file.
    Raises as write_video does.
    """
    sound = open_sound(audio) if audio is not None else None
    count = 0
    try:
        with replacing(pattern.parent) as folder:
            folder.mkdir()
            for count, frame in enumerate(frames, start=1):
                file = folder / (pattern.name % (count - 1))
                _write(file, frame, comment)
                if seal is not None:
                    seal(file)
            if count == 0:
                raise DreamTalkError(f"{pattern} was not written: there were no frames.")
            if sound is not None:
                _write_sound(folder / SOUND_FILE, sound, count)
    except OSError as error:
        raise UnusableOutput(f"{pattern.parent} could not be written to ({error.strerror}).") from error
    finally:
        if sound is not None:
            sound.close()
    return count


def _write(path: Path, frame: Image, comment: str) -> None:
    order = cv2.COLOR_RGB2BGR if frame.shape[2] == 3 else cv2.COLOR_RGBA2BGRA
    done, data = cv2.imencode(".png", cv2.cvtColor(frame, order), [cv2.IMWRITE_PNG_COMPRESSION, _EFFORT])
    if not done:
        raise DreamTalkError(f"{path} could not be encoded.")
    encoded = data.tobytes()
    path.write_bytes(encoded[:_HEADER] + _text(comment) + encoded[_HEADER:])


def _text(comment: str) -> bytes:
    """A tEXt chunk of the PNG specification (11.3.3.2): length, type, keyword, zero, text, checksum."""
    if not comment:
        return b""
    body = b"tEXt" + _KEYWORD + b"\0" + comment.encode("latin-1", "replace")
    return struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))


def _write_sound(path: Path, sound: Sound, frames: int) -> None:
    samples = 0
    with wave.open(str(path), "wb") as file:
        for number in range(1, frames + 1):
            end = round(number * sound.rate / VIDEO_FPS)
            block = sound.take(end - samples).to_ndarray()
            if samples == 0:
                file.setnchannels(len(block))
                file.setsampwidth(2)
                file.setframerate(sound.rate)
            samples = end
            file.writeframes(np.rint(np.clip(block.T, -1.0, 1.0) * 32767.0).astype("<i2").tobytes())
