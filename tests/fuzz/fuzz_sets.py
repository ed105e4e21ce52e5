"""Targets of more than one file, and whole talks: data sets, prepared shards, studies, faces in videos, odd options."""

from __future__ import annotations

import io
import json
import shutil
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import av
import cv2
import fuzz_seeds as good
import numpy as np
from fuzz_damage import Rng, odd_json

from dreamtalk.errors import UnusableInput
from dreamtalk.options import TalkOptions

_NUMBERS = ("intensity", "upper_intensity", "lower_intensity", "lip_scale", "pose_scale", "smoothing", "gaze_scale")


@cache
def talker() -> Any:
    """The whole line with a tiny motion model."""
    from dreamtalk.motion import MotionModel
    from dreamtalk.talker import Talker

    made = Talker(device="cpu", threads=1)
    made.motion_model = MotionModel.debug()
    return made


# ---- tables of data sets


def dataset_seeds() -> good.Seeds:
    head = "id,file,split,kind,dataset,speaker,emotion,frames,licence_class,transcript,intensity"
    rows = [f"c{n},video/{n}.mp4,dev,av,GRID,s{n},neutral,75,clean,bin blue,1" for n in range(4)]
    return {
        "clips.csv": "\n".join([head, *rows]).encode(),
        "lags.csv": b"id,lag_frames,r_at_lag,r_at_0\nc1,-2,0.8,0.3\nc2,1.5,0.4,0.35\n",
        "RD_annotion_time.txt": b"Radio1.mp4 00:30-01:00 01:30-02:30\nRadio2.mp4 0:01-0:09\n",
        "RD_crop_wh.txt": b"Radio1_0.mp4 412 599 0 599\nRadio1_1.mp4 0 512 10 512\n",
    }


def read_dataset(path: Path) -> object:
    """Whoever reads tables of that name: the other tables beside it are good. No id leads out of a folder."""
    from dreamtalk.data.adapters import layout
    from dreamtalk.evaluate.clips import read_rows

    folder = path.with_name("set")
    folder.mkdir()
    try:
        for name, data in {**dataset_seeds(), path.name: path.read_bytes()}.items():
            (folder / name).write_bytes(data)
        for name in ("Radio1.mp4", "RD_Radio2.mp4", "c1.mp4"):
            (folder / name).write_bytes(b"video")
        names = ("hdtf",) if path.suffix == ".txt" else ("folder", "talkset")
        clips = [clip for name in names for clip in layout(name).clips(folder)]
        assert all(Path(clip.id).name == clip.id and clip.id not in ("", "..") for clip in clips)
        return clips, None if path.suffix == ".txt" else read_rows(folder, path.name)
    finally:
        shutil.rmtree(folder)


# ---- prepared shards


@cache
def shard_seeds() -> good.Seeds:
    from dreamtalk.data.manifest import Manifest, ShardEntry
    from dreamtalk.data.shards import ClipArrays, ClipInfo, ClipQuality, PreparedClip, write_shard

    n = 8
    zeros = {name: np.zeros((n, width), np.float32) for name, width in (("pose", 6), ("gaze", 4), ("expression", 64))}
    arrays = ClipArrays(
        **zeros,
        unblinking=zeros["expression"],
        valid=np.ones(n, np.bool_),
        identity=np.zeros(32, np.float32),
        closure=np.zeros(n, np.float32),
        features=np.zeros((2 * n, 16), np.float16),
    )
    words = dict.fromkeys(("dataset", "split", "licence_class", "emotion", "intensity", "language", "transcript"), "x")
    kept = ClipQuality(1.0, 0.0, 90.0, -20.0)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        clips = [
            PreparedClip(ClipInfo(f"c{k}", "s", source="v.mp4", frames=n, fps=25.0, encoder="e", face_space="mesh64",
                                  lag_frames=0.0, **words), kept, arrays)
            for k in range(3)
        ]  # fmt: skip
        write_shard(folder / "shard-00000.parquet", clips)
        Manifest("made", "00", {}, {}, (ShardEntry("shard-00000.parquet", 3, 3 * n),)).write(folder)
        return {file.name: file.read_bytes() for file in sorted(folder.iterdir())}


def read_prepared(path: Path) -> object:
    """A prepared folder of which one file is damaged: every clip, every array."""
    from dreamtalk.data.shards import read_shards

    folder = path.with_name("prepared")
    folder.mkdir()
    try:
        for name, data in {**shard_seeds(), path.name: path.read_bytes()}.items():
            (folder / name).write_bytes(data)
        return [clip.arrays() for clip in read_shards(folder)]
    finally:
        shutil.rmtree(folder)


# ---- what raters of a study send back


def rating_seeds() -> good.Seeds:
    trials = {"t0": {"sample": "a", "methods": ["x"]}, "t1": {"sample": "a", "methods": ["y"]}}
    key = {"format": "dreamtalk-study-1", "kind": "rating", "study": "0f", "trials": trials}
    answers = {name: {"lip_sync": 4, "realness": 2, "seconds": 3.5} for name in trials}
    rated = {"study": "0f", "id": "1-2", "rater": "zo", "answers": answers}
    return {"key.json": json.dumps(key).encode(), "rated.json": json.dumps(rated).encode()}


def read_ratings(path: Path) -> object:
    from dreamtalk.evaluate.study import analyse

    other = path.with_name("rated.json" if path.name == "key.json" else "key.json")
    other.write_bytes(rating_seeds()[other.name])
    try:
        key, rated = (path, other) if path.name == "key.json" else (other, path)
        return analyse(key, [rated]).markdown()
    finally:
        other.unlink()


# ---- faces in videos, for --pose and --style


@cache
def face_seeds() -> good.Seeds:
    """The example's face, which wanders, in every container that people have."""
    picture = cv2.cvtColor(cv2.imread(str(good.EXAMPLES / "portrait.jpg")), cv2.COLOR_BGR2RGB)
    height, width = picture.shape[:2]
    small = np.ascontiguousarray(cv2.resize(picture, (width // 4 * 2, height // 4 * 2), interpolation=cv2.INTER_AREA))
    seeds = {}
    for ending, codec, kind in ((".mp4", "libx264", "mp4"), (".webm", "libvpx", "webm"), (".mov", "mpeg4", "mov")):
        file = io.BytesIO()
        with av.open(file, "w", format=kind) as container:
            stream = container.add_stream(codec, rate=25)
            stream.height, stream.width, stream.pix_fmt = *small.shape[:2], "yuv420p"
            for n in range(16):
                moved = np.roll(small, n // 3, axis=1)
                container.mux(stream.encode(av.VideoFrame.from_ndarray(moved, format="rgb24")))
            container.mux(stream.encode(None))
        seeds[f"face{ending}"] = file.getvalue()
    return seeds


def follow_face(path: Path) -> object:
    return talker()._driver(path), talker().style_clip(path)


# ---- whole talks with odd wishes


def wish_seeds() -> good.Seeds:
    timeline = [{"start": 0, "style": "happy", "intensity": 0.5}, {"start": 0.2, "style": "sad:2", "transition": 0.1}]
    options = {"style": "angry", "seed": 3, "size": 256, "timeline": timeline, "background": "#102030", "badge": True}
    more = {"blink": "off", "gaze": "still", "accents": "off", "latency": "live", "face": 0, "consent": "she agreed"}
    return {
        "plain.json": json.dumps(options).encode(),
        "more.json": json.dumps({**options, **more, "timeline": None, **dict.fromkeys(_NUMBERS, 1.0)}).encode(),
    }


def odd_wishes(name: str, data: bytes, rng: Rng) -> bytes:
    """Numbers at and beyond their ends, timelines of many and of crowded styles; or any odd tree."""
    if rng.random() < 0.3:
        return odd_json(name, data, rng)
    wishes = json.loads(data)
    for number in _NUMBERS:
        if rng.random() < 0.3:
            wishes[number] = float(rng.choice([0.0, 1e-9, 0.5, 1.0, 2.0, 2.0 if rng.random() < 0.9 else 5.1]))
    wishes["seed"] = [0, 1, 2**31, 2**63 - 1, 2**63, -1][min(int(rng.exponential(1.5)), 5)]
    wishes["latency"] = str(rng.choice(["live", "quality"]))
    wishes["background"] = str(rng.choice(["keep", "transparent", "green", "#000", "#ffffff"]))
    styles = ["happy", "sad:3", "neutral", "fear:1", "auto", "nobody", "angry:9", ""]
    starts = rng.choice(
        [0.0, 1e-6, 0.04, 0.2, 0.41, 30.0, 1e5, *np.arange(0.0, 0.5, 0.01)], int(rng.exponential(9.0)) + 1
    )
    wishes["timeline"] = [
        {
            "start": float(start),
            "style": styles[min(int(rng.exponential(0.7)), len(styles) - 1)],
            "intensity": float(rng.choice([0.0, 0.3, 1.0, 1.5])),
            "transition": float(rng.choice([0.0, 1e-6, 0.5, 100.0])),
        }
        for start in (starts if rng.random() < 0.1 else np.unique(starts))
    ]
    return json.dumps(wishes).encode()


def talk_with_wishes(path: Path) -> object:
    """Half a second of speech; only the complete video may appear."""
    from dreamtalk.option_values import options_from

    try:
        wishes = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise UnusableInput("These wishes are no JSON at all.") from error
    if not isinstance(wishes, dict):
        raise UnusableInput("These wishes are no options of a talk.")
    made = [path.with_name(name) for name in ("talk.mov", "speech.wav", "timeline.json")]
    video, speech, timeline = made
    try:
        given = wishes.pop("timeline", None)
        options = options_from({name: value for name, value in wishes.items() if name in _ASKED})
        if given is not None:
            timeline.write_text(json.dumps(given), encoding="utf-8")
            options = TalkOptions(**{name: getattr(options, name) for name in _ASKED}, timeline=timeline)
        speech.write_bytes(good.sound_seeds()["a.wav"])
        return talker().generate(good.EXAMPLES / "portrait.jpg", speech, video, options)
    finally:
        for file in made:
            file.unlink(missing_ok=True)


_ASKED = (
    *("style", "seed", "size", "background", "badge", "blink", "gaze", "accents", "latency", "face", "consent"),
    *_NUMBERS,
)
"""Options that the wishes may hold; files among them are other targets' business."""
