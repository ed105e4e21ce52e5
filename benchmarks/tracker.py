"""How fast is the face tracker? Frames per second on one core: detection, landmarks, scores and pose of every frame.

    python benchmarks/tracker.py [VIDEO]

Without a video: 120 frames of 384 px cut from the example portrait. CPU time tells the speed of a free core, wall time
what this machine gave just now.
"""

from __future__ import annotations

import argparse
import time
from itertools import islice
from pathlib import Path

import cv2
import numpy as np

from dreamtalk.face import FaceTracker
from dreamtalk.face.sampling import Square, crop
from dreamtalk.media import read_frames, read_image

FRAMES, SIZE = 120, 384
ROOT = Path(__file__).parents[1]


def main() -> None:
    """Measure, and print two lines."""
    parser = argparse.ArgumentParser(description="Frames per second of the face tracker on one core.")
    parser.add_argument(
        "video", metavar="VIDEO", type=Path, nargs="?", help="by default frames of the example portrait"
    )
    flags = parser.parse_args()
    cv2.setNumThreads(1)
    if flags.video:
        frames = list(islice(read_frames(flags.video), FRAMES))
    else:
        image = read_image(ROOT / "examples/portrait.jpg")
        frames = [
            crop(image, Square(225 + np.sin(i / 5) * 20, 130, 260 + i % 9), SIZE, repeat_edge=True)
            for i in range(FRAMES)
        ]
    tracker = FaceTracker.load()
    list(tracker.track_frames(frames[:5]))
    cpu, wall = time.process_time(), time.perf_counter()
    found = sum(face is not None for face in tracker.track_frames(frames))
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    print(f"{found} of {len(frames)} frames of {frames[0].shape[1]} x {frames[0].shape[0]} px tracked")
    print(f"{len(frames) / cpu:.0f} frames per second of CPU time, {len(frames) / wall:.0f} of wall time (budget: 60)")


if __name__ == "__main__":
    main()
