"""Live talks: added latency, first frame, memory and time of a long session, and several sessions at once.

    python benchmarks/live.py latency [--seconds 120] [--size 512]
    python benchmarks/live.py long [--minutes 60] [--size 256]
    python benchmarks/live.py sessions [--sessions 4] [--seconds 20] [--size 256]

The clock of the sound is simulated: pieces of 20 ms arrive one after the other; while frames are made the clock goes
on by the time that took. Two clocks are kept side by side, the wall's and that of the CPU time of this thread, which
other work on the machine slows down less. All with one thread.
"""

from __future__ import annotations

import argparse
import os
import resource
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dreamtalk import Talker, TalkOptions
    from dreamtalk.types import Float

ROOT = Path(__file__).parents[1]
PORTRAIT = ROOT / "examples" / "portrait.jpg"
SPEECH = ROOT / "examples" / "speech.wav"

PIECE = 320
"""Samples (20 ms) that arrive at a time."""

UTTERANCE, PAUSE = 27.0, 3.0
"""Seconds of speech and of a pause in a long session, in turns."""


class Clock:
    """When frames are ready if sound arrives in real time and everything waits for this thread."""

    def __init__(self, measure: Callable[[], float]) -> None:
        self._measure = measure
        self._free = 0.0
        self._began = 0.0
        self.busy = 0.0
        self.work: list[float] = []
        """Seconds of each push."""

    def begin(self, arrived: float) -> None:
        """Work on what arrived at that time begins, as soon as earlier work is done."""
        self._free = max(self._free, arrived)
        self._began = self._measure()

    def now(self) -> float:
        """The time on the clock of the sound."""
        return self._free + self._measure() - self._began

    def end(self) -> None:
        """The work is done."""
        spent = self._measure() - self._began
        self.work.append(spent)
        self.busy += spent
        self._free += spent


def main() -> None:
    """Measure what was asked for."""
    parser = argparse.ArgumentParser(description="Latency, memory and speed of live talks.")
    parser.add_argument("what", choices=["latency", "long", "sessions"])
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--sessions", type=int, default=4)
    parser.add_argument("--size", type=int, default=512, choices=[256, 512, 1024])
    flags = parser.parse_args()
    print(f"load of the machine before: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores", flush=True)
    if flags.what == "latency":
        latency(flags.seconds, flags.size)
    elif flags.what == "long":
        long(flags.minutes, flags.size)
    else:
        sessions(flags.sessions, flags.seconds, flags.size)
    print(f"load of the machine after: {os.getloadavg()[0]:.1f}")


def latency(seconds: float, size: int) -> None:
    """One talk of utterances and pauses: from the sound of a frame to the frame."""
    import numpy as np

    started = time.perf_counter()
    live = talker().live(PORTRAIT, options(size))
    print(f"session ready after {time.perf_counter() - started:.2f} s, models and portrait included")
    clocks = [Clock(time.perf_counter), Clock(time.thread_time)]
    added: list[list[float]] = [[], []]
    beyond: list[list[float]] = [[], []]
    first: list[list[float]] = [[], []]
    now = 0.0
    for speech in utterances(seconds):
        for _ in live.idle(25):
            pass
        begun, seen = now, 0
        for piece in [*pieces(speech), None]:
            now += 0.0 if piece is None else PIECE / 16_000
            for clock in clocks:
                clock.begin(now)
            for frame in live.finish() if piece is None else live.push(piece):
                ready = [clock.now() for clock in clocks]
                for k, time_ready in enumerate(ready):
                    added[k].append(time_ready - begun - (frame.speech or 0.0))
                    beyond[k].append(time_ready - now)
                    if not seen:
                        first[k].append(time_ready - now)
                seen += 1
            for clock in clocks:
                clock.end()
        now += PAUSE
    for k, name in enumerate(("wall", "CPU")):
        print(f"by the {name} clock, ms                        p50    p95    max")
        for what, values in (
            ("from sound to its frame", added[k]),
            ("beyond the sound it needs", beyond[k]),
            ("first frame of an utterance", first[k]),
        ):
            p50, p95, most = 1000 * np.percentile(values, [50, 95, 100])
            print(f"  {what:<38}{p50:>7.0f}{p95:>7.0f}{most:>7.0f}   ({len(values)})")
        print(f"  work per second of speech: {clocks[k].busy / (len(added[k]) / 25):.3f} s")


def long(minutes: float, size: int) -> None:
    """A session of that many minutes: memory every five, and whether it keeps up."""
    live = talker().live(PORTRAIT, options(size))
    clocks = [Clock(time.perf_counter), Clock(time.thread_time)]
    frames, level, highest, report, turn = 0, 0.0, 0.0, 300.0, 0
    styles = ("neutral", "happy", "calm")
    while frames < minutes * 60 * 25:
        turn += 1
        if turn % 5 == 0:
            live.style(styles[turn // 5 % len(styles)])
        for speech in utterances(UTTERANCE):
            for piece in pieces(speech):
                frames += timed(clocks, live.push(piece))
            frames += timed(clocks, live.interrupt() if turn % 3 == 0 else live.finish())
        for _ in range(round(PAUSE * 25)):
            frames += timed(clocks, live.idle(1))
        if frames / 25 >= report:
            memory = megabytes()
            level = level or memory
            highest = max(highest, memory)
            spent = "  ".join(
                f"{name} {clock.busy / (frames / 25):.3f}" for name, clock in zip(("wall", "CPU"), clocks, strict=True)
            )
            worst = 1000 * max(clocks[1].work)
            print(
                f"{frames / 1500:5.1f} min: {memory:.0f} MiB, {memory - level:+.1f} since the first; "
                f"work per second of video: {spent}; longest push {worst:.0f} ms CPU; load {os.getloadavg()[0]:.1f}",
                flush=True,
            )
            for clock in clocks:
                clock.work.clear()
            report += 300.0
    print(f"{frames} frames; memory at most {highest - level:+.1f} MiB from its first level ({level:.0f} MiB)")


def sessions(count: int, seconds: float, size: int) -> None:
    """Several sessions of one Talker in threads: memory of each, and whether they are what they are alone."""
    import hashlib

    shared = talker()
    shared.live(PORTRAIT, options(size))
    face = shared.portrait(PORTRAIT)
    before = megabytes()
    lives = [shared.live(face, options(size, seed)) for seed in range(count)]
    ready = megabytes()
    said = list(utterances(seconds))

    def talk(seed: int, into: dict[int, str]) -> None:
        digest = hashlib.sha256()
        for speech in said:
            for piece in pieces(speech):
                for frame in lives[seed].push(piece):
                    digest.update(frame.image.tobytes())
            for frame in lives[seed].finish():
                digest.update(frame.image.tobytes())
        into[seed] = digest.hexdigest()

    together: dict[int, str] = {}
    threads = [threading.Thread(target=talk, args=(seed, together)) for seed in range(count)]
    started, cpu = time.perf_counter(), time.process_time()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    wall, cpu = time.perf_counter() - started, time.process_time() - cpu
    after = megabytes()
    lives = [shared.live(face, options(size, seed)) for seed in range(count)]
    alone: dict[int, str] = {}
    for seed in range(count):
        talk(seed, alone)
    print(f"{count} sessions at {size} px: {(ready - before) / count:.1f} MiB each when ready, ", end="")
    print(f"{(after - before) / count:.1f} MiB each after {seconds:.0f} s of speech; {before:.0f} MiB before")
    print(
        f"together: {wall / count / seconds:.3f} s wall and {cpu / count / seconds:.3f} s CPU per second of a session"
    )
    print("the same bytes alone and together:", alone == together)


def timed(clocks: list[Clock], frames: Iterable[object]) -> int:
    """How many frames there are; the clocks measure the work."""
    for clock in clocks:
        clock.begin(0.0)
    count = sum(1 for _ in frames)
    for clock in clocks:
        clock.end()
    return count


def talker() -> Talker:
    """A Talker with one thread."""
    import dreamtalk

    return dreamtalk.load("cpu", threads=1)


def options(size: int, seed: int = 0) -> TalkOptions:
    """What a talk looks like by default, at that size."""
    import dreamtalk

    return dreamtalk.TalkOptions(size=size, seed=seed)  # type: ignore[arg-type]


def utterances(seconds: float) -> Iterator[Float]:
    """The example's speech, repeated, in utterances of at most UTTERANCE seconds."""
    import numpy as np

    from dreamtalk.audio import load_speech

    once = load_speech(SPEECH).samples
    while seconds > 0.1:
        samples = np.resize(once, round(min(UTTERANCE, seconds) * 16_000))
        seconds -= len(samples) / 16_000
        yield samples


def pieces(speech: Float) -> Iterator[Float]:
    """The samples as they arrive."""
    return (speech[at : at + PIECE] for at in range(0, len(speech), PIECE))


def megabytes() -> float:
    """Memory of this process in MiB: what it holds now on Linux, elsewhere the most it ever held."""
    statm = Path("/proc/self/statm")
    if statm.is_file():
        return int(statm.read_text().split()[1]) * resource.getpagesize() / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


if __name__ == "__main__":
    main()
