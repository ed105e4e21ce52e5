"""What a batch costs beside its talks, and talks per hour and core.

    python benchmarks/batch.py                 # overhead of 1,000 rows without talks; then 12 talks of 7 s per size
    python benchmarks/batch.py --workers 2     # the same through Ray
    python benchmarks/batch.py --talks 0       # the overhead alone

Prints seconds by the clock and, for work in this process, CPU seconds, which other work on the machine changes less.
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import dreamtalk.batch.run as run
from dreamtalk.batch.run import Batch, run_batch
from dreamtalk.batch.state import Made, keep
from dreamtalk.batch.worker import Job, Outcome
from dreamtalk.examples import example

_SOUND_BYTES = 200_000
"""Of each made-up speech file: 6 s of 16 kHz PCM."""


def nothing(job: Job, folder: Path, device: str, threads: int | None) -> Outcome:
    """A row without its talk: the video and the state alone."""
    (folder / job.row.output).write_bytes(b"video")
    keep(job.row, folder, Made(job.fingerprint, 5, 1.0, job.files))
    return Outcome(1.0)


@contextmanager
def timed(what: str, rows: int) -> Iterator[None]:
    """Print what a block takes."""
    clock, cpu = time.perf_counter(), time.process_time()
    yield
    clock, cpu = time.perf_counter() - clock, time.process_time() - cpu
    print(f"{what:<44} {clock:7.2f} s  {cpu:7.2f} s CPU here  {1000 * clock / rows:6.2f} ms a row", flush=True)


def overhead(folder: Path, rows: int, workers: int) -> None:
    """A table of so many rows, each with its own sound: made without talks, resumed, resumed after all were touched."""
    shutil.copy(example("portrait.jpg"), folder / "p.jpg")
    lines = ["portrait,audio,size"]
    for number in range(rows):
        (folder / f"{number}.wav").write_bytes(os.urandom(_SOUND_BYTES))
        lines.append(f"p.jpg,{number}.wav,256")
    (folder / "talks.csv").write_text("\n".join(lines))
    asked = Batch(manifest=folder / "talks.csv", folder=folder / "out", workers=workers)
    import batch as found_by_workers  # this file, under a name that Ray's processes find

    real, run.make = run.make, found_by_workers.nothing
    quiet = partial(run_batch, asked, lambda line: None)
    with timed(f"{rows} rows, all to make, workers {workers}", rows):
        quiet()
    with timed(f"{rows} rows, all made already", rows):
        quiet()
    for number in range(rows):
        os.utime(folder / f"{number}.wav")
    with timed(f"{rows} rows, all made, files touched", rows):
        quiet()
    run.make = real


def talks(folder: Path, count: int, size: int, workers: int) -> None:
    """So many talks of the example speech."""
    lines = ["portrait,audio,output,size,seed"]
    paths = f"{example('portrait.jpg').resolve()},{example('speech.wav').resolve()}"
    lines += [f"{paths},{seed}.mp4,{size},{seed}" for seed in range(count)]
    (folder / "talks.csv").write_text("\n".join(lines))
    batch = Batch(manifest=folder / "talks.csv", folder=folder / "out", workers=workers, threads=1)
    with timed(f"{count} talks at {size} px, workers {workers}", count):
        summary = run_batch(batch, lambda line: None)
    print(f"  {summary.words}")


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1000)
    parser.add_argument("--talks", type=int, default=12)
    parser.add_argument("--sizes", type=int, nargs="+", default=[256, 512])
    parser.add_argument("--workers", type=int, default=0)
    asked = parser.parse_args()
    print(f"Load before: {os.getloadavg()[0]:.1f} on {os.cpu_count()} threads")
    with tempfile.TemporaryDirectory() as folder:
        if asked.rows:
            overhead(Path(folder), asked.rows, asked.workers)
    for size in asked.sizes if asked.talks else []:
        with tempfile.TemporaryDirectory() as folder:
            talks(Path(folder), asked.talks, size, asked.workers)


if __name__ == "__main__":
    main()
