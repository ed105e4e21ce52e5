"""What a run leaves behind beside its weights: config.json, log.jsonl, and TensorBoard's files."""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Mapping
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dreamtalk.media.files import replacing
from dreamtalk.version import package_version

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

_MANIFESTS = ("manifest.json", "clips.csv")
"""What lists the clips of a data folder: prepared shards, a talkset."""


class TrainingLog:
    """log.jsonl, one line per logged step, and the same numbers for TensorBoard where it is installed."""

    def __init__(self, folder: Path, done: int, tensorboard: bool) -> None:
        """done: steps that are done already; lines of later ones, from before a kill, are dropped."""
        file = folder / "log.jsonl"
        _drop_after(file, done)
        self._file = open(file, "a", encoding="utf-8")  # noqa: SIM115 (closed by close)
        self._board = _board(folder / "tensorboard", done) if tensorboard else None

    def write(self, step: int, seconds: float, numbers: Mapping[str, float]) -> None:
        """One line."""
        self._file.write(json.dumps({"step": step, "seconds": round(seconds, 1), **numbers}) + "\n")
        self._file.flush()
        if self._board is not None:
            for name, value in numbers.items():
                self._board.add_scalar(name, value, step)

    def close(self) -> None:
        """Everything is on disk afterwards."""
        self._file.close()
        if self._board is not None:
            self._board.close()


def write_config(folder: Path, config: Any, data: Path) -> None:
    """config.json: every number of the config (a dataclass), which code runs, and which data it runs on."""
    made_by = {"code_version": code_version(), "data_sha256": data_sha256(data)}
    with replacing(folder / "config.json") as part:
        part.write_text(json.dumps({**asdict(config), **made_by}, default=str, indent=1), encoding="utf-8")


def code_version() -> str:
    """The package's version; in a checkout with the commit, and "changed" where files differ from it."""
    here = Path(__file__)
    try:
        _git(here, "ls-files", "--error-unmatch", here.name)  # fails where dreamtalk is installed in someone's folder
        changed = ".changed" if _git(here, "status", "--porcelain", "--untracked-files=no", ":/") else ""
        return f"{package_version()}+{_git(here, 'rev-parse', '--short=12', 'HEAD')}{changed}"
    except (OSError, subprocess.SubprocessError):
        return package_version()


def data_sha256(data: Path) -> str | None:
    """SHA-256 of the list of clips of a data folder; None where it has none."""
    for name in _MANIFESTS:
        if (data / name).is_file():
            return hashlib.sha256((data / name).read_bytes()).hexdigest()
    return None


def _git(file: Path, *words: str) -> str:
    done = subprocess.run(("git", *words), cwd=file.parent, check=True, capture_output=True, text=True, timeout=10)
    return done.stdout.strip()


def _drop_after(file: Path, done: int) -> None:
    """Keep the lines of the first `done` steps, whole or not at all."""
    if not file.is_file():
        return
    kept = []
    for line in file.read_text(encoding="utf-8").splitlines():
        try:
            if json.loads(line)["step"] <= done:
                kept.append(line + "\n")
        except ValueError:  # half a line: the run was killed while it wrote
            break
    with replacing(file) as part:
        part.write_text("".join(kept), encoding="utf-8")


def _board(folder: Path, done: int) -> SummaryWriter | None:
    if find_spec("tensorboard") is None:
        return None
    from torch.utils.tensorboard import SummaryWriter

    return SummaryWriter(str(folder), purge_step=done + 1)
