"""Pictures and videos in: RGB uint8 arrays the right way up, or one clear message why not."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer
from av.video.stream import VideoStream

from dreamtalk.errors import DoubtfulInput, UnusableInput
from dreamtalk.media.container import open_media, video_stream
from dreamtalk.media.files import check_input
from dreamtalk.media.pixels import frame_rgb
from dreamtalk.media.stills import TooManyPixels, open_still
from dreamtalk.types import VIDEO_FPS, Image

MAX_PIXELS = 64_000_000
"""Largest picture, in pixels (8000 × 8000; 192 MB as RGB)."""

MIN_SIDE = 32
"""Smallest side of a picture, in pixels: below this no face can be found."""

_AT_MOST = f"at most {MAX_PIXELS // 1_000_000} megapixels are read. Make it smaller first."

MAX_FILE_BYTES = 500_000_000
"""Largest picture file, in bytes."""

MAX_SECONDS = 10_800.0
"""Longest video, s."""

_MAX_HELD = 60.0
"""Longest that a picture stands, s: a longer step is a broken clock, and a few bytes could ask for endless pictures."""


def read_image(path: str | Path) -> Image:
    """Read a picture as (H, W, 3) uint8 RGB.

    The EXIF rotation is applied; grey, 16-bit, palette and CMYK pictures become 8-bit RGB, wide gamuts and HDR sRGB;
    transparency is put on white; of an animation it is the first picture.
    Raises UnusableInput when the file is missing, empty, no picture, too small or too large. Warns (DoubtfulInput) of
    CMYK without a profile, whose colours are guessed.
    """
    path = check_input(path)
    if path.stat().st_size > MAX_FILE_BYTES:
        raise UnusableInput(f"{path} is too large for a picture ({path.stat().st_size / 1e9:.1f} GB).")
    with path.open("rb") as file:
        try:
            still = open_still(file)
        except TooManyPixels as error:
            raise UnusableInput(f"{path} is too large; {_AT_MOST}") from error
        if still is None:
            raise UnusableInput(
                f"{path} is not a picture that can be read. Use a JPEG, PNG, WebP, HEIC, AVIF, BMP or TIFF file with "
                "one clear face."
            )
        _check_size(path, still.width, still.height)  # before anything is unpacked
        if still.guessed:
            doubt = f"{path.name} is in the colours of printers (CMYK) and does not say which: they are guessed."
            warnings.warn(f"{doubt} Save it as RGB for exact ones.", DoubtfulInput, stacklevel=2)
        image = still.decode()
    if image is None:
        raise UnusableInput(
            f"{path} is a picture, but it cannot be read: it is damaged, cut off or of a rare kind. Get it anew, or "
            "save it as JPEG or PNG."
        )
    _check_size(path, image.shape[1], image.shape[0])
    return image


def is_image(path: str | Path) -> bool:
    """Whether the file starts like a picture. Raises UnusableInput when it is missing or empty."""
    with check_input(path).open("rb") as file:
        try:
            return open_still(file) is not None
        except TooManyPixels:
            return True


def read_frames(path: str | Path, fps: float = VIDEO_FPS) -> Iterator[Image]:
    """Read a video as (H, W, 3) uint8 RGB frames at a constant rate, one at a time.

    Frame i is the picture nearest to time i / fps after the first picture: no blending, whatever the file's own rate.
    The rotation flag of phones is applied. Raises UnusableInput when the file is missing, empty or has no video that
    can be read, and when it lasts longer than MAX_SECONDS.
    """
    path = check_input(path)
    empty = True
    try:
        with open_media(path) as container:
            stream = video_stream(container, path)
            _check_size(path, stream.width, stream.height)
            stream.thread_type = "AUTO"
            stream.codec_context.options = {"max_pixels": str(MAX_PIXELS)}  # the size may change on the way
            last, image = None, None
            for number, frame in enumerate(_at_rate(_pictures(container, stream), fps)):
                if number > MAX_SECONDS * fps:
                    raise UnusableInput(f"{path} is longer than {MAX_SECONDS / 3600:g} hours. Cut it first.")
                empty = False
                if image is None or frame is not last:
                    last, image = frame, _upright(frame, stream.codec_context)
                    yield image
                else:
                    yield image.copy()
    except av.error.FFmpegError as error:
        raise UnusableInput(f"{path} is not a video that can be read ({error.strerror}).") from error
    if empty:
        raise UnusableInput(f"{path} holds no picture that can be read.")


def seconds_of(path: str | Path) -> float | None:
    """How long the pictures of a video last by its own account, s; None when it gives none or cannot be read.

    Raises UnusableInput when the file is missing or holds no video.
    """
    path = check_input(path)
    try:
        with open_media(path) as container:
            stream = video_stream(container, path)
            if stream.duration is not None and stream.time_base is not None:
                return float(stream.duration * stream.time_base)
            return None if container.duration is None else container.duration / av.time_base
    except av.error.FFmpegError:
        return None


def fps_of(path: str | Path) -> float | None:
    """Pictures per second of a video by its own account; None when it gives none or cannot be read.

    Raises UnusableInput when the file is missing or holds no video.
    """
    path = check_input(path)
    try:
        with open_media(path) as container:
            rate = video_stream(container, path).average_rate
            return None if not rate else float(rate)
    except av.error.FFmpegError:
        return None


def _check_size(path: Path, width: int, height: int) -> None:
    if min(width, height) == 0:
        raise UnusableInput(f"{path} is not a picture or video that can be read.")
    if min(width, height) < MIN_SIDE:
        raise UnusableInput(f"{path} is too small ({width} × {height} px); at least {MIN_SIDE} px a side are needed.")
    if width * height > MAX_PIXELS:
        raise UnusableInput(f"{path} is too large ({width} × {height} px); {_AT_MOST}")


def _pictures(container: InputContainer, stream: VideoStream) -> Iterator[av.VideoFrame]:
    """Decoded frames in the order they are shown, broken ones left out."""
    for packet in container.demux(stream):
        try:
            yield from packet.decode()
        except av.error.InvalidDataError:
            continue


def _at_rate(frames: Iterator[av.VideoFrame], fps: float) -> Iterator[av.VideoFrame]:
    """Pick the frame nearest to each time i / fps; the last one lasts as long as the one before it."""
    shown: av.VideoFrame | None = None
    origin = start = 0.0
    length = 1.0 / fps
    index = 0
    for frame in frames:
        now = frame.time if frame.time is not None else start + length
        if shown is None:
            origin = now
        else:
            if now - start > _MAX_HELD:
                origin += now - start - length
                start = now - length
            while index / fps <= (start + now) / 2 - origin:
                yield shown
                index += 1
            length = max(now - start, 0.0)
        shown, start = frame, now
    end = start + length - origin
    while shown is not None and (index + 0.5) / fps < end + 1e-6:
        yield shown
        index += 1


def _upright(frame: av.VideoFrame, tags: av.VideoCodecContext) -> Image:
    """The frame as sRGB, turned as its rotation flag asks. tags: colours where the frame says nothing of them."""
    image = frame_rgb(frame, tags)
    quarter_turns = round(frame.rotation / 90) % 4
    return np.ascontiguousarray(np.rot90(image, quarter_turns)) if quarter_turns else image
