"""`dreamtalk batch`: the rows of a table become videos.

    table ──read──▶ rows ──compare with what was made──▶ jobs ──workers──▶ videos, state, failures.csv

Every result is a file with a final name, and a row's state is written after its video: a batch that was killed at any
moment goes on where it was.
"""

from __future__ import annotations

import csv
import re
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path, PurePosixPath

from dreamtalk.batch.manifest import STATE, Row, read_manifest
from dreamtalk.batch.progress import Board, board, per_time
from dreamtalk.batch.state import Files, fingerprint, forget, made
from dreamtalk.batch.worker import DIED, Failure, Job, Outcome, check, failure_of, make
from dreamtalk.errors import DreamTalkError, UnusableInput, UnusableOutput
from dreamtalk.foreign import cell
from dreamtalk.media.files import replacing, unfinished
from dreamtalk.workers import chosen_workers, run_all

_FEW = 12
"""Rows below which this process makes them alone, unless workers are asked for: starting Ray would take longer."""

_SHARD = re.compile(r"([1-9]\d*)/([1-9]\d*)")


@dataclass(frozen=True, kw_only=True)
class Batch:
    """What to make, and by what.

    manifest: the table. folder: for the videos. workers: processes on this machine, 0 for this one alone; None: all
    cores, if Ray is installed and the rows are not few. address: of a Ray cluster, whose machines see the same folders.
    shard: (2, 8) makes the second of eight parts of the rows. again: make all rows, also those that are made already.
    device, threads: as Talker has them; threads None: 1 where there are workers.
    """

    manifest: Path
    folder: Path
    workers: int | None = None
    address: str | None = None
    shard: tuple[int, int] = (1, 1)
    again: bool = False
    device: str = "auto"
    threads: int | None = None


@dataclass(frozen=True, slots=True)
class Summary:
    """What came of a batch. done: rows made now. before: rows that were made already. failed: by row number. seconds:
    of video made now. wall: seconds that took."""

    done: int
    before: int
    failed: dict[int, Failure]
    seconds: float
    wall: float

    @property
    def words(self) -> str:
        """For people."""
        made = f"{self.done} talks made"
        if self.done:
            rate = f"{per_time(self.done, self.wall)}, {self.seconds / max(self.wall, 1e-3):.2f} s of video per second"
            made += f" ({self.seconds:.1f} s of video in {self.wall:.1f} s: {rate})"
        return f"{made}, {self.before} were there already, {len(self.failed)} failed"


def run_batch(batch: Batch, say: Callable[[str], None] = print) -> Summary:
    """Make the rows that are not made yet. Rows that fail do not stop the others: they are in the summary and in
    failures.csv.

    say: gets lines for people. Raises UnusableInput for a table that cannot be used as a whole, UnusableOutput when the
    folder cannot be written to, DreamTalkError when Ray is asked for and missing.
    """
    return _Run(batch, say).make()


def check_batch(batch: Batch, say: Callable[[str], None] = print) -> Summary:
    """The same without making anything: each row's files are read, faces looked for, options checked. Nothing is
    written. `done` are the rows that would be made, and `seconds` those of their speech."""
    with tempfile.TemporaryDirectory(prefix="dreamtalk-batch-") as marks:
        return _Run(replace(batch, address=None), say).through(check, "Checking rows", Path(marks) / "begun")


class _Run:
    """One pass over the rows of a table."""

    def __init__(self, batch: Batch, say: Callable[[str], None]) -> None:
        self._batch, self._say = batch, say
        self._rows = read_manifest(batch.manifest)[batch.shard[0] - 1 :: batch.shard[1]]
        self._workers = chosen_workers(batch.workers, batch.address, say)
        _check(batch, self._workers)
        _refuse_overwriting(batch, self._rows)
        self._started = time.monotonic()
        self._failed: dict[int, Failure] = {}

    def make(self) -> Summary:
        """Make the rows and list those that failed, also when it is stopped on the way."""
        batch = self._batch
        _ready(batch.folder, self._rows, failures_file(batch))
        try:
            marks = batch.folder / STATE / f"begun-{batch.shard[0]}-of-{batch.shard[1]}"
            return self.through(make, "Making talks", marks)
        finally:
            _write_failures(failures_file(batch), self._rows, self._failed)

    def through(self, work: Callable[..., Outcome], title: str, marks: Path) -> Summary:
        """Do some work with all rows that are not made yet."""
        batch, failed = self._batch, self._failed
        jobs, before = _plan(batch, self._rows, failed)
        counts = f"{len(jobs)} to make, {before} made already, {len(failed)} cannot be"
        self._say(f"{len(self._rows)} rows in {batch.manifest}: {counts}")
        workers = self._workers if batch.workers is not None or len(jobs) >= _FEW else 0
        threads = batch.threads if batch.threads is not None or not (workers or batch.address) else 1
        task = partial(work, folder=batch.folder.resolve(), device=batch.device, threads=threads)
        done, seconds = 0, 0.0
        with board(title, len(jobs)) as news:
            for row in self._rows:
                if row.number in failed:
                    news.say(_told(row, failed[row.number]))
            for number, given in run_all(task, jobs, workers, marks, batch.address):
                outcome, row = given or Outcome(failure=DIED), jobs[number].row
                if outcome.failure is not None:
                    failed[row.number] = outcome.failure
                else:
                    done, seconds = done + 1, seconds + outcome.seconds
                _tell(news, row, outcome)
        return Summary(done, before, dict(sorted(failed.items())), seconds, time.monotonic() - self._started)


def _plan(batch: Batch, rows: Sequence[Row], failed: dict[int, Failure]) -> tuple[list[Job], int]:
    """Rows to make, those with the same portrait beside each other, and how many are made. Those that cannot be made go
    into `failed`."""
    files, jobs, before = Files(), list[Job](), 0
    known = {row.number: made(row, batch.folder) for row in rows if not row.problem}
    for record in known.values():
        files.learn(record.files if record else {})
    for row in rows:
        try:
            if row.problem:
                raise UnusableInput(row.problem)
            found, facts = fingerprint(row, files)
        except (DreamTalkError, OSError) as error:
            failed[row.number] = failure_of(error)
            continue
        record = known[row.number]
        if record is not None and record.fingerprint == found and not batch.again:
            before += 1
        else:
            jobs.append(Job(row, found, facts))
    return sorted(jobs, key=lambda job: (str(job.row.portrait), job.row.number)), before


def read_shard(text: str) -> tuple[int, int]:
    """ "2/8" as (2, 8). Raises UnusableInput."""
    found = _SHARD.fullmatch(text.strip())
    if found is None or int(found[1]) > int(found[2]):
        raise UnusableInput(f"A shard is a part of so many, such as 2/8, not {text!r}.")
    return int(found[1]), int(found[2])


def _check(batch: Batch, workers: int) -> None:
    """Raise UnusableInput for what cannot go together."""
    if workers < 0:
        raise UnusableInput(f"There cannot be {workers} workers. 0 means this process alone.")
    if batch.device == "cuda" and (workers or batch.address):
        raise UnusableInput(
            "Ray's workers do not see the GPU. Use --workers 0, once per GPU: --shard 1/2 with CUDA_VISIBLE_DEVICES=0, "
            "--shard 2/2 with CUDA_VISIBLE_DEVICES=1 (docs/batch.md)."
        )


def _refuse_overwriting(batch: Batch, rows: Sequence[Row]) -> None:
    """Raise UnusableOutput when the video of one row would replace what another is made of."""
    named = {batch.manifest}
    for row in rows:
        if row.options is not None:
            named |= {row.portrait, row.audio, *row.options.files}
    given = {path.resolve() for path in named}
    for row in rows:
        if not row.problem and (batch.folder / row.output).resolve() in given:
            raise UnusableOutput(
                f"{batch.manifest}, line {row.number}: the output {row.output} would replace an input. "
                "Choose another name, or another folder (-o)."
            )


def _ready(folder: Path, rows: Sequence[Row], failures: Path) -> None:
    """Make the folder, and take away what a killed batch left: its list of failures, and halves of these rows' videos.

    Raises UnusableOutput when it cannot be written to.
    """
    try:
        (folder / STATE).mkdir(parents=True, exist_ok=True)
        failures.unlink(missing_ok=True)
    except OSError as error:
        raise UnusableOutput(f"The folder {folder} cannot be written to: {error.strerror}.") from error
    own = {str(PurePosixPath(row.output)) for row in rows}
    for place in {(folder / row.output).parent for row in rows if not row.problem}:
        for file in place.glob(".*.partial.*"):
            output = unfinished(file)
            if output is not None and output.relative_to(folder).as_posix() in own:
                file.unlink(missing_ok=True)
    for row in rows:
        if row.problem and row.output:
            forget(row, folder)


def failures_file(batch: Batch) -> Path:
    """Where the rows that failed are listed."""
    part, parts = batch.shard
    return batch.folder / ("failures.csv" if parts == 1 else f"failures-{part}-of-{parts}.csv")


def _write_failures(path: Path, rows: Sequence[Row], failed: dict[int, Failure]) -> None:
    """The list of failures; none where nothing failed."""
    if not failed:
        return
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(["row", "portrait", "audio", "output", "what", "what to do"])
        for row in rows:
            if row.number in failed:
                failure = failed[row.number]
                told = (str(row.portrait), str(row.audio), row.output, failure.what, failure.todo)
                table.writerow([row.number, *map(cell, told)])


def _tell(news: Board, row: Row, outcome: Outcome) -> None:
    for note in outcome.notes:
        news.say(f"line {row.number}: {note}")
    if outcome.failure is not None:
        news.say(_told(row, outcome.failure))
    news.done(failed=outcome.failure is not None)


def _told(row: Row, failure: Failure) -> str:
    return f"line {row.number} failed: {failure.what} {failure.todo}"
