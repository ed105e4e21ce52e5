"""Training steps per second of the shipped denoiser recipe in one process, and where the time goes.

    python benchmarks/train.py [DATA] [--steps 5] [--threads 1] [--precision bfloat16] [--device cpu] [--expert FILE]

DATA: a talkset or a folder made by `dreamtalk prepare`. Without it clips of random numbers stand in, as long as GRID's:
the work is the same, only the reading of files is left out. Nothing is written. With one thread on the CPU its own
CPU time is taken, so that other programs count little.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from dreamtalk.data.talkers import TalkingClip
from dreamtalk.face.model import FaceModel
from dreamtalk.train.denoiser import DenoiserStage, DenoiserTraining, denoiser_stage
from dreamtalk.train.loop import Run
from dreamtalk.train.place import Place, choose_place
from dreamtalk.train.recipes import denoiser_cpu

PARTS = ("data", "forward", "backward", "optimiser and average")
CLIPS, FRAMES = 200, 75
"""Random clips, and frames of each, when there is no DATA."""


def main() -> None:
    """Run a few steps and print a table."""
    parser = argparse.ArgumentParser(description="Speed of training.")
    parser.add_argument("data", type=Path, nargs="?")
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--precision", choices=("float32", "bfloat16"), default="bfloat16")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="cpu")
    parser.add_argument("--expert", type=Path)
    flags = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        config = replace(
            denoiser_cpu(flags.data or Path(folder)),
            out=Path(folder),
            threads=flags.threads,
            precision=flags.precision,
            device=flags.device,
            expert=flags.expert,
            sync_weight=0.5 if flags.expert else 0.0,
        )
        place = choose_place(config)
        torch.manual_seed(0)
        stage = denoiser_stage(config) if flags.data else random_stage(config)
        report(config, stage, place, measure(Run(config, stage, place), place, flags.steps), flags.steps)


def random_stage(config: DenoiserTraining) -> DenoiserStage:
    """The recipe on clips of random numbers."""
    rng, face_model = np.random.default_rng(0), FaceModel.load()
    size = config.denoiser.expression_size
    clips = []
    for number in range(CLIPS):
        expression = 0.02 * rng.standard_normal((FRAMES, size)).astype(np.float32)
        features = rng.standard_normal((2 * FRAMES, config.denoiser.feature_size)).astype(np.float32)
        closure = np.clip(expression @ face_model.measure("aperture"), 0, None)
        clips.append(TalkingClip(str(number), expression, closure, features, str(number % 4)))
    return DenoiserStage(config, clips, face_model)


def measure(run: Run, place: Place, steps: int) -> dict[str, float]:
    """Seconds of each part over the steps, the first of which, a warm-up, does not count."""
    alone = place.device.type == "cpu" and torch.get_num_threads() == 1
    clock = time.thread_time if alone else time.perf_counter

    def now() -> float:
        if place.device.type == "cuda":
            torch.cuda.synchronize()
        return clock()

    spent: dict[str, float] = defaultdict(float)
    for step in range(steps + 1):
        times = [now()]
        batch = run.batch()
        times.append(now())
        losses = run.losses(batch)
        times.append(now())
        run.gradients(losses["loss"])
        times.append(now())
        run.update()
        times.append(now())
        run.done += 1
        if step:
            for part, seconds in zip(PARTS, np.diff(times), strict=True):
                spent[part] += float(seconds)
    return spent


def report(config: DenoiserTraining, stage: DenoiserStage, place: Place, spent: dict[str, float], steps: int) -> None:
    """Print what was measured."""
    total = sum(spent.values())
    print(f"load of the machine: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    print(f"{place.description}, {config.precision}; {stage.about}; {config.rows} talks of {config.frames} frames")
    print(f"{steps / total:.2f} steps per second ({total / steps:.3f} s each, mean of {steps})")
    for part, seconds in spent.items():
        print(f"  {part:<22}{seconds / steps * 1000:8.1f} ms{100 * seconds / total:6.1f} %")


if __name__ == "__main__":
    main()
