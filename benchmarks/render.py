"""The mesh renderer: time per frame and per step at several sizes, on one core.

    python benchmarks/render.py [--sizes 256 512 1024] [--frames 60]

Every frame speaks, blinks, looks aside and turns the head, so that everything moves. CPU time of this thread, so that
other programs count little (they still take cache and clock): the median, and the lowest tenth; the wall time as well.
Prints ratios: seconds of work per second of video.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from dreamtalk.face import FaceModel, FaceTracker
from dreamtalk.face.arkit import weights
from dreamtalk.render import MeshRenderer
from dreamtalk.render.mesh import MeshAnimator
from dreamtalk.types import VIDEO_FPS, Portrait

_LOW_PERCENT = 10
"""Percentile printed as the lowest: what the machine does when others leave it alone."""
PORTRAIT = Path(__file__).parents[1] / "examples" / "portrait.jpg"


def main() -> None:
    """Measure every size and print a table."""
    parser = argparse.ArgumentParser(description="Time of the mesh renderer.")
    parser.add_argument("--sizes", type=int, nargs="+", default=[256, 512, 1024])
    parser.add_argument("--frames", type=int, default=60)
    flags = parser.parse_args()
    cv2.setNumThreads(1)
    model = FaceModel.load()
    renderer, portrait = MeshRenderer(model), read_portrait()
    start = time.perf_counter()
    renderer.prepare(portrait, 64)
    print(f"load of the machine: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    print(f"first portrait, with the compiled code loaded or made: {time.perf_counter() - start:.2f} s")
    print(
        f"{'size':>5} {'prepare s':>10} {'CPU ms':>7} {'lowest':>7} {'wall ms':>8} {'ratio':>6}  steps, lowest CPU ms"
    )
    for size in flags.sizes:
        start = time.perf_counter()
        animator = renderer.prepare(portrait, size)
        prepared = time.perf_counter() - start
        steps = timed_steps(animator)
        cpu, wall = run(animator, model, flags.frames)
        middle, low = float(np.median(cpu)), float(np.percentile(cpu, _LOW_PERCENT))
        inner = "  ".join(
            f"{name} {1e3 * float(np.percentile(times, _LOW_PERCENT)):.1f}" for name, times in steps.items()
        )
        row = f"{size:>5} {prepared:>10.2f} {1e3 * middle:>7.1f} {1e3 * low:>7.1f} {1e3 * float(np.median(wall)):>8.1f}"
        print(f"{row} {middle * VIDEO_FPS:>6.2f}  {inner}")


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


def run(animator: MeshAnimator, model: FaceModel, frames: int) -> tuple[list[float], list[float]]:
    """CPU and wall seconds of each frame."""
    cpu: list[float] = []
    wall: list[float] = []
    for number in range(frames):
        wave = 0.5 + 0.5 * np.sin(0.7 * number)
        expression = model.from_arkit(weights(jawOpen=0.4 * wave, eyeBlink=0.6 * (1 - wave), mouthSmile=0.3))
        turn = np.radians([2.0, 5.0, 2.0]).astype(np.float32) * np.float32(wave + 0.2)
        began, began_wall = time.thread_time(), time.perf_counter()
        animator.frame(expression, turn, np.full(3, 0.02, np.float32), np.full(4, 0.01, np.float32))
        cpu.append(time.thread_time() - began)
        wall.append(time.perf_counter() - began_wall)
    return cpu, wall


if __name__ == "__main__":
    main()
