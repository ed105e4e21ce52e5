"""What is in an uploaded file: found by its content, never by its name, and read to the end before it is accepted.

Runs in a process of its own (child.py), because files from strangers are what crashes decoders.
"""

from __future__ import annotations

import warnings
import zipfile
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av

from dreamtalk.errors import DoubtfulInput, FaceNotFound, UnusableAudio, UnusableInput
from dreamtalk.media import is_image, read_frames, read_image, seconds_of
from dreamtalk.media.container import open_media
from dreamtalk.serve.settings import Limits

if TYPE_CHECKING:
    from dreamtalk.face import FaceTracker
    from dreamtalk.talker import Talker

SUFFIXES = {
    "image": "",
    "audio": "",
    "video": "",
    "motion": ".npz",
    "track": ".npz",
    "style": ".npz",
    "timeline": ".json",
}
"""Names of files on disk end so: what reads our own formats goes by the ending."""

_MOST_UNPACKED = 500_000_000
"""Bytes that a packed file of ours may unpack to: more would fill the memory."""
_HEAD = 4096


@dataclass(frozen=True, slots=True)
class Seen:
    """kind: image, audio, video, motion, track, style or timeline. suffix: for its name on disk. facts: for clients."""

    kind: str
    suffix: str
    facts: dict[str, Any] = field(default_factory=dict)


def look_at(path: Path, limits: Limits) -> Seen:
    """What the file is. It may be renamed to end as it must. Raises UnusableInput, FaceNotFound or UnusableAudio."""
    if path.stat().st_size == 0:
        raise UnusableInput("The file is empty (0 bytes). Choose another one.")
    with path.open("rb") as file:
        head = file.read(_HEAD)
    try:
        if is_image(path):
            return _picture(path, limits)
        if head.startswith(b"PK\x03\x04"):
            return _packed(path, limits)
        if head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in (b"[", b"{"):
            return _timeline(path)
        if b"timecode,blendshapecount" in head.lower().replace(b" ", b""):  # no two programs agree on capitals
            return _recording(path)
        return _sound_or_video(path, limits)
    except MemoryError as error:
        raise UnusableInput("The file would need more memory than there is. Choose a smaller one.") from error


def warm() -> None:
    """Load what takes seconds to load."""
    import dreamtalk.audio

    assert dreamtalk.audio
    _tracker()


def faces_of(path: Path) -> list[dict[str, list[int]]]:
    """Boxes x, y, width, height in px of the faces in a picture, largest first."""
    found = _tracker().track_all(read_image(path))
    boxes = [[round(float(v)) for v in face.box] for face in found]
    return [{"box": [x0, y0, x1 - x0, y1 - y0]} for x0, y0, x1, y1 in boxes]


@cache
def _tracker() -> FaceTracker:
    from dreamtalk.face import FaceTracker

    return FaceTracker.load()


def _picture(path: Path, limits: Limits) -> Seen:
    image = read_image(path)
    height, width = image.shape[:2]
    _check_pixels(width, height, limits)
    faces = faces_of(path)
    if not faces:
        raise FaceNotFound("No face was found in the picture. Use one with one clearly visible, roughly frontal face.")
    return Seen("image", SUFFIXES["image"], {"width": width, "height": height, "faces": faces})


def _check_pixels(width: int, height: int, limits: Limits) -> None:
    if width * height > limits.pixels:
        most = limits.pixels / 1e6
        raise UnusableInput(
            f"The picture is too large ({width} × {height} px); at most {most:g} megapixels are taken. Make it smaller."
        )


def _packed(path: Path, limits: Limits) -> Seen:
    """A motion, track or style file of ours."""
    from dreamtalk.store import kind_of, load_motion, load_track
    from dreamtalk.style.files import is_style_file, load_style
    from dreamtalk.types import VIDEO_FPS

    try:
        with zipfile.ZipFile(path) as packed:
            unpacked = sum(part.file_size for part in packed.infolist())
    except (zipfile.BadZipFile, ValueError, OSError) as error:
        raise UnusableInput("The file is a damaged .npz or .zip file. Send it again.") from error
    if unpacked > _MOST_UNPACKED:
        raise UnusableInput("The file unpacks to more than 500 MB. Choose a shorter one.")
    if is_style_file(path):
        clip = load_style(path)
        return Seen("style", ".npz", {"seconds": len(clip.expression) / VIDEO_FPS})
    kind = kind_of(path)
    frames = len((load_motion(path) if kind == "motion" else load_track(path)).expression)
    _check_seconds(frames / VIDEO_FPS, limits.video_seconds, "motion")
    return Seen(kind, ".npz", {"seconds": frames / VIDEO_FPS})


def _timeline(path: Path) -> Seen:
    from dreamtalk.style.timeline_file import read_timeline

    entries = read_timeline(path)
    return Seen("timeline", ".json", {"seconds": entries[-1].start, "styles": len(entries)})


def _recording(path: Path) -> Seen:
    """Live Link Face's recording of a phone: its table, named so that it is read as one."""
    from dreamtalk.convert.live_link import read_live_link

    named = path.with_suffix(".csv")
    path.rename(named)
    try:
        take = read_live_link(named)
    finally:
        named.rename(path)
    return Seen("motion", ".csv", {"seconds": round(len(take.weights) / take.fps, 2)})


def _sound_or_video(path: Path, limits: Limits) -> Seen:
    try:
        with open_media(path) as container:
            films = [s for s in container.streams.video if not s.disposition & av.stream.Disposition.attached_pic]
            sound = bool(container.streams.audio)
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise UnusableInput(
            "The file is neither a picture, nor sound, nor a video that can be read. Use JPEG, PNG or WebP; WAV, MP3, "
            "M4A, OGG or FLAC; MP4, MOV or WebM."
        ) from error
    if not films and not sound:
        raise UnusableAudio("The file holds neither sound nor pictures. Choose another one.")
    facts: dict[str, Any] = {}
    if films:
        first = next(iter(read_frames(path)))
        facts = {"height": first.shape[0], "width": first.shape[1], "seconds": seconds_of(path), "sound": sound}
        _check_pixels(first.shape[1], first.shape[0], limits)
        _check_seconds(facts["seconds"] or 0.0, limits.video_seconds, "video")
    if sound:
        from dreamtalk.audio import load_speech

        longest = limits.video_seconds if films else limits.audio_seconds
        heard = load_speech(path, longest).seconds
        facts["seconds"] = facts.get("seconds") or round(heard, 2)
    return Seen("video" if films else "audio", "", facts)


def _check_seconds(seconds: float, most: float, what: str) -> None:
    if seconds > most:
        raise UnusableInput(f"The {what} lasts {seconds:.0f} s; at most {most:g} s are taken. Cut it first.")


def make_style(video: Path, neutral: Path | None, output: Path) -> list[str]:
    """Keep the manner of speaking in a video as a style file; returns what people should know of it.

    Raises UnusableInput where no face is found, or the video cannot be read.
    """
    from dreamtalk.style.files import save_style

    with warnings.catch_warnings(record=True) as doubts:
        warnings.simplefilter("always", DoubtfulInput)
        clip = _talker().style_clip(video, neutral)
    save_style(output, clip)
    return [str(doubt.message) for doubt in doubts if issubclass(doubt.category, DoubtfulInput)]


@cache
def _talker() -> Talker:
    from dreamtalk.talker import load

    return load("cpu", 1)
