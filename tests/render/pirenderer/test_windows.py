"""Windows: every frame sees its neighbours, the ends see themselves repeated, and chunks change nothing."""

from __future__ import annotations

import numpy as np
import pytest

from dreamtalk.render.pirenderer.windows import window_at, windows_of
from dreamtalk.types import Float


def rows(count: int) -> Float:
    return np.arange(2 * count, dtype=np.float32).reshape(count, 2)


@pytest.mark.parametrize("count", [1, 5, 27, 60])
@pytest.mark.parametrize("batch", [1, 4, 16])
def test_each_frame_has_its_clamped_window(count: int, batch: int) -> None:
    made = np.concatenate(list(windows_of([rows(count)], 27, batch)))
    frames = np.arange(count)[:, None] + np.arange(-13, 14)
    wanted = rows(count)[np.clip(frames, 0, count - 1)].transpose(0, 2, 1)
    assert np.array_equal(made, wanted)
    assert np.array_equal(window_at(rows(count), count // 2, 27), wanted[count // 2])


def test_chunks_give_the_same_windows_as_the_whole() -> None:
    whole = np.concatenate(list(windows_of([rows(61)], 27, 4)))
    chunks = np.concatenate(list(windows_of(iter(np.split(rows(61), [0, 3, 50, 51])), 27, 4)))
    assert np.array_equal(whole, chunks)


def test_a_window_comes_as_soon_as_its_frames_are_there() -> None:
    asked = []

    def one_by_one() -> object:
        for number, row in enumerate(rows(100)):
            asked.append(number)
            yield row[None]

    next(windows_of(one_by_one(), 27, 1))  # type: ignore[arg-type]
    assert asked[-1] == 13


def test_nothing_gives_nothing() -> None:
    assert list(windows_of([], 27, 4)) == []
