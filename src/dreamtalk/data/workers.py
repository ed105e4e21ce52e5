"""The same work on many items: in this process, or by Ray Data on the cores of one machine or a cluster.

Workers leave their results in files under their final names, so that nothing is lost when one of them dies. Ray's known
traps, and what is done about them:

* a pool of actors retries a crashing item without end, or hangs once its last actor is dead (ray issues 51946, 62746):
  plain tasks are used, and the models they need are loaded once per worker process;
* a task that runs out of memory is retried without end: three times are enough;
* one failed block ends the whole run: failed blocks are let go (max_errored_blocks), their items are tried once more,
  each in a block of its own, and what still does not come back is named.
"""

from __future__ import annotations

import logging
import os
import pickle
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from dreamtalk.errors import DreamTalkError

Item = TypeVar("Item")
Result = TypeVar("Result")

_BLOCK = 8
"""Items per Ray task, so that starting tasks costs little."""


def run_all(
    work: Callable[[Item], Result], items: Sequence[Item], workers: int, address: str | None = None
) -> Iterator[tuple[int, Result | None]]:
    """(number of the item, its result), in any order; None for an item whose worker died twice.

    work: a function that other processes can import, with its arguments bound by functools.partial. workers: processes;
    0 and no address: this process. address: of a Ray cluster. Raises DreamTalkError when Ray is needed and missing.
    """
    if workers == 0 and address is None:
        for number, item in enumerate(items):
            yield number, work(item)
        return
    connect(workers, address)
    missing = set(range(len(items)))
    for block in (_BLOCK, 1):
        for number, result in _by_ray(work, [(n, items[n]) for n in sorted(missing)], block, workers):
            missing.discard(number)
            yield number, result
        if not missing:
            return
    for number in sorted(missing):
        yield number, None


def ray_is_installed() -> bool:
    """Whether Ray Data can be used."""
    try:
        _import_ray()
    except DreamTalkError:
        return False
    return True


def connect(workers: int, address: str | None) -> None:
    """Join the cluster at `address`, or start Ray on this machine with so many processes. Does nothing the second time.

    Raises DreamTalkError when Ray is not installed or the cluster does not answer.
    """
    ray = _import_ray()
    if ray.is_initialized():
        return
    where: dict[str, Any] = {"address": address}
    if address is None:
        where = {"address": "local", "num_cpus": workers, "include_dashboard": False}
    try:
        # Each task has one CPU, for which Ray sets OMP_NUM_THREADS=1 in its processes.
        ray.init(**where, logging_level="ERROR", log_to_driver=False)
    except Exception as error:  # a plain Exception, when a busy machine is slow to start it
        place = address or "on this machine"
        raise DreamTalkError(f"Ray {place} does not answer: {str(error).splitlines()[0]} Try --workers 0.") from error


def _import_ray() -> Any:
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"  # before the import: nothing is reported to anybody
    os.environ.setdefault("RAY_task_oom_retries", "3")  # Ray's own default is without end
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise DreamTalkError(
            "Several processes need Ray: pip install 'dreamtalk[train]'. Or use --workers 0 for one process."
        ) from error
    return ray


def _by_ray(
    work: Callable[[Item], Result], numbered: list[tuple[int, Item]], block: int, workers: int
) -> Iterator[tuple[int, Result]]:
    ray = _import_ray()
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.max_errored_blocks = -1
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    rows = [{"number": number, "item": pickle.dumps(item)} for number, item in numbered]
    blocks = max(1, -(-len(rows) // block))
    data = ray.data.from_items(rows, override_num_blocks=blocks)
    pool = ray.data.TaskPoolStrategy(size=workers or None)
    done = data.map(_call, fn_args=[pickle.dumps(work)], num_cpus=1, compute=pool)
    for row in done.iter_rows():
        yield int(row["number"]), pickle.loads(row["result"])


def _call(row: dict[str, Any], work: bytes) -> dict[str, Any]:
    """One item in a worker process."""
    return {"number": row["number"], "result": pickle.dumps(pickle.loads(work)(pickle.loads(row["item"])))}
