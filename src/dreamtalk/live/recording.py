"""A live talk as a video file: what was shown, with the sound that was heard with it, written while it goes on."""

from __future__ import annotations

import errno
import os
import shutil
import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from queue import Full, Queue
from typing import TYPE_CHECKING

import numpy as np
from av.audio.frame import AudioFrame

from dreamtalk.errors import UnusableOutput
from dreamtalk.media import write_video
from dreamtalk.media.formats import FORMATS
from dreamtalk.media.sound import Sound
from dreamtalk.provenance import origin_comment
from dreamtalk.provenance.marking import Marks
from dreamtalk.talk import begun
from dreamtalk.types import SAMPLE_RATE, VIDEO_FPS, Float, Image

if TYPE_CHECKING:
    from dreamtalk.options import TalkOptions

_DEPTH = 10
"""Frames that may wait for the encoder (0.4 s): beyond that the talk waits, and gets late as on any slow machine."""

_PATIENCE = 0.1
"""Seconds after which a talk that waits looks whether the encoder still works."""

_LOOK_FRAMES = VIDEO_FPS
"""Between two looks at the file and the disk."""


@dataclass(frozen=True, slots=True)
class Record:
    """A recording to make. path: .mp4, .mov or .webm. seconds, bytes: where it ends though the talk goes on. spare:
    bytes that stay free on the disk besides what signing takes, which is as much again as the recording."""

    path: Path
    seconds: float = 4 * 3600.0
    bytes: int = 4_000_000_000
    spare: int = 200_000_000


@dataclass(frozen=True, slots=True)
class Recorded:
    """A finished recording. seconds: of it. size: width and height, px. marks: that say it is synthetic. cut: why it
    ends before the talk did, in words; "" where it does not."""

    path: Path
    frames: int
    size: tuple[int, int]
    marks: Marks
    cut: str = ""

    @property
    def seconds(self) -> float:
        """Length of the recording."""
        return self.frames / VIDEO_FPS


class Recording:
    """Takes frames and their sound, and writes them in a thread of its own. The file is there when `close` returns, or
    not at all. Memory does not grow with its length."""

    def __init__(self, asked: Record, portrait: object, options: TalkOptions, payloads: list[int]) -> None:
        """portrait: what the talk was made of, a path or not. payloads: of the watermark, once the talk's first frame
        is made. Raises UnusableOutput where the file cannot be written or the disk is nearly full, UnusableInput when
        own credentials cannot be used."""
        if asked.path.suffix.lower() not in FORMATS:
            raise UnusableOutput(f"The recording {asked.path} must end in {' or '.join(FORMATS)}.")
        self._path, self._marking = begun(asked.path, options, {"portrait": portrait})
        if (free := shutil.disk_usage(self._path.parent).free) < asked.spare:
            title = f"The disk has {free / 1e6:.0f} MB left, and a recording begins with {asked.spare / 1e6:.0f} MB."
            raise UnusableOutput(f"{title} Make room first.") from OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._asked = asked
        self._payloads = payloads
        self._waiting: Queue[tuple[Image, Float] | None] = Queue(_DEPTH)
        self._heard: deque[Float] = deque()
        self._writer = threading.Thread(target=self._write, daemon=True, name="dreamtalk recording")
        self._frames, self._size = 0, (0, 0)
        self._cut = ""
        self._ended = False
        self._error: BaseException | None = None

    @property
    def ended(self) -> str:
        """Why nothing more is recorded though the talk goes on, in words; "" while it is."""
        return "The recording cannot be written." if self._error is not None else self._cut

    def add(self, image: Image, sound: Float) -> None:
        """A frame (H, W, 3 or 4) and its FRAME_SAMPLES of sound. A file that cannot be written ends the recording, not
        the talk: `close` tells of it."""
        if self._ended:
            return
        if self._frames == 0:
            self._size = image.shape[1], image.shape[0]
            self._writer.start()
        elif (cut := self._limit()) != "":
            self._cut = cut
            self._end()
            return
        self._offer((image, sound))
        self._frames += 1

    def style(self, style: object) -> None:
        """The talk went over to another style."""
        self._marking.later_style(style)

    def close(self) -> Recorded | None:
        """Finish the file; None where there was no frame. Raises DreamTalkError when it could not be written."""
        if self._frames == 0:
            self._ended = True
            return None
        self._end()
        self._writer.join()
        if self._error is not None:
            raise self._error
        marks = self._marking.set(self._path, self._payloads)
        return Recorded(self._path, self._frames, self._size, marks, self._cut)

    def _end(self) -> None:
        if not self._ended:
            self._ended = True
            self._offer(None)

    def _offer(self, entry: tuple[Image, Float] | None) -> None:
        while self._writer.is_alive():
            try:
                return self._waiting.put(entry, timeout=_PATIENCE)
            except Full:
                continue

    def _limit(self) -> str:
        """Why no more can be recorded; "" where it can."""
        if self._frames >= self._asked.seconds * VIDEO_FPS:
            return f"The recording ends after {self._asked.seconds:g} s, which is as long as one may be."
        if self._frames % _LOOK_FRAMES:
            return ""
        drafts = self._path.parent.glob(f".{self._path.stem}-*")  # what media.files.replacing writes to
        size = sum(file.stat().st_size for file in drafts)
        if size >= self._asked.bytes:
            return f"The recording ends at {size / 1e6:.0f} MB, which is as large as one may be."
        if shutil.disk_usage(self._path.parent).free < size + self._asked.spare:
            return "The recording ends where the disk was nearly full."
        return ""

    def _write(self) -> None:
        """The thread that encodes."""
        try:
            sound = Sound(self._blocks(), SAMPLE_RATE, "mono")
            write_video(self._path, self._images(), sound, comment=origin_comment(), seal=self._seal)
        except BaseException as error:
            self._error = error

    def _images(self) -> Iterator[Image]:
        while (entry := self._waiting.get()) is not None:
            self._heard.append(entry[1])
            yield entry[0]

    def _blocks(self) -> Iterator[AudioFrame]:
        """The sound of each frame, which the encoder asks for after the frame."""
        while self._heard:
            block = np.ascontiguousarray(self._heard.popleft()[np.newaxis], np.float32)
            frame = AudioFrame.from_ndarray(block, format="fltp", layout="mono")
            frame.sample_rate = SAMPLE_RATE
            yield frame

    def _seal(self, file: Path) -> None:
        self._marking.seal(file, self._payloads)
