"""Hostile input for everything that reads files: good files, damaged at random, by the thousand.

A reader may answer, or refuse with a DreamTalkError. Anything else (another exception, a crash of the process, more
than LIMIT seconds, a file left behind) is a failure. The test runs a few of each; the long run is

    python tests/fuzz/fuzzing.py --count 10000 --seed 1

Each input is told by its target, seed and number, so a failure can be had again: --only image --seed 1 --number 37.
"""

from __future__ import annotations

import argparse
import io
import json
import multiprocessing as mp
import tempfile
import traceback
import warnings
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import islice
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

from dreamtalk.errors import DreamTalkError

LIMIT = 30.0
"""Seconds that one input may take, on a busy machine."""

FRAMES = 20
"""Frames that are read of a damaged video."""

Seeds = dict[str, bytes]
"""File names, which the endings matter of, and contents of good files."""


Rng = np.random.Generator


@dataclass(frozen=True)
class Target:
    """seeds: makes good files. read: what is tried on a damaged one. rebuild: makes a file that is whole as a container
    but odd inside, which damaged bytes seldom reach; takes its name, its good contents and a generator.
    """

    seeds: Callable[[], Seeds]
    read: Callable[[Path], object]
    rebuild: Callable[[str, bytes, Rng], bytes] | None = None


@dataclass(frozen=True)
class Outcome:
    """refused: with words. failure: None, or what went wrong."""

    name: str
    number: int
    refused: bool
    failure: str | None


# ---- good files


def _image_seeds() -> Seeds:
    picture = np.random.default_rng(0).integers(0, 255, (48, 64, 3), np.uint8)
    picture = cv2.resize(picture, (64, 48))
    seeds = {}
    for ending in (".png", ".jpg", ".webp", ".bmp", ".tiff"):
        seeds[f"a{ending}"] = cv2.imencode(ending, picture)[1].tobytes()
    seeds["alpha.png"] = cv2.imencode(".png", np.dstack([picture, picture[..., :1]]))[1].tobytes()
    seeds["deep.png"] = cv2.imencode(".png", picture.astype(np.uint16) * 200)[1].tobytes()
    return seeds


def _media(ending: str, video: str | None, audio: str | None, rate: int = 16_000) -> bytes:
    file = io.BytesIO()
    formats = {".mkv": "matroska", ".m4a": "mp4"}
    with av.open(file, "w", format=formats.get(ending, ending[1:])) as container:
        pictures = container.add_stream(video, rate=25) if video else None
        sound = container.add_stream(audio, rate=rate, layout="mono") if audio else None
        if pictures is not None:
            pictures.width, pictures.height, pictures.pix_fmt = 64, 48, "yuv420p"
            for n in range(12):
                frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 10 * n, np.uint8), format="rgb24")
                container.mux(pictures.encode(frame))
            container.mux(pictures.encode(None))
        if sound is not None:
            hum = (0.2 * np.sin(np.arange(rate // 2) / 9)).astype(np.float32)[np.newaxis]
            frame = av.AudioFrame.from_ndarray(hum, format="fltp", layout="mono")
            frame.sample_rate, frame.pts = rate, 0
            to = av.AudioResampler(sound.codec_context.format, sound.codec_context.layout, rate)
            for part in [*to.resample(frame), *to.resample(None), None]:
                container.mux(sound.encode(part))
    return file.getvalue()


def _sound_seeds() -> Seeds:
    return {
        "a.wav": _media(".wav", None, "pcm_s16le"),
        "f.wav": _media(".wav", None, "pcm_f32le", 44_100),
        "a.flac": _media(".flac", None, "flac"),
        "a.ogg": _media(".ogg", None, "libopus", 48_000),
        "a.mp3": _media(".mp3", None, "libmp3lame"),
        "a.m4a": _media(".m4a", None, "aac"),
    }


def _video_seeds() -> Seeds:
    return {
        "a.mp4": _media(".mp4", "libx264", "aac"),
        "a.webm": _media(".webm", "libvpx", "libopus", 48_000),
        "a.mkv": _media(".mkv", "mpeg4", "pcm_s16le"),
        "a.avi": _media(".avi", "mpeg4", "libmp3lame"),
        "a.gif": _gif(),
    }


def _gif() -> bytes:
    file = io.BytesIO()
    with av.open(file, "w", format="gif") as container:
        stream = container.add_stream("gif", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "rgb8"
        for n in range(5):
            image = np.full((48, 64, 3), 40 * n, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24").reformat(format="rgb8")))
        container.mux(stream.encode(None))
    return file.getvalue()


def _npz(**arrays: Any) -> bytes:
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    return file.getvalue()


def _motion_seeds() -> Seeds:
    from dreamtalk.types import VIDEO_FPS

    n, one = 6, np.float32(1)
    motion = {
        "expression": np.zeros((n, 64), np.float32),
        "rotation": np.zeros((n, 3), np.float32),
        "translation": np.zeros((n, 3), np.float32),
        "gaze": np.zeros((n, 4), np.float32),
        "fps": np.float64(VIDEO_FPS),
        "face_space": "mesh64",
    }
    track = {
        "landmarks": np.ones((n, 478, 3), np.float32) * one,
        "pose": np.zeros((n, 6), np.float32),
        "blendshapes": np.zeros((n, 52), np.float32),
        "valid": np.ones(n, np.bool_),
        "expression": np.zeros((n, 64), np.float32),
    }
    return {
        "motion.npz": _npz(**motion),
        "track.npz": _npz(**{**motion, **track}),
        "coeff.npy": _npy(np.zeros((n, 73), np.float32)),
        "take.csv": _take(motion),
    }


def _take(motion: dict[str, Any]) -> bytes:
    from dreamtalk.convert import export_motion
    from dreamtalk.types import Motion

    arrays = {name: motion[name] for name in ("expression", "rotation", "translation", "gaze")}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "take.csv"
        export_motion(Motion(**arrays), file)
        return file.read_bytes()


def _npy(array: Any) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def _style_seeds() -> Seeds:
    from dreamtalk.style.files import StyleClip, save_style

    with tempfile.TemporaryDirectory() as folder:
        clip = StyleClip(np.zeros((40, 64), np.float32), "mesh64", "somebody")
        return {"style.npz": save_style(Path(folder) / "style.npz", clip).read_bytes()}


def _timeline_seeds() -> Seeds:
    keys = [{"start": 0, "style": "happy"}, {"start": 1.5, "style": "sad:2", "intensity": 0.5, "transition": 1.0}]
    other = {"driver_expressions": {"expressions": [{"start_frame": 0, "expression": "happy", "intensity": 0.7}]}}
    lines = "- start: 0\n  style: happy\n- start: 2\n  style: angry\n  intensity: 1.2\n"
    return {"a.json": json.dumps(keys).encode(), "d.json": json.dumps(other).encode(), "a.yaml": lines.encode()}


def _weights_seeds() -> Seeds:
    from dreamtalk.motion import MotionModel

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "weights.safetensors"
        MotionModel.debug().save(file)
        return {"weights.safetensors": file.read_bytes()}


def _marked_seeds() -> Seeds:
    from dreamtalk.provenance.credentials import credentials
    from dreamtalk.provenance.manifest import seal
    from dreamtalk.provenance.origin import Origin

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "a.mp4"
        file.write_bytes(_media(".mp4", "libx264", "aac"))
        seal(file, Origin({}, {}, {}), None, credentials())
        return {"sealed.mp4": file.read_bytes(), **_image_seeds()}


# ---- what reads them


def _read_image(path: Path) -> object:
    from dreamtalk.media import is_image, read_image

    is_image(path)
    return read_image(path)


def _read_speech(path: Path) -> object:
    from dreamtalk.audio import load_speech
    from dreamtalk.media.sound import open_sound

    load_speech(path, max_seconds=60.0)
    sound = open_sound(path)
    sound.take(2000)
    sound.close()
    return sound


def _read_video(path: Path) -> object:
    from dreamtalk.media import read_frames, seconds_of
    from dreamtalk.media.reader import fps_of

    return seconds_of(path), fps_of(path), sum(1 for _ in islice(read_frames(path), FRAMES))


def _read_motion(path: Path) -> object:
    from dreamtalk.convert import read_motion
    from dreamtalk.store import kind_of, load_motion, load_track

    if path.suffix == ".npz":
        return (load_motion if kind_of(path) == "motion" else load_track)(path)
    return read_motion(path)


def _read_style(path: Path) -> object:
    from dreamtalk.style.code_file import is_code_file
    from dreamtalk.style.files import is_style_file, load_style

    return is_code_file(path), is_style_file(path), load_style(path)


def _read_timeline(path: Path) -> object:
    from dreamtalk.style.timeline_file import read_timeline

    return read_timeline(path)


def _read_weights(path: Path) -> object:
    from dreamtalk.motion import MotionModel

    return MotionModel.load(path)


def _read_marks(path: Path) -> object:
    from dreamtalk.provenance import comment_of
    from dreamtalk.provenance.manifest import read_manifest

    return read_manifest(path), comment_of(path)


def _read_talk(path: Path) -> object:
    """The whole line from a damaged portrait or speech; only the complete video may appear."""
    from dreamtalk.options import TalkOptions

    picture, sound = _EXAMPLES / "portrait.jpg", _EXAMPLES / "speech.wav"
    given = (path, sound) if path.suffix in (".png", ".jpg") else (picture, path)
    output = path.parent / "talk.mp4"
    try:
        return _talker().generate(*given, output, TalkOptions(size=256))
    finally:
        output.unlink(missing_ok=True)


@cache
def _talker() -> Any:
    from dreamtalk.motion import MotionModel
    from dreamtalk.talker import Talker

    talker = Talker(device="cpu", threads=1)
    talker.motion_model = MotionModel.debug()
    return talker


def _talk_seeds() -> Seeds:
    picture = cv2.imread(str(_EXAMPLES / "portrait.jpg"))
    small = cv2.resize(picture, (picture.shape[1] // 3, picture.shape[0] // 3), interpolation=cv2.INTER_AREA)
    files = {f"a{ending}": cv2.imencode(ending, small)[1].tobytes() for ending in (".jpg", ".png")}
    return {**files, "a.wav": _media(".wav", None, "pcm_s16le"), "a.mp4": _media(".mp4", "libx264", "aac")}


_EXAMPLES = Path(__file__).parents[2] / "examples"


# ---- whole containers with odd contents


def _odd_arrays(name: str, data: bytes, rng: Rng) -> bytes:
    if not name.endswith(".npz"):
        return damaged(data, rng)
    with np.load(io.BytesIO(data)) as stored:
        arrays = {key: stored[key] for key in stored.files}
    for _ in range(int(rng.integers(1, 4))):
        if not arrays:
            break
        key = sorted(arrays)[int(rng.integers(len(arrays)))]
        _ODD[int(rng.integers(len(_ODD)))](arrays, key, rng)
    return _npz(**arrays)


def _fill(arrays: dict[str, Any], key: str, rng: Rng) -> None:
    array = np.array(arrays[key], np.float64) if arrays[key].dtype.kind in "fiub" else np.zeros(3)
    array.flat[: int(rng.integers(1, 9))] = rng.choice([np.nan, np.inf, -np.inf, 1e300, -1e9, 0.0, 1e-300, 2.0])
    arrays[key] = array


def _reshape(arrays: dict[str, Any], key: str, rng: Rng) -> None:
    shapes: list[tuple[int, ...]] = [(), (0,), (1,), (5, 0), (1, 64), (6,), (6, 478), (2, 2, 2, 2), (300, 64), (6, 65)]
    arrays[key] = np.zeros(shapes[int(rng.integers(len(shapes)))], np.float32)


def _retype(arrays: dict[str, Any], key: str, rng: Rng) -> None:
    kinds = ["<U5", "S3", "complex64", "int8", "uint64", "bool", "float16", "datetime64[s]", "i4,f8"]
    arrays[key] = np.zeros(np.shape(arrays[key]), kinds[int(rng.integers(len(kinds)))])


def _drop(arrays: dict[str, Any], key: str, rng: Rng) -> None:
    del arrays[key]


_ODD = (_fill, _reshape, _retype, _drop)


def _odd_json(name: str, data: bytes, rng: Rng) -> bytes:
    if not name.endswith(".json"):
        return damaged(data, rng)
    return json.dumps(_changed(json.loads(data), rng)).encode()


def _changed(value: Any, rng: Rng) -> Any:
    """The same tree with some of its leaves and branches replaced."""
    strange = [
        None,
        -1,
        1e308,
        float("nan"),
        float("inf"),
        True,
        "",
        "x" * 300,
        [],
        {},
        [[]],
        "happy:99",
        "../../x",
        2**70,
    ]
    if rng.random() < 0.15:
        return strange[int(rng.integers(len(strange)))]
    if isinstance(value, dict):
        changed = {key: _changed(each, rng) for key, each in value.items() if rng.random() > 0.05}
        return {**changed, "odd": 1} if rng.random() < 0.05 else changed
    if isinstance(value, list):
        changed_list = [_changed(each, rng) for each in value]
        return changed_list * int(rng.integers(1, 4)) if rng.random() < 0.1 else changed_list
    return value


def _odd_weights(name: str, data: bytes, rng: Rng) -> bytes:
    """A safetensors file whose header is valid JSON of the right length, with odd values in it."""
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + size])
    key = sorted(header)[int(rng.integers(len(header)))] if rng.random() < 0.5 else "__metadata__"
    entry = header[key]
    if key == "__metadata__" and "config" in entry and rng.random() < 0.8:
        entry["config"] = json.dumps(_changed(json.loads(entry["config"]), rng))
    else:
        header[key] = _changed(entry, rng)
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data[8 + size :]


TARGETS = {
    "image": Target(_image_seeds, _read_image),
    "speech": Target(_sound_seeds, _read_speech),
    "video": Target(_video_seeds, _read_video),
    "sound of video": Target(_video_seeds, _read_speech),
    "motion": Target(_motion_seeds, _read_motion, _odd_arrays),
    "style": Target(_style_seeds, _read_style, _odd_arrays),
    "timeline": Target(_timeline_seeds, _read_timeline, _odd_json),
    "weights": Target(_weights_seeds, _read_weights, _odd_weights),
    "marks": Target(_marked_seeds, _read_marks),
    "talk": Target(_talk_seeds, _read_talk),
}


# ---- damage


def damaged(data: bytes, rng: Rng) -> bytes:
    """A file with one to four kinds of damage."""
    made = bytearray(data)
    for _ in range(int(rng.integers(1, 5))):
        made = _DAMAGES[int(rng.integers(len(_DAMAGES)))](made, rng)
    return bytes(made)


def _place(data: bytearray, rng: Rng) -> int:
    """Somewhere, half of the time in the first 256 bytes, where formats keep their sizes."""
    most = len(data) if rng.random() < 0.5 else min(len(data), 256)
    return int(rng.integers(most)) if most else 0


def _flip(data: bytearray, rng: Rng) -> bytearray:
    for _ in range(int(rng.integers(1, 16))):
        if data:
            data[_place(data, rng)] ^= 1 << int(rng.integers(8))
    return data


def _cut(data: bytearray, rng: Rng) -> bytearray:
    return data[: _place(data, rng)]


def _extreme(data: bytearray, rng: Rng) -> bytearray:
    """A number of 1 to 8 bytes becomes the largest, the smallest, or nearly so."""
    size, at = int(rng.choice([1, 2, 4, 8])), _place(data, rng)
    value = int(rng.choice([0, 1, 0x7F, 0x80, 0xFE, 0xFF]))
    data[at : at + size] = bytes([value] * size)
    return data


def _repeat(data: bytearray, rng: Rng) -> bytearray:
    start, at = _place(data, rng), _place(data, rng)
    return data[:at] + data[start : start + int(rng.integers(1, 400))] * int(rng.integers(1, 20)) + data[at:]


def _remove(data: bytearray, rng: Rng) -> bytearray:
    at = _place(data, rng)
    del data[at : at + int(rng.integers(1, 200))]
    return data


def _noise(data: bytearray, rng: Rng) -> bytearray:
    at, length = _place(data, rng), int(rng.integers(1, 64))
    data[at : at + length] = rng.bytes(length)
    return data


def _swap_digits(data: bytearray, rng: Rng) -> bytearray:
    """Numbers written in text become strange ones."""
    places = [n for n, byte in enumerate(data) if 48 <= byte <= 57]
    if places:
        at = places[int(rng.integers(len(places)))]
        strange = [b"-1", b"1e400", b"NaN", b"null", b'"x"', b"[]", b"9" * 40, b"", b"{}", b"\xff\xfe"]
        data[at : at + 1] = strange[int(rng.integers(len(strange)))]
    return data


_DAMAGES = (_flip, _cut, _extreme, _repeat, _remove, _noise, _swap_digits)


# ---- one after the other, in a process that may die


def inputs(name: str, seed: int, numbers: range) -> Iterator[tuple[int, str, bytes]]:
    """(number, file name, damaged contents)."""
    good = TARGETS[name].seeds()
    for number in numbers:
        rng = np.random.default_rng([seed, number, zlib.crc32(name.encode())])
        file = sorted(good)[int(rng.integers(len(good)))]
        rebuild = TARGETS[name].rebuild
        if rebuild is not None and rng.random() < 0.6:
            yield number, file, rebuild(file, good[file], rng)
        else:
            yield number, file, damaged(good[file], rng)


def try_one(name: str, number: int, file: str, data: bytes, folder: Path) -> Outcome:
    """Read a damaged file in this process."""
    path = folder / file
    path.write_bytes(data)
    refused, failure = False, None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            TARGETS[name].read(path)
    except DreamTalkError as error:
        refused = True
        if len(str(error)) < 10:
            failure = f"too few words: {error}"
    except BaseException:
        failure = traceback.format_exc(limit=-4)
    path.unlink()
    left = [other.name for other in folder.iterdir()]
    if left:
        failure = f"left behind: {left}"
    return Outcome(name, number, refused, failure)


def _worker(pipe: Connection, name: str, seed: int, numbers: range) -> None:
    av.logging.set_level(av.logging.PANIC)
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as folder:
        for number, file, data in inputs(name, seed, numbers):
            pipe.send(number)
            pipe.send(try_one(name, number, file, data, Path(folder)))
    pipe.send(None)


def run(name: str, seed: int, numbers: range) -> Iterator[Outcome]:
    """Outcomes of damaged files; a process that dies or hangs is a failure, and the next one goes on after it."""
    context = mp.get_context("spawn")
    while numbers:
        ours, theirs = context.Pipe(duplex=False)
        process = context.Process(target=_worker, args=(theirs, name, seed, numbers), daemon=True)
        process.start()
        theirs.close()
        at, why = None, None
        try:
            while True:
                # The first one takes its time: imports, models, good files.
                if not ours.poll(LIMIT if at not in (None, numbers.start) else 10 * LIMIT):
                    why = f"took more than {LIMIT:g} s"
                    break
                got = ours.recv()
                if got is None:
                    return
                if isinstance(got, int):
                    at = got
                else:
                    yield got
        except EOFError:
            process.join()
            why = f"the process died (exit code {process.exitcode})"
        finally:
            process.kill()
            process.join()
        if at is None:
            raise RuntimeError(f"{name}: {why} before the first input")
        yield Outcome(name, at, False, why)
        numbers = range(at + 1, numbers.stop)


def main() -> None:
    """The long run."""
    parser = argparse.ArgumentParser(description="Damaged files for everything that reads files.")
    parser.add_argument("--count", type=int, default=10_000, help="inputs in all")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", choices=list(TARGETS))
    parser.add_argument("--number", type=int, help="this input alone")
    chosen = parser.parse_args()
    names = [chosen.only] if chosen.only else list(TARGETS)
    each = -(-chosen.count // len(names))
    numbers = range(each) if chosen.number is None else range(chosen.number, chosen.number + 1)
    failed = 0
    for name in names:
        refused = done = 0
        for outcome in run(name, chosen.seed, numbers):
            done, refused = done + 1, refused + outcome.refused
            if outcome.failure:
                failed += 1
                print(f"FAILED {name} --seed {chosen.seed} --number {outcome.number}\n{outcome.failure}", flush=True)
        print(f"{name}: {done} inputs, {refused} refused in words, {done - refused} read or failed", flush=True)
    print(f"{failed} failures")
    raise SystemExit(1 if failed else 0)


if __name__ == "__main__":
    main()
