"""How the denoiser computes: number formats of its matrix products, and compiled passes on a GPU.

Speed and quality of each format, and why int8 is none of them: docs/fast_motion.md. A format is chosen by what the
processor has, never by a stopwatch, so that the same seed gives the same bytes on the same machine.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any, Literal, TypeAlias, cast

import torch
from torch import Tensor

from dreamtalk.errors import UnusableInput
from dreamtalk.motion.denoiser import Denoiser

Format: TypeAlias = Literal["float32", "bfloat16"]
Precision: TypeAlias = Literal["auto", "float32", "bfloat16"]
"""auto: the fastest format for weights like these that was measured to be of equal quality."""

EachStyle: TypeAlias = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]
"""Denoiser.each_style, as it is or made faster."""


def has_fast_bfloat16(device: str) -> bool:
    """Whether the device multiplies bfloat16 in hardware: without it the format is slower than float32."""
    if device.startswith("cuda"):
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    cpu = cast(Any, torch.cpu)
    known = (getattr(cpu, name, None) for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"))
    return any(asked() for asked in known if asked is not None)


def choose_format(precision: Precision, device: str, worth_it: bool) -> Format:
    """The format to compute in.

    worth_it: whether such weights were measured to be faster and as good in bfloat16; "auto" leaves others in float32.
    Formats that the device has no instructions for fall back to float32. Raises UnusableInput for an unknown one.
    """
    if precision not in ("auto", "float32", "bfloat16"):
        raise UnusableInput(f"There is no precision {precision!r}. Choose auto, float32 or bfloat16.")
    wanted = precision == "bfloat16" or (precision == "auto" and worth_it)
    return "bfloat16" if wanted and has_fast_bfloat16(device) else "float32"


def convert(network: Denoiser, form: Format) -> None:
    """Put the weights of everything but the style encoder, which runs once per talk, into that format, in place."""
    if form == "float32":
        return
    for part in (
        network.content_encoder,
        network.upper_decoder,
        network.lower_decoder,
        network.memory_in,
        network.memory_out,
        network.time_net,
    ):
        part.to(torch.bfloat16)


def computing(form: Format, device: str) -> contextlib.AbstractContextManager[Any]:
    """The context to run a network in that `convert` has put into this format."""
    return torch.autocast(torch.device(device).type, torch.bfloat16, enabled=form == "bfloat16")


def compiled(network: Denoiser, backend: str = "inductor") -> EachStyle:
    """network.each_style through torch.compile, with CUDA graphs: for GPUs, where launching costs more than computing.

    The first pass of each shape takes a minute. backend: "eager" only traces, for tests; it needs no compiler.
    """
    if backend != "inductor":
        return cast(EachStyle, torch.compile(network.each_style, backend=backend))
    return cast(EachStyle, torch.compile(network.each_style, mode="reduce-overhead"))
