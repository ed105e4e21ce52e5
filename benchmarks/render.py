"""The mesh renderer: time per frame and per step at several sizes, beside the floor and beside the video encoder.

    python benchmarks/render.py [--sizes 256 512 1024] [--frames 60] [--threads 2]

Every frame speaks, blinks, looks aside and turns the head, so that everything moves. CPU time of this thread, so that
other programs count little (they still take cache and clock): the median, and the lowest tenth. Beside it, in the same
rounds, so that all meet the same machine: the floor (one bicubic cv2.remap of a picture of that size), and the video
encoder (colour conversion and x264 as the writer uses it). Ratios are seconds of work per second of video.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from dreamtalk.face import FaceModel, FaceTracker
from dreamtalk.face.arkit import weights
from dreamtalk.media import write_video
from dreamtalk.render import MeshRenderer
from dreamtalk.render.mesh import MeshAnimator
from dreamtalk.types import VIDEO_FPS, Image, Motion, Portrait

_LOW_PERCENT = 10
"""Percentile printed as the lowest: what the machine does when others leave it alone."""
PORTRAIT = Path(__file__).parents[1] / "examples" / "portrait.jpg"


def main() -> None:
    """Measure every size and print a table."""
    parser = argparse.ArgumentParser(description="Time of the mesh renderer.")
    parser.add_argument("--sizes", type=int, nargs="+", default=[256, 512, 1024])
    parser.add_argument("--frames", type=int, default=60)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1, help="of the last measurement")
    flags = parser.parse_args()
    cv2.setNumThreads(1)
    model = FaceModel.load()
    portrait = read_portrait()
    start = time.perf_counter()
    MeshRenderer(model).prepare(portrait, 64)
    print(f"load of the machine: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    print(f"first portrait, with the compiled code loaded or made: {time.perf_counter() - start:.2f} s")
    print(f"{'size':>5} {'CPU ms':>7} {'lowest':>7} {'ratio':>6} {'floor':>6} {'x264':>6}  steps, lowest CPU ms")
    for size in flags.sizes:
        animator = MeshRenderer(model).prepare(portrait, size)
        steps = timed_steps(animator)
        ours, floor, encoded = race(animator, model, flags.frames)
        inner = "  ".join(f"{name} {low(times):.1f}" for name, times in steps.items())
        middle = 1e3 * float(np.median(ours))
        row = f"{size:>5} {middle:>7.1f} {low(ours):>7.1f} {middle * VIDEO_FPS / 1e3:>6.2f}"
        print(f"{row} {low(floor):>6.1f} {low(encoded):>6.1f}  {inner}")
    print(f"frames per second by the clock, drawing alone, with 1 and {flags.threads} threads:")
    for size in flags.sizes:
        rates = [
            rate(MeshRenderer(model, threads), portrait, model, size, flags.frames) for threads in (1, flags.threads)
        ]
        print(f"{size:>5} " + " ".join(f"{value:>7.0f}" for value in rates))


def low(times: list[float]) -> float:
    """Milliseconds of the lowest tenth."""
    return 1e3 * float(np.percentile(times, _LOW_PERCENT))


def read_portrait() -> Portrait:
    """The example portrait, tracked."""
    image = np.asarray(cv2.cvtColor(cv2.imread(str(PORTRAIT)), cv2.COLOR_BGR2RGB), np.uint8)
    face = FaceTracker.load().track_image(image)
    return Portrait(image, face.landmarks, face.rotation, face.blendshapes, np.zeros(32, np.float32), face.box)


def timed_steps(animator: MeshAnimator) -> dict[str, list[float]]:
    """Wraps the steps of a frame so that their CPU times are kept; returns where."""
    kept: dict[str, list[float]] = {}

    def wrap(owner: object, method: str, name: str) -> None:
        inner: Callable[..., Any] = getattr(owner, method)
        times = kept.setdefault(name, [])

        def timed(*arguments: object) -> object:
            start = time.thread_time()
            result = inner(*arguments)
            times.append(time.thread_time() - start)
            return result

        setattr(owner, method, timed)

    wrap(animator, "_shape", "geometry")
    wrap(animator, "_warp", "warp")
    wrap(animator._eyes, "draw", "eyes")
    wrap(animator._mouth, "draw", "mouth")
    return kept


def motion_of(model: FaceModel, frames: int) -> Motion:
    """Everything moves in every frame."""
    wave = 0.5 + 0.5 * np.sin(0.7 * np.arange(frames))
    scores = [weights(jawOpen=0.4 * w, eyeBlink=0.6 * (1 - w), mouthSmile=0.3) for w in wave]
    turn = np.outer(wave + 0.2, np.radians([2.0, 5.0, 2.0])).astype(np.float32)
    place, gaze = np.full((frames, 3), 0.02, np.float32), np.full((frames, 4), 0.01, np.float32)
    return Motion(model.from_arkit(np.stack(scores)), turn, place, gaze)


def race(animator: MeshAnimator, model: FaceModel, frames: int) -> tuple[list[float], list[float], list[float]]:
    """CPU seconds of each frame: drawn, sampled once by OpenCV, encoded. In turns."""
    ours: list[float] = []
    floor: list[float] = []
    encoded: list[float] = []
    motion = motion_of(model, frames)
    height, width = animator.size
    ys, xs = np.mgrid[0:height, 0:width].astype(np.float32)
    map_x, map_y = xs + 3.3 * np.sin(ys / 50.0), ys + 2.7 * np.cos(xs / 40.0)

    def drawn() -> Iterator[Image]:
        for row in zip(motion.expression, motion.rotation, motion.translation, motion.gaze, strict=True):
            began = time.thread_time()
            frame = animator.frame(*row)
            ours.append(time.thread_time() - began)
            began = time.thread_time()
            cv2.remap(frame, map_x, map_y, cv2.INTER_CUBIC)
            floor.append(time.thread_time() - began)
            began = time.process_time()  # x264 looks ahead in a thread of its own
            yield frame
            encoded.append(time.process_time() - began)

    with tempfile.TemporaryDirectory() as folder:
        write_video(Path(folder) / "out.mp4", drawn(), None)
    return ours, floor, encoded


def rate(renderer: MeshRenderer, portrait: Portrait, model: FaceModel, size: int, frames: int) -> float:
    """Frames per second by the clock."""
    animator = renderer.prepare(portrait, size)
    start = time.perf_counter()
    for _ in animator.frames([motion_of(model, frames)]):
        pass
    return frames / (time.perf_counter() - start)


if __name__ == "__main__":
    main()
