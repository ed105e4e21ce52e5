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

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from dreamtalk.render.pirenderer import PIRendererNetwork
from dreamtalk.render.pirenderer.editing import ResidualBlock
from dreamtalk.render.pirenderer.framing import Square
from dreamtalk.render.pirenderer.layers import AdaptiveNorm, ConvBlock, UpBlock, leaky
from dreamtalk.render.pirenderer.network import Source
from dreamtalk.render.pirenderer.paste import PastedBack
from dreamtalk.render.pirenderer.precision import choose_type, computing
from dreamtalk.render.pirenderer.warping import warp
from dreamtalk.types import VIDEO_FPS

GEMM_SIDE = 1024
BATCHES = (1, 2, 4, 8)
STEP_ROUNDS = 5


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description="Time of PIRenderer.")
    parser.add_argument("--frames", type=int, default=8)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    flags = parser.parse_args()
    torch.set_num_threads(flags.threads)
    cv2.setNumThreads(flags.threads)
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
        for batch in BATCHES:
            ours = per_frame(lambda w: network.draw(source, w).picture, windows, batch)
            show(f"ours, batches of {batch}", ours, reference, work / peak)
        error = (network.draw(source, windows[:1]).picture - plain(picture, windows[:1]).picture).abs().max()
        print(f"largest difference between them: {float(error):.1e}")
        steps(network, source, windows[:1], torch.float32)
        network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        kind = choose_type("auto", flags.device)
        with computing(kind, flags.device):
            source = network.encode(picture)
            for batch in BATCHES:
                ours = per_frame(lambda w: network.draw(source, w).picture, windows, batch)
                show(f"{str(kind)[6:]}, batches of {batch}", ours, reference, None)
        steps(network, source, windows[:1], kind)
    for side in (256, 512, 1024):
        paste(side)


def steps(network: PIRendererNetwork, source: Source, window: Tensor, kind: torch.dtype) -> None:
    """Print milliseconds of each step of a frame."""
    device = window.device.type
    with torch.inference_mode(), computing(kind, device):
        z = network.mapping_net(window)
        flow = network.warpping_net(source.warp_features, z)
        warped = warp(source.picture, flow.float())
        todo: dict[str, Callable[[Tensor], Any]] = {
            "mapping": network.mapping_net,
            "flow": lambda w: network.warpping_net(source.warp_features, z),
            "warping": lambda w: warp(source.picture, flow.float()),
            "editing": lambda w: network.editing_net(source.edit_features, warped, z),
        }
        several = window.expand(STEP_ROUNDS, -1, -1)
        times = {name: 1e3 * per_frame(step, several, 1) for name, step in todo.items()}
    print(f"  steps in {str(kind)[6:]}, ms: " + ", ".join(f"{name} {time:.0f}" for name, time in times.items()))


def paste(side: int) -> None:
    """Print milliseconds of pasting a drawn square back that is so large in the photo."""
    photo = np.zeros((2 * side, 2 * side, 3), np.uint8)
    place = PastedBack(photo, Square(side // 2, side // 2, side))
    drawn = np.random.default_rng(0).integers(0, 256, (256, 256, 3)).astype(np.uint8)
    seconds = per_frame(lambda w: place.frame(drawn), torch.zeros(20), 1)
    print(f"pasting back, {side} px square in a photo of {2 * side} px a side: {1e3 * seconds:.1f} ms")


def show(name: str, seconds: float, reference: float, least: float | None) -> None:
    """One line: time, how many times as fast as the reference, seconds of work per second of video."""
    share = "" if least is None else f", {100 * least / seconds:.0f} % of the processor's peak"
    ratio = f"{reference / seconds:.2f} x"
    timing = f"{1e3 * seconds:>7.0f} ms a frame {1 / seconds:>6.2f} frames per second"
    print(f"{name:<24} {timing} {ratio:>7}  {seconds * VIDEO_FPS:>6.1f} s per second of video{share}")


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
