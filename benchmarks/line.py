"""The whole line: time per step, real-time factor, time to the first frame and peak memory, for several durations.

    python benchmarks/line.py [--seconds 10 300] [--size 512] [--threads 2]

Each duration runs in a fresh process, so that its peak memory and first frame are its own. The speech is the example's,
repeated. Prints ratios: seconds of work per second of video (1 = as long as the video lasts).
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
PORTRAIT = ROOT / "examples" / "portrait.jpg"
SPEECH = ROOT / "examples" / "speech.wav"
RATE_HZ = 48_000
"""Sample rate of the repeated speech, as a recording would have it."""


def main() -> None:
    """Measure every duration and print a table."""
    parser = argparse.ArgumentParser(description="Time and memory of the whole line.")
    parser.add_argument("--seconds", type=float, nargs="+", default=[10.0, 300.0])
    parser.add_argument("--size", default="512", choices=["native", "256", "512", "1024"])
    parser.add_argument("--threads", type=int, default=None)
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    flags = parser.parse_args()
    if flags.one:
        print(json.dumps(measure(flags.seconds[0], flags.size, flags.threads)))
        return
    print(f"load of the machine before: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    runs = [in_a_fresh_process(seconds, flags.size, flags.threads) for seconds in flags.seconds]
    show(runs)


def in_a_fresh_process(seconds: float, size: str, threads: int | None) -> dict[str, object]:
    """One measurement by a new interpreter."""
    command = [sys.executable, __file__, "--one", "--seconds", str(seconds), "--size", size]
    if threads is not None:
        command += ["--threads", str(threads)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    result: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return result


def measure(seconds: float, size: str, threads: int | None) -> dict[str, object]:
    """Make one video; times in seconds, memory in MiB."""
    with tempfile.TemporaryDirectory() as folder:
        speech = Path(folder) / "speech.flac"
        repeat_speech(speech, seconds)
        start = time.perf_counter()
        import dreamtalk

        talker = dreamtalk.load(threads=threads)
        options = dreamtalk.TalkOptions(size="native" if size == "native" else int(size))  # type: ignore[arg-type]
        first: list[float] = []

        def progress(done: int, total: int) -> None:
            if not first:
                first.append(time.perf_counter() - start)

        talk = talker.generate(PORTRAIT, speech, Path(folder) / "out.mp4", options, progress=progress)
        whole = time.perf_counter() - start
    used = resource.getrusage(resource.RUSAGE_SELF)
    # Linux counts in KiB, macOS in bytes.
    peak = used.ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
    return {
        "video": talk.seconds,
        "first frame": first[0],
        "whole": whole,
        "cpu": used.ru_utime + used.ru_stime,
        "peak MiB": peak,
        "steps": talk.times,
        "device": talk.device,
    }


def repeat_speech(path: Path, seconds: float) -> None:
    """The example speech again and again, for so many seconds."""
    import av
    import numpy as np

    with av.open(str(SPEECH)) as source:
        resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE_HZ)
        blocks = [block.to_ndarray() for frame in source.decode(audio=0) for block in resampler.resample(frame)]
    once = np.concatenate(blocks, axis=1)
    whole = np.tile(once, (1, int(seconds * RATE_HZ // once.shape[1]) + 1))[:, : int(seconds * RATE_HZ)]
    with av.open(str(path), "w") as container:
        stream = container.add_stream("flac", rate=RATE_HZ, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(whole), format="s16", layout="mono")
        frame.sample_rate = RATE_HZ
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            container.mux(packet)


def show(runs: list[dict[str, object]]) -> None:
    """A column per duration: seconds of work per second of video."""
    print(f"on {runs[0]['device']}")
    print(f"{'video':<22}" + "".join(f"{run['video']:>10.1f} s" for run in runs))
    for step in runs[0]["steps"]:  # type: ignore[attr-defined]
        print(f"  {step:<20}" + "".join(f"{run['steps'][step] / run['video']:>10.3f}  " for run in runs))  # type: ignore[index]
    print(f"{'whole, import incl.':<22}" + "".join(f"{run['whole'] / run['video']:>10.3f}  " for run in runs))  # type: ignore[operator]
    print(f"{'CPU time, all cores':<22}" + "".join(f"{run['cpu'] / run['video']:>10.3f}  " for run in runs))  # type: ignore[operator]
    print(f"{'first frame after':<22}" + "".join(f"{run['first frame']:>10.2f} s" for run in runs))
    print(f"{'peak memory':<22}" + "".join(f"{run['peak MiB']:>8.0f} MiB" for run in runs))


if __name__ == "__main__":
    main()
