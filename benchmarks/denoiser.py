"""The denoiser's speed: our schedule of the work, number formats and few steps, against the straightforward way.

    python benchmarks/denoiser.py [--sizes official shipped] [--frames 100] [--threads 1] [--runs 2] [--device cuda]

Straightforward, as the official code does it: ten steps, every one encodes speech and styles again, always runs a
doubled batch (style and null style), decodes all tokens of all layers for every frame by itself. With as many steps in
float32 ours gives the same motion. A student (train/student.py) has the same network and costs what its number of steps
costs. Prints seconds of work per second of video, frames per second, the ratio of times and of multiply-adds, and how
near to its largest matrix product, alone and in the same number format, this machine comes; then what batching the two
decoders' products would give. With one thread its own CPU time is taken, so that other programs count little. The count
of multiply-adds says 4.0 times less work at omega = 1, 2.1 times at 1.5 with ten steps at the official size. On a GPU,
passes compiled with CUDA graphs are measured as well.
"""

from __future__ import annotations

import argparse
import copy
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from dreamtalk.motion.denoiser import Decoder, Denoiser, DenoiserConfig
from dreamtalk.motion.formats import EachStyle, Format, compiled, computing, convert, has_fast_bfloat16
from dreamtalk.motion.layers import time_embedding
from dreamtalk.motion.sampler import ddim, guided
from dreamtalk.motion.schedule import VarianceSchedule
from dreamtalk.train.recipes import MESH64
from dreamtalk.types import VIDEO_FPS

STEPS = 10
FEWER = (4, 2, 1)
SCALES = (1.0, 1.5)
SIZES = {"official": DenoiserConfig(edges="zeros"), "shipped": MESH64}


@dataclass(frozen=True)
class Way:
    """One way to make the motion."""

    name: str
    form: Format
    steps: int
    run: Callable[[float], Tensor]


def main() -> None:
    """Measure all ways at two guidance scales and print a table per size."""
    parser = argparse.ArgumentParser(description="Speed of the denoiser.")
    parser.add_argument("--sizes", nargs="*", default=list(SIZES), choices=SIZES)
    parser.add_argument("--frames", type=int, default=100)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--runs", type=int, default=2)
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    flags = parser.parse_args()
    torch.set_num_threads(flags.threads)
    clock = clock_of(flags.device, flags.threads)
    peaks = {form: gemm_speed(clock, form, flags.device) for form in formats(flags.device)}
    print(f"load of the machine: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores; {flags.threads} threads")
    print("largest matrix product alone: " + ", ".join(f"{f} {p / 1e9:.0f} GFLOP/s" for f, p in peaks.items()))
    for size in flags.sizes:
        torch.manual_seed(0)
        network = Denoiser(SIZES[size]).eval().to(flags.device)
        made = ways(network, flags.frames, flags.device)
        print(f"{size} size")
        columns = ("s per s", "fps", "GFLOP/s", "of peak", "ratio", "by count")
        print(f"{'omega':>7}{'':>28}" + "".join(f"{name:>9}" for name in columns))
        for scale in SCALES:
            table(made, scale, flags.frames, flags.runs, clock, peaks)
    batching(clock, flags.device)


def table(
    made: list[Way], scale: float, frames: int, runs: int, clock: Callable[[], float], peaks: dict[Format, float]
) -> None:
    """Lines of one guidance scale."""
    calls = {way.name: (lambda way=way: way.run(scale)) for way in made}
    first, equal = (way.run(scale) for way in made[:2])
    flops = {name: count(call) for name, call in calls.items()}
    times = alternate(calls, runs, clock)
    base = made[0].name
    for way in made:
        speed = flops[way.name] / times[way.name]
        values = (f"{times[way.name] * VIDEO_FPS / frames:.3f}", f"{frames / times[way.name]:.0f}",
                  f"{speed / 1e9:.0f}", f"{speed / peaks[way.form]:.0%}", f"{times[base] / times[way.name]:.2f}",
                  f"{flops[base] / flops[way.name]:.2f}")  # fmt: skip
        print(f"{scale:>7}{way.name:>28}" + "".join(f"{value:>9}" for value in values), flush=True)
    print(f"{'':>7}largest difference of the first two {(first - equal).abs().max():.1e}")


def formats(device: str) -> tuple[Format, ...]:
    """Those that this machine has instructions for."""
    return ("float32", "bfloat16") if has_fast_bfloat16(device) else ("float32",)


def ways(network: Denoiser, frames: int, device: str) -> list[Way]:
    """The straightforward one first, then ours with the same result."""
    config = network.config
    windows = torch.randn(frames, config.tokens, config.feature_size, device=device)
    clip = torch.randn(1, config.style_frames, config.expression_size, device=device)
    noise = torch.randn(frames, config.expression_size, device=device)
    made = [
        Way("straightforward", "float32", STEPS, lambda scale: straightforward(network, windows, clip, noise, scale))
    ]
    for form in formats(device):
        converted = copy.deepcopy(network)
        convert(converted, form)
        passes = {"": converted.each_style} | ({"compiled ": compiled(converted)} if device == "cuda" else {})
        for how, each in passes.items():
            for steps in (STEPS, *FEWER):

                def run(scale: float, each: EachStyle = each, form: Format = form, steps: int = steps,
                        converted: Denoiser = converted) -> Tensor:  # fmt: skip
                    return ours(converted, each, form, windows, clip, noise, scale, steps)

                made.append(Way(f"{how}{form}, {steps} steps", form, steps, run))
    return made


@torch.inference_mode()
def ours(
    network: Denoiser,
    each: EachStyle,
    form: Format,
    windows: Tensor,
    clip: Tensor,
    noise: Tensor,
    scale: float,
    steps: int,
) -> Tensor:
    """Encoders once, one pass where one is enough. (Windows are given, so embedding them is not shared.)"""
    device = windows.device
    with computing(form, device.type):
        prepared = network.prepare(network.content_encoder(network.content_encoder.increase_embed_dim(windows)))

    def predict(x: Tensor, t: int, codes: Tensor) -> Tensor:
        with computing(form, device.type):
            return each(x, torch.tensor([t], device=device), prepared, codes.to(prepared.dtype)).float()

    passes = guided(predict, network.encode_style(clip), network.null_style, scale)
    return ddim(passes, noise, VarianceSchedule.linear(), steps, spacing="leading" if steps == STEPS else "trailing")


@torch.inference_mode()
def straightforward(network: Denoiser, windows: Tensor, clip: Tensor, noise: Tensor, scale: float) -> Tensor:
    """The same numbers, one thing after the other."""
    frames, device = len(windows), windows.device
    styles = torch.cat([clip, torch.zeros_like(clip)])

    def predict(x: Tensor, t: int) -> Tensor:
        doubled = torch.cat([windows, windows])
        content = network.content_encoder(network.content_encoder.increase_embed_dim(doubled))
        codes = network.encode_style(styles).repeat_interleave(frames, dim=0)
        noisy = torch.cat([x, x])[:, None].expand(-1, content.shape[1], -1)
        memory = network.memory_out(network.memory_in(torch.cat([content, noisy], dim=-1)))
        at = torch.full((2 * frames,), t, device=device)
        memory = memory + network.time_net(time_embedding(at, content.shape[-1]))[:, None]
        halves = [decode(network.upper_decoder, codes, memory), decode(network.lower_decoder, codes, memory)]
        mean = torch.cat(halves, dim=1)[:, network.face_order]
        conditional, null = network._posterior(mean, torch.cat([x, x]), at).chunk(2)
        return null + scale * (conditional - null)

    return ddim(predict, noise, VarianceSchedule.linear(), STEPS)


def decode(decoder: Decoder, codes: Tensor, memory: Tensor) -> Tensor:
    """All tokens of all layers, every frame with queries of its own."""
    x = codes[:, None] + decoder.position
    for layer in decoder.layers:
        x = layer(x, memory)
    tail: Tensor = decoder.tail(decoder.norm(x)[:, decoder.window])
    return tail


def count(run: Callable[[], Tensor]) -> int:
    """Floating point operations of its matrix products (attention's own included)."""
    with FlopCounterMode(display=False) as counter:
        run()
    return int(counter.get_total_flops())


def alternate(runs: Mapping[str, Callable[[], object]], times: int, clock: Callable[[], float]) -> dict[str, float]:
    """Least seconds of each over some runs; in turn, so that other programs hurt both alike."""
    best = dict.fromkeys(runs, float("inf"))
    for _ in range(times):
        for name, run in runs.items():
            begin = clock()
            run()
            best[name] = min(best[name], clock() - begin)
    return best


def clock_of(device: str, threads: int) -> Callable[[], float]:
    """Seconds: of this thread alone where it does all the work; on a GPU, when it has done it."""
    if device == "cpu":
        return time.thread_time if threads == 1 else time.perf_counter

    def now() -> float:
        torch.cuda.synchronize()
        return time.perf_counter()

    return now


def gemm_speed(
    clock: Callable[[], float], form: Format, device: str, rows: int = 2750, width: int = 256, hidden: int = 1024
) -> float:
    """Floating point operations per second of the feed-forward's product, alone: the machine's own speed."""
    kind = torch.bfloat16 if form == "bfloat16" else torch.float32
    a, b = (torch.randn(*shape, device=device).to(kind) for shape in ((rows, width), (hidden, width)))
    seconds = alternate({"": lambda: F.linear(a, b)}, 20, clock)[""]
    return 2 * rows * width * hidden / seconds


@torch.inference_mode()
def batching(clock: Callable[[], float], device: str, rows: int = 550) -> None:
    """Products of both decoders one after the other, and as one batched product."""
    for width, hidden in ((128, 512), (256, 1024)):
        for form in formats(device):
            kind = torch.bfloat16 if form == "bfloat16" else torch.float32
            x = torch.randn(2, rows, width, device=device).to(kind)
            weight, bias = (
                torch.randn(2, hidden, width, device=device).to(kind),
                torch.randn(2, 1, hidden).to(device, kind),
            )
            turned = weight.transpose(1, 2)
            calls: dict[str, Callable[[], object]] = {
                "one by one": lambda x=x, w=weight, b=bias: [F.linear(x[i], w[i], b[i, 0]) for i in (0, 1)],
                "batched": lambda x=x, w=turned, b=bias: torch.baddbmm(b, x, w),
            }
            times = alternate(calls, 20, clock)
            print(f"both decoders, {width} to {hidden}, {form}: "
                  + ", ".join(f"{name} {1e6 * value:.0f} us" for name, value in times.items()))  # fmt: skip


if __name__ == "__main__":
    main()
