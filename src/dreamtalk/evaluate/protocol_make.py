"""What the protocol makes: the inputs of every test clip, and our videos of every take. Nothing is made twice."""

from __future__ import annotations

import hashlib
import json
import warnings
import wave
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from dreamtalk.batch.keeping import KeepingTalker
from dreamtalk.data.observe import part_frames, read_speech
from dreamtalk.data.source import SourceClip
from dreamtalk.errors import DoubtfulInput, DreamTalkError, UnusableAudio, UnusableInput
from dreamtalk.evaluate.portraits import PortraitChoice, portrait_frame
from dreamtalk.evaluate.protocol_plan import Take
from dreamtalk.evaluate.scenes import moved
from dreamtalk.evaluate.stamps import code_of, sha_of, shipped, stamp
from dreamtalk.evaluate.watching import Watching, track_file
from dreamtalk.media import read_frames, write_video
from dreamtalk.media.files import replacing
from dreamtalk.option_values import FILES, options_from
from dreamtalk.options import TalkOptions
from dreamtalk.store import load_track
from dreamtalk.types import SAMPLE_RATE, VIDEO_FPS, Float, Image

REAL_POSE = "real"
"""A method's pose that stands for the head motion of the test video."""

_CODE = ("audio", "face", "media", "motion", "provenance", "render", "style", "talk.py", "talker.py", "models.py")
"""Sources that our videos depend on."""


@dataclass(frozen=True, slots=True)
class Method:
    """One way to make videos. name: of its row. real_pose: the test video's head motion. own_style: the options' style,
    not the take's."""

    name: str
    options: TalkOptions
    real_pose: bool = False
    own_style: bool = False


def parse_method(given: str) -> Method:
    """ "NAME" or "NAME:option=value,option=value", options as TalkOptions has them; pose=real is the test video's head.

    Raises UnusableInput for anything else.
    """
    name, colon, text = given.partition(":")
    pairs = [pair.partition("=") for pair in text.split(",") if pair.strip()]
    if not name.strip() or (colon and not pairs) or any(not sign for _, sign, _ in pairs):
        raise UnusableInput(f"--method {given!r} must read NAME, or NAME:option=value,option=value.")
    values: dict[str, object] = {key.strip(): value.strip() for key, _, value in pairs}
    real = values.get("pose") == REAL_POSE
    if real:
        del values["pose"]
    options = options_from({"badge": "no", **values})
    for file in options.files:
        if file.suffix and not file.exists():
            raise UnusableInput(f"--method {given!r}: {file} does not exist.")
    return Method(name.strip(), options, real, "style" in values)


@dataclass(frozen=True, slots=True)
class Inputs:
    """A test clip as methods are given it, and as it is compared with.

    video: the real one. portrait: one of its pictures. sound: its speech, put in step with the lips; None for
    a silent reference. track: of the video's face, in which our style encoder sees the manner.
    """

    video: Path
    portrait: Path
    sound: Path | None
    track: Path


@dataclass(frozen=True, slots=True)
class Studio:
    """Where things are made. folder: of the whole run. coefficients: <clip>.mat of official models, or None. portrait:
    which frame of a video."""

    folder: Path
    watching: Watching
    methods: tuple[Method, ...]
    coefficients: Path | None = None
    portrait: PortraitChoice = "first"

    def inputs(self, clip: str) -> Inputs:
        """Of a clip that make_inputs has made. Raises KeyError where it could not."""
        stored = _read(self.folder / "inputs" / f"{clip}.json")
        if stored is None or "video" not in stored:
            raise KeyError(clip)
        return Inputs(**{field.name: stored[field.name] and Path(stored[field.name]) for field in fields(Inputs)})

    def video(self, take: Take, method: Method) -> Path:
        """Where a method's video of a take is."""
        return self.folder / "videos" / plain(method.name) / take.kind / f"{take.speech}.mp4"


def make_inputs(clip: SourceClip, studio: Studio, silent: frozenset[str]) -> str:
    """Portrait, sound (unless its id is in `silent`) and track of a clip, kept under their stamp; returns why it cannot
    be used, or ""."""
    torch.set_num_threads(1)  # the same sums in every process
    file = studio.folder / "inputs" / f"{clip.id}.json"
    try:
        source = [sha_of(clip.video), clip.sound and sha_of(clip.sound), clip.part and asdict(clip.part)]
        mark = stamp(source, clip.lag_frames, studio.watching.models, studio.watching.seconds, studio.portrait, _code())
        stored = _read(file)
        if stored is not None and stored["stamp"] == mark and Path(stored["track"]).is_file():
            return ""
        file.unlink(missing_ok=True)  # what it told of is made anew, and a run may be stopped half way
        made = _inputs(clip, studio, clip.id in silent)
    except (DreamTalkError, OSError) as problem:
        return f"{clip.id} left out: {problem}"
    _write(file, {"stamp": mark, **{key: value and str(value) for key, value in asdict(made).items()}})
    return ""


def _inputs(clip: SourceClip, studio: Studio, silent: bool) -> Inputs:
    folder = studio.folder / "inputs"
    speech = None if silent else read_speech(clip)
    video = clip.video
    if clip.part is not None:
        video = folder / f"{clip.id}.mp4"
        write_video(video, part_frames(clip.video, clip.part), speech)
    track = track_file(video, studio.watching)
    assert track is not None
    portrait, sound = folder / f"{clip.id}.png", None
    seen = load_track(track)
    chosen = portrait_frame(seen, studio.portrait)
    _write_picture(portrait, next(frame for number, frame in enumerate(read_frames(video)) if number == chosen))
    if speech is not None:
        most = len(seen.valid) * SAMPLE_RATE // VIDEO_FPS
        sound = folder / f"{clip.id}.wav"
        _write_sound(sound, moved(speech.samples[:most], clip.lag_frames or 0.0))
    return Inputs(video, portrait, sound, track)


def make_take(take: Take, studio: Studio) -> tuple[str, ...]:
    """Every method's video of a take; those that are there under the same stamp stay. Returns what went wrong."""
    torch.set_num_threads(1)
    problems = []
    for method in studio.methods:
        try:
            _make(take, method, studio)
        except DreamTalkError as problem:
            problems.append(f"{take.speech}, {method.name}, not made: {problem}")
    return tuple(problems)


def _make(take: Take, method: Method, studio: Studio) -> None:
    speech, face, manner = (studio.inputs(clip) for clip in (take.speech, take.portrait, take.style))
    if speech.sound is None:
        raise UnusableAudio(f"{take.speech} has no sound.")
    options = _options(take, method, studio, speech, manner)
    options = replace(options, seed=options.seed + _draw_of(take.speech))
    file = studio.video(take, method)
    given = [sha_of(each) for each in (face.portrait, speech.sound, *_files(options))]
    mark = stamp(given, _described(options), _code())
    stored = _read(file.with_suffix(".json"))
    if file.is_file() and stored is not None and stored["stamp"] == mark:
        return
    with warnings.catch_warnings():
        file.with_suffix(".json").unlink(missing_ok=True)  # as above
        warnings.simplefilter("ignore", DoubtfulInput)  # that the neutral is guessed, once per clip
        _talker().generate(face.portrait, speech.sound, file, options)
    _write(file.with_suffix(".json"), {"stamp": mark})


def _options(take: Take, method: Method, studio: Studio, speech: Inputs, manner: Inputs) -> TalkOptions:
    """The method's options with the take's style, and pose where the real one is asked for."""
    chosen = method.options
    style: Path = manner.track
    pose: Path = speech.track
    if chosen.renderer == "pirenderer":  # official models take coefficients, not our tracks
        if studio.coefficients is None:
            raise UnusableInput("Official weights need --coefficients: a folder with a .mat file per clip.")
        style, pose = studio.coefficients / f"{take.style}.mat", studio.coefficients / f"{take.speech}.mat"
    if not method.own_style:
        chosen = replace(chosen, style=style)
    return replace(chosen, pose=pose) if method.real_pose else chosen


def _draw_of(clip: str) -> int:
    """Added to the seed of every method's video of a clip: blinks and nods are other ones in every clip, else their
    intervals over clips would be those of a single draw."""
    return int.from_bytes(hashlib.sha256(clip.encode()).digest()[:2], "big")


def _files(options: TalkOptions) -> list[Path]:
    return [file for file in options.files if file.is_file()]


def _described(options: TalkOptions) -> dict[str, Any]:
    """Options without the files, which are known by their bytes."""
    values = {field.name: getattr(options, field.name) for field in fields(options)}
    files = {name for name, value in values.items() if isinstance(value, Path)} | set(FILES)
    return {name: str(value) for name, value in values.items() if name not in files}


@lru_cache(maxsize=1)
def _talker() -> KeepingTalker:
    """One per process, on one thread: the same sums in every process."""
    return KeepingTalker("cpu", threads=1)


def _code() -> list[Any]:
    return [code_of(*_CODE), shipped()]


def plain(name: str) -> str:
    """A folder's name for a row."""
    return "".join(letter if letter.isalnum() or letter in "-_." else "-" for letter in name)


def _read(file: Path) -> Mapping[str, Any] | None:
    try:
        stored = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return stored if isinstance(stored, dict) and "stamp" in stored else None


def _write(file: Path, content: Mapping[str, object]) -> None:
    with replacing(file) as part:
        part.write_text(json.dumps(content), encoding="utf-8")


def _write_picture(file: Path, picture: Image) -> None:
    with replacing(file) as part:
        cv2.imwrite(str(part), picture[..., ::-1])


def _write_sound(file: Path, samples: Float) -> None:
    """16 bit, 16 kHz, mono."""
    whole = np.rint(np.clip(samples, -1.0, 1.0) * np.iinfo(np.int16).max).astype("<i2")
    with replacing(file) as part, wave.open(str(part), "wb") as handle:
        handle.setnchannels(1)
        handle.setsampwidth(2)
        handle.setframerate(SAMPLE_RATE)
        handle.writeframes(whole.tobytes())
