"""In which number format the convolutions are computed.

The format follows from the processor, never from a stopwatch, so that the same portrait gives the same bytes on the
same machine. Mapping and flow stay in float32 whatever is chosen: published coefficients reach 129, where bfloat16 has
steps of a half, and a flow in coarse steps makes still things tremble.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Literal, TypeAlias, get_args

import torch

from dreamtalk.errors import UnusableInput
from dreamtalk.motion.formats import has_fast_bfloat16

Precision: TypeAlias = Literal["auto", "float32", "bfloat16", "float16"]
"""auto: float16 on a GPU; bfloat16 on a CPU that multiplies it in hardware; float32 on others."""

_TYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


def choose_type(precision: Precision, device: str) -> torch.dtype:
    """The format to compute in. device: "cpu" or "cuda".

    A format that the processor has no instructions for falls back to float32. Raises UnusableInput for an unknown one.
    """
    if precision not in get_args(Precision):
        raise UnusableInput(f"There is no precision {precision!r}. Choose one of: {', '.join(get_args(Precision))}.")
    if precision == "auto":
        precision = "float16" if device == "cuda" else "bfloat16"
    if (precision == "float16" and device == "cpu") or (precision == "bfloat16" and not has_fast_bfloat16(device)):
        precision = "float32"
    return _TYPES[precision]


def computing(kind: torch.dtype, device: str) -> AbstractContextManager[object]:
    """The context in which convolutions are computed in that format."""
    enabled = kind != torch.float32
    return torch.autocast(device, kind if enabled else None, enabled=enabled)


def exact(device: str) -> AbstractContextManager[object]:
    """The context in which float32 numbers stay so."""
    return torch.autocast(device, enabled=False)
