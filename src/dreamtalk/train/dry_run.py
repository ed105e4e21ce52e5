"""`--dry-run`: model and data are made, two steps of each phase are run, and nothing is written."""

from __future__ import annotations

import sys
import time
from itertools import pairwise

import torch

from dreamtalk.train.ahead import shapes
from dreamtalk.train.loop import B, LoopConfig, Run, Stage
from dreamtalk.train.place import choose_place

_MIB = 2**20


def dry_run(config: LoopConfig, stage: Stage[B]) -> str:
    """What a training would be, in lines for people. Raises what training raises."""
    place = choose_place(config)
    run = Run(config, stage, place)
    learnt = sum(p.numel() for p in stage.model.parameters() if p.requires_grad)
    lines = [
        f"{stage.title}: {stage.about}",
        f"  on            {place.description}, {config.precision}",
        f"  parameters    {learnt / 1e6:.2f} M",
    ]
    seconds = 0.0
    for begin, end in pairwise((*config.phases(), config.steps)):
        run.done = begin
        batch = shapes(run.batch())
        first, second = _timed(run), _timed(run)
        losses = ", ".join(f"{name} {value:g}" for name, value in second[1].items())
        seconds += second[0] * (end - begin)
        lines += [f"  step {begin:<9}{first[0]:.2f} s, then {second[0]:.2f} s: {losses}"]
    lines += [f"  {name:<13} {shape}" for name, shape in batch.items()]
    lines += [
        f"  {config.steps} steps    about {_duration(seconds)} at this speed, which was measured on one step",
        f"  memory        {_memory_mib():.0f} MiB at most in each process{_gpu_memory()}",
        f"  would write   {run.file}",
    ]
    return "\n".join(lines)


def _timed(run: Run[B]) -> tuple[float, dict[str, float]]:
    began = time.perf_counter()
    numbers = run.numbers(run.step())  # numbers wait for the device
    return time.perf_counter() - began, numbers


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def _memory_mib() -> float:
    """The most this process ever had."""
    try:
        import resource
    except ImportError:  # Windows
        return float("nan")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / _MIB if sys.platform == "darwin" else peak / 1024


def _gpu_memory() -> str:
    return f", {torch.cuda.max_memory_allocated() / _MIB:.0f} MiB on the GPU" if torch.cuda.is_available() else ""
