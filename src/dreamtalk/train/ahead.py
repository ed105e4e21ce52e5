"""Batches made before they are asked for, and moved to where they are used."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import fields, is_dataclass, replace
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor

B = TypeVar("B")


class Ahead(Generic[B]):
    """Batches made by threads before they are asked for, so that a GPU does not wait for them."""

    def __init__(self, make: Callable[[int], B], threads: int, last: int) -> None:
        """make: batch of a number. threads: 0 makes each when it is asked for. last: no number from there on will be
        asked for."""
        self._make, self._count, self._last = make, 2 * threads, last
        self._pool = ThreadPoolExecutor(threads) if threads else None
        self._coming: dict[int, Future[B]] = {}

    def get(self, number: int) -> B:
        """Batch `number`; those after it are begun."""
        if self._pool is None:
            return self._make(number)
        for soon in range(number, max(number + 1, min(number + self._count, self._last))):
            if soon not in self._coming:
                self._coming[soon] = self._pool.submit(self._make, soon)
        return self._coming.pop(number).result()


def moved(batch: Any, device: torch.device) -> Any:
    """A batch (a dataclass of tensors and more such dataclasses) on a device."""
    if isinstance(batch, Tensor):
        return batch.to(device)
    if is_dataclass(batch) and not isinstance(batch, type):
        return replace(batch, **{f.name: moved(getattr(batch, f.name), device) for f in fields(batch)})
    return batch


def shapes(batch: Any, name: str = "") -> dict[str, tuple[int, ...]]:
    """Shapes of a batch's tensors by the names of their fields."""
    if isinstance(batch, Tensor):
        return {name: tuple(batch.shape)}
    if not is_dataclass(batch):
        return {}
    return {key: shape for f in fields(batch) for key, shape in shapes(getattr(batch, f.name), f.name).items()}
