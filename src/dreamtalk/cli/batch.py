"""dreamtalk batch: many talks from a table."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from tyro.conf import FlagCreatePairsOff, Positional, arg

from dreamtalk.cli.options import DeviceFlags
from dreamtalk.errors import DreamTalkError, UnusableInput
from dreamtalk.options import AUTO

if TYPE_CHECKING:
    from dreamtalk.batch import Summary
    from dreamtalk.batch.manifest import Row

_STOPPED = 130


@dataclass(frozen=True, kw_only=True)
class MakeBatch(DeviceFlags):
    """Make the talks of a table: columns portrait and audio, if you like output and any option of `generate`
    (style, intensity, size, seed, ...). A stopped batch goes on where it was; rows that fail are listed in
    failures.csv, and the others go on."""

    manifest: Annotated[Positional[Path], arg(metavar="TABLE")]
    """.csv, .tsv, or .jsonl with one object per line. Files are looked up beside it."""
    output: Annotated[Path, arg(aliases=["-o"])] = Path("talks")
    """Folder for the videos."""
    workers: int | None = None
    """Processes on this machine; 0: only this one, without Ray. By default all cores, if Ray is installed and there are
    12 rows or more to make."""
    address: str | None = None
    """Address of a Ray cluster to work on; all files must be in the same places on all its machines."""
    shard: str = "1/1"
    """Make one part of the rows, such as 2/8: for clusters without Ray, one command per part."""
    dry_run: Annotated[bool, FlagCreatePairsOff] = False
    """Read and check every row, and make nothing."""
    again: Annotated[bool, FlagCreatePairsOff] = False
    """Make all rows, also those that are made already."""
    init: Annotated[bool, FlagCreatePairsOff] = False
    """Write an example TABLE to begin with, and nothing else."""

    def run(self) -> None:
        """Make them, and say what came of it. Raises DreamTalkError when rows failed."""
        if self.init:
            self._begin()
            return
        from dreamtalk.batch.manifest import read_manifest
        from dreamtalk.batch.run import Batch, check_batch, failures_file, read_shard, run_batch

        batch = Batch(
            manifest=self.manifest,
            folder=self.output,
            workers=self.workers,
            address=self.address,
            shard=read_shard(self.shard),
            again=self.again,
            device=self.device,
            threads=self.threads,
        )
        self._tell_of(read_manifest(self.manifest))
        if self.dry_run:
            checked = check_batch(batch, _say)
            print(f"{checked.done} rows can be made ({checked.seconds:.1f} s of video), {len(checked.failed)} cannot.")
            _refuse(checked, "dreamtalk batch without --dry-run makes the others.")
            return
        try:
            summary = run_batch(batch, _say)
        except KeyboardInterrupt:
            print("dreamtalk: stopped. The same command goes on where it was.", file=sys.stderr)
            raise SystemExit(_STOPPED) from None
        print(f"{self.output}: {summary.words}")
        _refuse(summary, f"Each with its reason: {failures_file(batch)}")

    def _tell_of(self, rows: tuple[Row, ...]) -> None:
        """What `generate` says of some options, once for all rows."""
        from dreamtalk.cli.talk import DECLINED, NOTICE

        chosen = [row.options for row in rows if row.options is not None]
        if any(options.style == AUTO for options in chosen):
            print(NOTICE, file=sys.stderr)
        if not all(options.provenance for options in chosen):
            print(DECLINED, file=sys.stderr)

    def _begin(self) -> None:
        """Write the example table. Raises UnusableOutput when there is one."""
        from dreamtalk.batch.manifest import write_example

        write_example(self.manifest)
        print(f"{self.manifest}: an example. Check it: dreamtalk batch {self.manifest} --dry-run")


def _say(line: str) -> None:
    print(f"dreamtalk: {line}", file=sys.stderr)


def _refuse(summary: Summary, more: str) -> None:
    """Raise DreamTalkError when rows failed; UnusableInput when all of that is the input's fault."""
    if summary.failed:
        ours = any(failure.ours for failure in summary.failed.values())
        kind = DreamTalkError if ours else UnusableInput
        raise kind(f"{len(summary.failed)} rows failed. {more}")
