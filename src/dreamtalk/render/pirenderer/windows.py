"""Rows of coefficients to the windows that the network sees, one per frame."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from dreamtalk.types import Float


def windows_of(chunks: Iterable[Float], window: int, batch: int) -> Iterator[Float]:
    """Windows (up to `batch`, C, window) of rows (n, C) that come in chunks: one per row, in order.

    window: odd; its middle is the frame itself. Before the first row the first is repeated, after the last the last.
    A batch is given out as soon as the rows it needs are there.
    """
    half = window // 2
    held: Float | None = None
    for chunk in chunks:
        if len(chunk) == 0:
            continue
        before = np.repeat(chunk[:1], half, axis=0) if held is None else held
        held = np.concatenate([before, chunk])
        while len(held) >= window - 1 + batch:
            yield _cut(held[: window - 1 + batch], window)
            held = held[batch:]
    if held is None:
        return
    held = np.concatenate([held, np.repeat(held[-1:], half, axis=0)])
    for start in range(0, len(held) - window + 1, batch):
        yield _cut(held[start : start + window - 1 + batch], window)


def window_at(rows: Float, frame: int, window: int) -> Float:
    """The window (C, window) around one frame of rows (T, C), indices held within them."""
    index = np.clip(np.arange(frame - window // 2, frame + window // 2 + 1), 0, len(rows) - 1)
    return np.ascontiguousarray(rows[index].T, dtype=np.float32)


def _cut(rows: Float, window: int) -> Float:
    views = np.lib.stride_tricks.sliding_window_view(rows, window, axis=0)
    return np.ascontiguousarray(views, dtype=np.float32)
