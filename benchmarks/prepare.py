"""How fast is `dreamtalk prepare` on one core, step by step? Frames of 25 per second, so 25 means real time.

    python benchmarks/prepare.py VIDEO ...

Without videos: four seconds of the example portrait with the example speech. CPU time is counted: it tells the speed of
a free core, however busy this machine is.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np
import torch

from dreamtalk.audio import load_speech
from dreamtalk.data.fitting import Member, fit_clip
from dreamtalk.data.manifest import Manifest, ShardEntry
from dreamtalk.data.observe import DEFAULT_ENCODER, Cache, encoder, observe
from dreamtalk.data.quality import QualityLimits
from dreamtalk.data.shards import PreparedClip, pyarrow_parquet, read_shards, write_shard
from dreamtalk.data.sighting import largest_change, second_face, thumbnail
from dreamtalk.data.source import SourceClip
from dreamtalk.data.speakers import Speaker, face_model, pool
from dreamtalk.face import FaceTracker
from dreamtalk.face.detector import FaceDetector
from dreamtalk.face.raw import stack_faces
from dreamtalk.face.sampling import Square, crop
from dreamtalk.media import read_frames, read_image, write_video
from dreamtalk.types import Image

ROOT = Path(__file__).parents[1]
EXAMPLE_FRAMES, EXAMPLE_SIDE = 100, 384
LOOK_EVERY = 5

Result = TypeVar("Result")


class Steps:
    """CPU seconds by step."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    def __call__(self, name: str, work: Callable[..., Result], *arguments: object) -> Result:
        begin = time.process_time()
        result = work(*arguments)
        self.seconds[name] = self.seconds.get(name, 0.0) + time.process_time() - begin
        return result


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description="Speed of `dreamtalk prepare` on one core, step by step.")
    parser.add_argument("videos", metavar="VIDEO", type=Path, nargs="*", help="by default a made-up one of 4 s")
    flags = parser.parse_args()
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        measure(flags.videos or [example(Path(folder))], Path(folder))


def example(folder: Path) -> Path:
    """A video of the example portrait, swaying, with the example speech."""
    image = read_image(ROOT / "examples/portrait.jpg")
    frames = (
        crop(image, Square(225 + np.sin(i / 5) * 20, 130, 260 + i % 9), EXAMPLE_SIDE, repeat_edge=True)
        for i in range(EXAMPLE_FRAMES)
    )
    write_video(folder / "example.mp4", islice(frames, EXAMPLE_FRAMES), load_speech(ROOT / "examples/speech.wav"))
    return folder / "example.mp4"


def measure(videos: list[Path], folder: Path) -> None:
    """Print frames per CPU second of each step and of all."""
    tracker, detector, hear = FaceTracker.load(), FaceDetector(), encoder(DEFAULT_ENCODER)
    list(tracker.track_frames(islice(read_frames(videos[0]), 3)))
    face_model().solver  # noqa: B018 (made once, on first use)
    pyarrow_parquet()
    steps, count = Steps(), 0
    cache = Cache(folder / "cache")
    for number, video in enumerate(videos):
        frames = steps("read the video", read_all, video)
        steps("track the face", stack_faces, tracker.track_frames(frames))
        steps("look for others", look_for_others, detector, frames)
        steps("look for cuts", look_for_cuts, frames)
        speech = steps("read the sound", load_speech, video)
        steps("speech features", hear.encode, speech)
        clip = SourceClip(f"clip{number}", video, f"speaker{number}", "folder", "unclear")
        seen = observe(clip, cache)
        speaker = Speaker(clip.speaker, (clip.id,))
        steps("resting face", pool, speaker, cache)
        member = Member(clip, seen.sighting, speaker, video.name)
        row = steps("fit", fit_clip, member, QualityLimits(), None, cache)
        assert isinstance(row, PreparedClip)
        steps("write the shard", write_shard, folder / "out" / f"shard-{number:05d}.parquet", [row])
        count += len(frames)
    for name, seconds in steps.seconds.items():
        print(f"  {name:<18} {count / max(seconds, 1e-9):8.0f} frames per second")
    print(f"  {'all':<18} {count / sum(steps.seconds.values()):8.0f} frames per second and core ({count} frames)")
    show_reading(folder / "out", len(videos))


def read_all(video: Path) -> list[Image]:
    return list(read_frames(video))


def look_for_others(detector: FaceDetector, frames: list[Image]) -> list[bool]:
    return [second_face(detector.detect(frame)) for frame in frames[::LOOK_EVERY]]


def look_for_cuts(frames: list[Image]) -> float:
    return largest_change([thumbnail(frame) for frame in frames])


def show_reading(folder: Path, shards: int) -> None:
    """Print what it costs training to read a clip of an open folder."""
    entries = tuple(ShardEntry(f"shard-{n:05d}.parquet", 1, 0) for n in range(shards))
    Manifest("benchmark", "", {}, {}, entries).write(folder)
    handles = list(read_shards(folder))
    for handle in handles:
        handle.array("pose")  # opens the file
    begin = time.process_time()
    frames = sum(len(handle.array("unblinking")) + 0 * len(handle.array("features")) for handle in handles)
    seconds = time.process_time() - begin
    print(
        f"  reading a clip's expression and features back: {1e3 * seconds / shards:.1f} ms ({frames // shards} frames)"
    )


if __name__ == "__main__":
    main()
