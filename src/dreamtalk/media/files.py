"""Files in and out: checked before the work starts, complete or absent when it ends."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import shutil
import socket
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path

from dreamtalk.errors import UnusableInput, UnusableOutput


def check_input(path: str | Path) -> Path:
    """The path of a readable file that is not empty. Raises UnusableInput otherwise."""
    path = Path(path)
    try:
        path.stat()
    except PermissionError as error:
        raise UnusableInput(f"{path} cannot be opened: {error.strerror}.") from error
    except (OSError, ValueError) as error:  # ValueError: a name with a zero in it
        raise UnusableInput(f"{path} does not exist.") from error
    if path.is_dir():
        raise UnusableInput(f"{path} is a folder; a file is needed.")
    if not path.is_file():
        raise UnusableInput(f"{path} is a pipe or a device; a file is needed.")
    if path.stat().st_size == 0:
        raise UnusableInput(f"{path} is empty (0 bytes).")
    try:
        path.open("rb").close()
    except OSError as error:
        raise UnusableInput(f"{path} cannot be opened: {error.strerror}.") from error
    return path


_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS})
"""What the system says when it cannot write any more."""

_BLOCK = 1 << 20
"""Bytes of a file that are hashed at a time."""

_PARTIAL = re.compile(r"\.(?P<stem>.+)-(?P<place>[0-9a-f]{8})-(?P<pid>\d+)\.partial(?:\.sealed)?(?P<suffix>(?:\.\w+)?)")
"""Names that `replacing` gives: of the file, the machine, the process. `.sealed`: while a manifest is put in."""

_LONGEST_NAME = 210
"""Bytes; file systems allow 255, and a begun file's name is longer than that of the whole one."""

_NUMBERED = re.compile(r"[^%]*%0?[1-9]?d[^%]*")


def check_output(
    path: str | Path, suffix: str | tuple[str, ...], inputs: tuple[Path, ...] = (), numbered: bool = True
) -> Path:
    """The path of a file that can be written, before any work is spent on it; nothing is left behind, also of earlier
    processes that were killed while they wrote it.

    Folders that do not exist yet are allowed (``replacing`` makes them). suffix: the endings there are; ".png" stands
    for a sequence of files in a new folder, unless numbered is False. inputs: files that must not be overwritten.
    Raises UnusableOutput when the suffix differs, the place cannot be written to, or it is one of the inputs.
    """
    path = Path(path)
    suffixes = (suffix,) if isinstance(suffix, str) else suffix
    if path.suffix.lower() not in suffixes:
        raise UnusableOutput(f"The output {path} must end in {' or '.join(suffixes)}.")
    if numbered and path.suffix.lower() == ".png":
        _check_numbered(path)
    if len(os.fsencode(path.name)) > _LONGEST_NAME:
        raise UnusableOutput(f"The name of the output is longer than {_LONGEST_NAME} bytes: {path}. Choose another.")
    try:
        if path.is_dir():
            raise UnusableOutput(f"The output {path} is a folder; give the name of a file.")
        if path.exists() and any(exists(other) and path.samefile(other) for other in inputs):
            raise UnusableOutput(f"The output {path} would overwrite an input. Choose another name.")
        folder = path.absolute().parent
        while not folder.exists() and folder != folder.parent:
            folder = folder.parent
    except OSError as error:  # a name too long for the file system
        raise UnusableOutput(f"The output {path} cannot be written: {error.strerror}.") from error
    try:
        # Asking the system to create a file is the only test that holds for every user and file system.
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise UnusableOutput(f"The output {path} cannot be written: {folder}: {error.strerror}.") from error
    _drop_leftovers(path.parent if "%" in path.name else path)
    return path


def _check_numbered(path: Path) -> None:
    """Raise UnusableOutput unless the path names numbered files in a folder of their own."""
    if not _NUMBERED.fullmatch(path.name):
        raise UnusableOutput(
            f"For a sequence of pictures give a name with a number, such as frames/%05d.png, not {path}."
        )
    if exists(path.parent):
        raise UnusableOutput(f"The pictures {path} need a folder of their own, but {path.parent} is there already.")


def exists(path: Path) -> bool:
    """Whether there is such a file; names that the file system cannot hold belong to none."""
    try:
        return path.exists()
    except OSError:
        return False


def is_word(given: str | Path) -> bool:
    """Whether it is a bare word, such as a name, and no file of that name lies here."""
    path = Path(given)
    return path.suffix == "" and len(path.parts) == 1 and not exists(path)


def sha256_of(file: Path) -> str:
    """Hexadecimal SHA-256 of a file, however large."""
    digest = hashlib.sha256()
    with file.open("rb") as stream:
        while block := stream.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary name in the same folder for a file or folder; it becomes ``path`` when the block ends well.

    After any exception, Ctrl-C too, it is removed, with the folders made for it. Raises UnusableOutput when the folder
    cannot be made, or the disk has no room.
    """
    made = _missing_folders(path.absolute().parent)
    try:
        path.absolute().parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UnusableOutput(f"The folder {path.parent} cannot be made: {error.strerror}.") from error
    temporary = path.with_name(f".{path.stem}-{_place()}-{os.getpid()}.partial{path.suffix}")
    try:
        try:
            yield temporary
            os.replace(temporary, path)
        except OSError as error:
            if error.errno not in _NO_ROOM:
                raise
            full = f"{path.parent} could not be written to ({error.strerror}). Is the disk full?"
            raise UnusableOutput(full) from error
    except BaseException:
        if temporary.is_dir():
            shutil.rmtree(temporary, ignore_errors=True)
        temporary.unlink(missing_ok=True)
        for folder in made:
            if folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()
        raise


def unfinished(file: Path) -> Path | None:
    """What a file that `replacing` has begun was to become; None for other files. The process may still be at it."""
    found = _PARTIAL.fullmatch(file.name)
    return None if found is None else file.with_name(found["stem"] + found["suffix"])


def _drop_leftovers(path: Path) -> None:
    """Remove what processes of this machine that no longer live have begun of a file or folder."""
    with suppress(OSError):
        begun = [file for file in path.absolute().parent.iterdir() if unfinished(file) == path.absolute()]
        for file in filter(_abandoned, begun):
            if file.is_dir():
                shutil.rmtree(file, ignore_errors=True)
            else:
                file.unlink(missing_ok=True)


def _abandoned(file: Path) -> bool:
    """Whether the process that has begun a file is surely gone. Of other machines' processes nothing is known."""
    found = _PARTIAL.fullmatch(file.name)
    if found is None or found["place"] != _place() or sys.platform == "win32":  # where asking would end the process
        return False
    try:
        os.kill(int(found["pid"]), 0)  # asks only
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):  # somebody else's process
        return False
    return False


@lru_cache
def _place() -> str:
    """8 hexadecimal digits of this machine since it was started, and of this container, where one process number
    means one process."""
    parts = [socket.gethostname()]
    with suppress(OSError):
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text())
    with suppress(OSError):
        parts.append(os.readlink("/proc/self/ns/pid"))
    return hashlib.sha256(" ".join(parts).encode()).hexdigest()[:8]


def _missing_folders(folder: Path) -> list[Path]:
    """Folders that do not exist yet, innermost first."""
    missing = []
    while not folder.exists() and folder != folder.parent:
        missing.append(folder)
        folder = folder.parent
    return missing
