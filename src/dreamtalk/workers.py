"""The same work on many items: in this process, or by Ray Data on the cores of one machine or a cluster.

Workers leave their results in files under their final names, so that nothing is lost when one of them dies. Ray's known
traps, and what is done about them:

* a pool of actors hangs once its last actor is dead (ray issue 62746): plain tasks are used, and the models they need
  are loaded once per worker process;
* an item that crashes its process is retried without end (ray issue 51946; ours said "infinite retries remaining"), and
  so is one that runs out of memory: a worker marks what it begins with a small file, and an item with two marks is
  given back undone.
"""

from __future__ import annotations

import logging
import os
import pickle
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

from dreamtalk.errors import DreamTalkError

Item = TypeVar("Item")
Result = TypeVar("Result")

_BLOCK = 8
"""Items per Ray task, at most, so that starting tasks costs little."""

_TASKS = 4
"""Tasks per worker, at least, so that workers end at about the same time."""

_TRIES = 2
"""Times that an item may kill its worker."""


def run_all(
    work: Callable[[Item], Result], items: Sequence[Item], workers: int, marks: Path, address: str | None = None
) -> Iterator[tuple[int, Result | None]]:
    """(number of the item, its result), in any order; None for an item whose worker died twice.

    work: a function that other processes can import, with its arguments bound by functools.partial. workers: processes;
    0 and no address: this process. marks: folder that all workers see, for what is begun; removed at the end. address:
    of a Ray cluster. Raises DreamTalkError when Ray is needed and missing.
    """
    if workers == 0 and address is None:
        for number, item in enumerate(items):
            yield number, work(item)
        return
    connect(workers, address)
    shutil.rmtree(marks, ignore_errors=True)  # of a run that was killed
    marks.mkdir(parents=True)
    try:
        yield from _by_ray(work, items, workers, marks.resolve())
    finally:
        shutil.rmtree(marks, ignore_errors=True)


def chosen_workers(asked: int | None, address: str | None, say: Callable[[str], None]) -> int:
    """Processes to work with: as asked for, else all cores where Ray is installed, else this process (0).

    address: of a Ray cluster, which decides itself (0). say: is told when cores stay idle for want of Ray.
    """
    if asked is not None or address is not None:
        return asked or 0
    cores = os.cpu_count() or 1
    if cores == 1:
        return 0
    if ray_is_installed():
        return cores
    say(f"One of {cores} cores is used. For all of them: pip install 'dreamtalk[batch]' (Ray)")
    return 0


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
        told = (str(error).splitlines() or [type(error).__name__])[0]
        raise DreamTalkError(f"Ray {place} does not answer: {told} Try --workers 0.") from error


def _import_ray() -> Any:
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"  # before the import: nothing is reported to anybody
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise DreamTalkError(
            "Several processes need Ray: pip install 'dreamtalk[batch]'. Or use --workers 0 for one process."
        ) from error
    return ray


def _by_ray(
    work: Callable[[Item], Result], items: Sequence[Item], workers: int, marks: Path
) -> Iterator[tuple[int, Result | None]]:
    ray = _import_ray()
    ray.data.DataContext.get_current().enable_progress_bars = False
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    if not items:
        return
    rows = [{"number": number, "item": pickle.dumps(item)} for number, item in enumerate(items)]
    block = min(_BLOCK, max(1, len(rows) // (_TASKS * workers))) if workers else _BLOCK
    data = ray.data.from_items(rows, override_num_blocks=-(-len(rows) // block))
    pool = ray.data.TaskPoolStrategy(size=workers or None)
    done = data.map(in_worker, fn_args=[pickle.dumps(work), str(marks)], num_cpus=1, compute=pool)
    for row in done.iter_rows():
        yield int(row["number"]), pickle.loads(row["result"])


def in_worker(row: dict[str, Any], work: bytes, marks: str) -> dict[str, Any]:
    """One item in a worker process: its number, and its result pickled; None where it killed its workers before."""
    mark = Path(marks) / str(row["number"])
    if mark.is_file() and mark.stat().st_size >= _TRIES:
        return {"number": row["number"], "result": pickle.dumps(None)}
    with mark.open("ab") as file:
        file.write(b".")
    result = pickle.loads(work)(pickle.loads(row["item"]))
    mark.unlink(missing_ok=True)
    return {"number": row["number"], "result": pickle.dumps(result)}
