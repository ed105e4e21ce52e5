"""PIRenderer: time per frame at 256 px, beside a straightforward reference in the same run.

    python benchmarks/pirenderer.py [--frames 8] [--threads 1] [--device cpu]

The weights are random: time does not depend on them. The reference does what the published program does: the source is
encoded for each frame, the dead branch of the residual blocks is computed, pixels are doubled before they are
convolved, and norms are written out. On a CPU times are those of this process, so that other programs count little.
Prints ratios.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from dreamtalk.render.pirenderer import PIRendererNetwork
from dreamtalk.render.pirenderer.editing import ResidualBlock
from dreamtalk.render.pirenderer.layers import AdaptiveNorm, ConvBlock, UpBlock, leaky
from dreamtalk.types import VIDEO_FPS

GEMM_SIDE = 1024


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description="Time of PIRenderer.")
    parser.add_argument("--frames", type=int, default=8)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    flags = parser.parse_args()
    torch.set_num_threads(flags.threads)
    torch.manual_seed(0)
    network = PIRendererNetwork().eval().to(flags.device)
    picture = torch.rand(1, 3, 256, 256, device=flags.device) * 2 - 1
    windows = torch.randn(flags.frames, 73, 27, device=flags.device)
    print(f"load of the machine: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores; threads {flags.threads}")
    with torch.inference_mode():
        peak = gemm(flags.device)
        print(f"matrix product of {GEMM_SIDE} x {GEMM_SIDE}, float32: {peak:.0f} G multiply-adds per second")
        plain = straightforward(network)
        reference = per_frame(lambda w: plain(picture, w).picture, windows, 1)
        work = multiply_adds(lambda: plain(picture, windows[:1]))
        show("straightforward", reference, reference, work / peak)
        source = network.encode(picture)
        work = multiply_adds(lambda: network.draw(source, windows[:1]))
        for batch in (1, 4) if flags.device == "cpu" else (1, 16):
            ours = per_frame(lambda w: network.draw(source, w).picture, windows, batch)
            show(f"ours, batches of {batch}", ours, reference, work / peak)
        error = (network.draw(source, windows[:1]).picture - plain(picture, windows[:1]).picture).abs().max()
        print(f"largest difference between them: {float(error):.1e}")
        network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        with torch.autocast(flags.device, torch.bfloat16):
            source = network.encode(picture)
            show("ours, bfloat16", per_frame(lambda w: network.draw(source, w).picture, windows, 1), reference, None)


def show(name: str, seconds: float, reference: float, least: float | None) -> None:
    """One line: time, how many times as fast as the reference, seconds of work per second of video."""
    share = "" if least is None else f", {100 * least / seconds:.0f} % of the processor's peak"
    ratio = f"{reference / seconds:.2f} x"
    print(f"{name:<22} {1e3 * seconds:>7.0f} ms a frame  {ratio:>7}  {seconds * VIDEO_FPS:>6.1f} s per second{share}")


def per_frame(draw: Callable[[Tensor], Tensor], windows: Tensor, batch: int) -> float:
    """Median seconds per frame."""
    draw(windows[:batch])
    on_gpu = windows.device.type == "cuda"
    clock = time.perf_counter if on_gpu else time.process_time
    times = []
    for at in range(0, len(windows) - batch + 1, batch):
        began = clock()
        draw(windows[at : at + batch])
        if on_gpu:
            torch.cuda.synchronize()
        times.append((clock() - began) / batch)
    return float(np.median(times))


def gemm(device: str) -> float:
    """G multiply-adds per second of the machine's own matrix product."""
    a = torch.randn(GEMM_SIDE, GEMM_SIDE, device=device)
    seconds = per_frame(lambda w: a @ a, torch.zeros(8, device=device), 1)
    return GEMM_SIDE**3 / seconds / 1e9


def multiply_adds(run: Callable[[], Any]) -> float:
    """G multiply-adds of what run() does."""
    with FlopCounterMode(display=False) as counter:
        run()
    return float(counter.get_total_flops()) / 2e9


def straightforward(network: PIRendererNetwork) -> PIRendererNetwork:
    """The same network, computed as it is written down."""
    plain = PIRendererNetwork(network.config).to(next(network.parameters()).device).eval()
    plain.load_state_dict(network.state_dict())
    for module in plain.modules():
        if isinstance(module, AdaptiveNorm):
            module.forward = written_out(module)  # type: ignore[method-assign]
        elif isinstance(module, UpBlock):
            module.forward = doubled(module)  # type: ignore[method-assign]
        elif isinstance(module, ResidualBlock):
            module.register_forward_pre_hook(lambda m, given: (leaky(m.norm1(m.conv1(given[0]), given[1])), None)[1])
    return plain


def written_out(norm: AdaptiveNorm) -> Callable[[Tensor, Tensor], Tensor]:
    """Instance norm, then scale and shift."""

    def forward(x: Tensor, z: Tensor) -> Tensor:
        hidden = norm.mlp_shared(z)
        gamma, beta = norm.mlp_gamma(hidden), norm.mlp_beta(hidden)
        return F.instance_norm(x) * (1 + gamma[..., None, None]) + beta[..., None, None]

    return forward


def doubled(block: UpBlock) -> Callable[[Tensor], Tensor]:
    """Pixels doubled, then convolved."""
    return lambda x: ConvBlock.forward(block, F.interpolate(x, scale_factor=2.0, mode="nearest"))


if __name__ == "__main__":
    main()
