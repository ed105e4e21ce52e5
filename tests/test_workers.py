"""Work in other processes: what a worker does with an item that kills, and without Ray."""

from __future__ import annotations

import os
import pickle
from contextlib import suppress
from pathlib import Path

from dreamtalk.workers import in_worker, run_all


def double(number: int) -> int:
    return 2 * number


def die(number: int) -> int:
    raise KeyboardInterrupt


def test_without_ray_items_come_in_order(tmp_path: Path) -> None:
    assert list(run_all(double, [3, 4], 0, tmp_path / "marks")) == [(0, 6), (1, 8)]
    assert not (tmp_path / "marks").exists()


def test_a_worker_leaves_no_mark_of_finished_work(tmp_path: Path) -> None:
    row = {"number": 7, "item": pickle.dumps(21)}
    made = in_worker(row, pickle.dumps(double), str(tmp_path))
    assert made["number"] == 7 and pickle.loads(made["result"]) == 42
    assert os.listdir(tmp_path) == []


def test_an_item_that_kills_its_worker_twice_is_given_back(tmp_path: Path) -> None:
    row = {"number": 7, "item": pickle.dumps(1)}
    for _ in range(2):
        with suppress(KeyboardInterrupt):  # as sudden as a crash: nothing after it runs
            in_worker(row, pickle.dumps(die), str(tmp_path))
    made = in_worker(row, pickle.dumps(die), str(tmp_path))
    assert pickle.loads(made["result"]) is None
