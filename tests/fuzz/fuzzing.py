"""Hostile input for everything that reads files: good files, damaged at random, by the thousand.

A reader may answer, or refuse with a DreamTalkError. Anything else (another exception, a crash of the process, more
seconds of work than its limit, a file left behind) is a failure. The test runs a few of each; the long run is

    python tests/fuzz/fuzzing.py --count 10000 --seed 1

Each input is told by its target, seed and number, so a failure can be had again: --only image --seed 1 --number 37.
"""

from __future__ import annotations

import argparse
import multiprocessing as mp
import os
import tempfile
import time
import traceback
import warnings
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from fuzz_damage import damaged
from fuzz_targets import TARGETS

from dreamtalk.errors import DreamTalkError

_PATIENCE = 20.0
"""Times its limit that an input may take on a machine that does other things as well."""


@dataclass(frozen=True)
class Outcome:
    """refused: with words. failure: None, or what went wrong."""

    name: str
    number: int
    refused: bool
    failure: str | None


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


def _answers(process: Any, line: Connection, limit: float) -> bool:
    """Whether the process says something within so many seconds of its own work, or twenty times as many of waiting: on
    a machine that is busy, time says little."""
    began, worked = time.monotonic(), _work_of(process.pid)
    while not line.poll(0.5):
        waited, now = time.monotonic() - began, _work_of(process.pid)
        spent = waited if now is None or worked is None else now - worked
        if spent > limit or waited > _PATIENCE * limit:
            return False
    return True


def _work_of(pid: int) -> float | None:
    """CPU seconds of a process; None where the system does not tell (or the process is gone)."""
    try:
        numbers = Path(f"/proc/{pid}/stat").read_text(encoding="latin-1").rpartition(")")[2].split()
    except OSError:
        return None
    return (int(numbers[11]) + int(numbers[12])) / os.sysconf("SC_CLK_TCK")


def run(name: str, seed: int, numbers: range) -> Iterator[Outcome]:
    """Outcomes of damaged files; a process that dies or hangs is a failure, and the next one goes on after it."""
    context, limit = mp.get_context("spawn"), TARGETS[name].limit
    while numbers:
        ours, theirs = context.Pipe(duplex=False)
        process = context.Process(target=_worker, args=(theirs, name, seed, numbers), daemon=True)
        process.start()
        theirs.close()
        at, why = None, None
        try:
            while True:
                # The first one takes its time: imports, models, good files.
                if not _answers(process, ours, limit if at not in (None, numbers.start) else 300 + limit):
                    why = f"took more than {limit:g} s"
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
