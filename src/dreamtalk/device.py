"""Which processor does the work, and what it is called."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from dreamtalk.errors import UnusableInput

DEVICES = ("auto", "cpu", "cuda")


@dataclass(frozen=True, slots=True)
class Device:
    """name: PyTorch's. description: for people."""

    name: str
    description: str


def choose_device(name: str = "auto", threads: int | None = None) -> Device:
    """The device to run the networks on; the renderer always runs on the CPU.

    threads: CPU threads for PyTorch and OpenCV in this process; None: PyTorch gets all cores but one.
    Raises UnusableInput for an unknown device, one that is not there, or less than one thread.
    """
    import cv2
    import torch

    if name not in DEVICES:
        raise UnusableInput(f"There is no device {name!r}. Choose one of: {', '.join(DEVICES)}.")
    if threads is None:
        # One core is for the video encoder. Small networks gain little from more threads, and lose several times over
        # when their threads have to wait for each other on a busy machine.
        torch.set_num_threads(min(torch.get_num_threads(), max(1, (os.cpu_count() or 1) - 1)))
    elif threads < 1:
        raise UnusableInput(f"At least one thread is needed, not {threads}.")
    else:
        torch.set_num_threads(threads)
        cv2.setNumThreads(threads)
    if name == "cuda" and not torch.cuda.is_available():
        raise UnusableInput("PyTorch sees no NVIDIA GPU here. Use --device cpu, or install a CUDA build of PyTorch.")
    if name != "cpu" and torch.cuda.is_available():
        return Device("cuda", f"{torch.cuda.get_device_name()} and {_cpu(torch.get_num_threads())}")
    return Device("cpu", _cpu(torch.get_num_threads()))


@contextmanager
def torch_threads(threads: int | None) -> Iterator[None]:
    """So many threads for PyTorch within the block; None: as many as it has."""
    import torch

    before = torch.get_num_threads()
    if threads in (None, before):
        yield
        return
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _cpu(threads: int) -> str:
    return f"CPU ({_cpu_name()}, {threads} of {os.cpu_count()} threads)"


def _cpu_name() -> str:
    """The processor's own name where the system tells it."""
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()
