"""The denoiser at the official size: our schedule of the work against the straightforward one, in the same run.

    python benchmarks/denoiser.py [--frames 100] [--threads 1] [--runs 2]

Straightforward, as the official code does it: every step encodes speech and styles again, always runs a doubled batch
(style and null style), decodes all tokens of all layers for every frame by itself. Both give the same motion. Prints
seconds of work per second of video, the ratio, the largest difference, and how near to the speed of its largest
matrix product on this machine it comes. With one thread its own CPU time is taken, so that other programs count little.
The count of multiply-adds says 4.0 times less work at omega = 1, 2.1 times at 1.5.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from dreamtalk.motion.denoiser import Decoder, Denoiser, DenoiserConfig
from dreamtalk.motion.layers import time_embedding
from dreamtalk.motion.sampler import ddim, guided
from dreamtalk.motion.schedule import VarianceSchedule
from dreamtalk.types import VIDEO_FPS

STEPS = 10
EXPECTED = {1.0: 4.0, 1.5: 2.1}
"""Guidance scale to the ratio of multiply-adds (issue 3)."""


def main() -> None:
    """Measure both at two guidance scales and print a table."""
    parser = argparse.ArgumentParser(description="Speed of the official-size denoiser.")
    parser.add_argument("--frames", type=int, default=100)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--runs", type=int, default=2)
    flags = parser.parse_args()
    torch.set_num_threads(flags.threads)
    torch.manual_seed(0)
    network = Denoiser(DenoiserConfig(edges="zeros")).eval()
    windows = torch.randn(flags.frames, 11, 1024)
    clip, noise = torch.randn(1, 256, 64), torch.randn(flags.frames, 64)
    seconds = flags.frames / VIDEO_FPS
    clock = time.thread_time if flags.threads == 1 else time.perf_counter
    peak = gemm_speed(clock)
    print(f"load of the machine: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores; {flags.threads} threads")
    print(f"largest matrix product alone: {peak / 1e9:.0f} GFLOP/s")
    columns = ("work", "s per s", "fps", "GFLOP/s", "of peak", "ratio", "by count")
    print("omega" + "".join(f"{name:>16}" if name == "work" else f"{name:>9}" for name in columns))
    for scale in EXPECTED:
        runs = {
            "straightforward": lambda s=scale: straightforward(network, windows, clip, noise, s),
            "ours": lambda s=scale: ours(network, windows, clip, noise, s),
        }
        results = {name: run() for name, run in runs.items()}
        flops = {name: count(run) for name, run in runs.items()}
        times = alternate(runs, flags.runs, clock)
        for name in runs:
            speed = flops[name] / times[name]
            values = (f"{times[name] / seconds:.3f}", f"{flags.frames / times[name]:.0f}", f"{speed / 1e9:.0f}",
                      f"{speed / peak:.0%}", f"{times['straightforward'] / times[name]:.2f}",
                      f"{flops['straightforward'] / flops[name]:.2f}")  # fmt: skip
            print(f"{scale:>5}{name:>16}" + "".join(f"{value:>9}" for value in values))
        print(f"      largest difference {(results['ours'] - results['straightforward']).abs().max():.1e}")


@torch.inference_mode()
def ours(network: Denoiser, windows: Tensor, clip: Tensor, noise: Tensor, scale: float) -> Tensor:
    """Encoders once, one pass where one is enough. (Windows are given, so embedding them is not shared.)"""
    prepared = network.prepare(network.content_encoder(network.content_encoder.increase_embed_dim(windows)))
    predict = guided(
        lambda x, t, codes: network.each_style(x, torch.tensor([t]), prepared, codes),
        network.encode_style(clip),
        network.null_style,
        scale,
    )
    return ddim(predict, noise, VarianceSchedule.linear(), STEPS)


@torch.inference_mode()
def straightforward(network: Denoiser, windows: Tensor, clip: Tensor, noise: Tensor, scale: float) -> Tensor:
    """The same numbers, one thing after the other."""
    frames = len(windows)
    styles = torch.cat([clip, torch.zeros_like(clip)])

    def predict(x: Tensor, t: int) -> Tensor:
        doubled = torch.cat([windows, windows])
        content = network.content_encoder(network.content_encoder.increase_embed_dim(doubled))
        codes = network.encode_style(styles).repeat_interleave(frames, dim=0)
        noisy = torch.cat([x, x])[:, None].expand(-1, content.shape[1], -1)
        memory = network.memory_out(network.memory_in(torch.cat([content, noisy], dim=-1)))
        memory = memory + network.time_net(time_embedding(torch.full((2 * frames,), t), content.shape[-1]))[:, None]
        halves = [decode(network.upper_decoder, codes, memory), decode(network.lower_decoder, codes, memory)]
        conditional, null = torch.cat(halves, dim=1)[:, network.face_order].chunk(2)
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


def alternate(runs: dict[str, Callable[[], Tensor]], times: int, clock: Callable[[], float]) -> dict[str, float]:
    """Least seconds of each over some runs; in turn, so that other programs hurt both alike."""
    best = dict.fromkeys(runs, float("inf"))
    for _ in range(times):
        for name, run in runs.items():
            begin = clock()
            run()
            best[name] = min(best[name], clock() - begin)
    return best


def gemm_speed(clock: Callable[[], float], rows: int = 2750, width: int = 256, hidden: int = 1024) -> float:
    """Floating point operations per second of the feed-forward's float32 product, alone: the machine's own speed."""
    a, b = torch.randn(rows, width), torch.randn(width, hidden)
    times = []
    for _ in range(20):
        begin = clock()
        torch.mm(a, b)
        times.append(clock() - begin)
    return 2 * rows * width * hidden / min(times)


if __name__ == "__main__":
    main()
