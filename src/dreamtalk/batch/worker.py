"""One row in whatever process works on it: made, or its failure in words. Models are loaded once per process."""

from __future__ import annotations

import re
import time
import traceback
import warnings
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from dreamtalk.batch.keeping import KeepingTalker
from dreamtalk.batch.manifest import Row
from dreamtalk.batch.state import Known, Made, forget, keep, made
from dreamtalk.errors import DoubtfulInput, DreamTalkError, FaceNotFound, UnusableAudio, UnusableInput, UnusableOutput
from dreamtalk.media import check_input
from dreamtalk.options import AUTO
from dreamtalk.talk import checked_output

_ADVICE: dict[type[DreamTalkError], str] = {
    FaceNotFound: "Use a picture with one clear face, at least 64 px wide.",
    UnusableAudio: "Use a sound or video file that holds speech.",
    UnusableOutput: "Write somewhere else, or make room.",
    UnusableInput: "Mend the row and run the same command again.",
}
"""What to do where a message does not say it."""

OURS = "Please report it."
_SENTENCE = re.compile(r"(?<=[.!?]) (?=[A-Z])")


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a row was not made. what: what is wrong. todo: what to do about it. ours: a failure of dreamtalk."""

    what: str
    todo: str
    ours: bool = False


@dataclass(frozen=True, slots=True)
class Job:
    """A row with what it is made of (state.fingerprint)."""

    row: Row
    fingerprint: str
    files: dict[str, Known]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a row. seconds: of the video; 0 where there is none. work: seconds it took. notes: for people."""

    seconds: float = 0.0
    work: float = 0.0
    failure: Failure | None = None
    notes: tuple[str, ...] = ()


DIED = Failure(
    "The process that worked on this row died, twice.",
    "If memory ran out, use fewer --workers or a smaller size. Else convert picture and sound to other formats.",
    ours=True,
)


@lru_cache(maxsize=1)
def talker(device: str, threads: int | None) -> KeepingTalker:
    """The Talker of this process."""
    return KeepingTalker(device, threads)


def make(job: Job, folder: Path, device: str, threads: int | None) -> Outcome:
    """Make a row's video below `folder`, and note that it was made. Never raises but for Ctrl-C and the like."""
    before = made(job.row, folder)
    if before is not None and before.fingerprint == job.fingerprint:  # by a process that died soon after
        return Outcome(before.seconds)
    started, notes, row = time.perf_counter(), list[str](), job.row
    try:
        with warnings.catch_warnings(record=True) as doubts:
            warnings.simplefilter("always")
            talk = talker(device, threads).generate(row.portrait, row.audio, folder / row.output, row.options)
        notes += [*talk.notes, *(str(d.message) for d in doubts if issubclass(d.category, DoubtfulInput))]
        keep(row, folder, Made(job.fingerprint, talk.path.stat().st_size, talk.seconds, job.files))
        return Outcome(talk.seconds, time.perf_counter() - started, None, tuple(notes))
    except Exception as error:
        forget(row, folder)
        return Outcome(0.0, time.perf_counter() - started, failure_of(error))


def check(job: Job, folder: Path, device: str, threads: int | None) -> Outcome:
    """Whether a row could be made, as far as that is known without making it; writes nothing. seconds: of its speech.

    Videos that styles and head motion are taken from are looked for, not followed.
    """
    row = job.row
    try:
        if row.options is None:
            raise UnusableInput(row.problem)
        checked_output(folder / row.output, row.options, (row.portrait, row.audio))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tools = talker(device, threads)
            speech = tools.speech(row.audio)
            tools.portrait(row.portrait, row.options.face)
            style = row.options.style
            if isinstance(style, str) and style != AUTO:
                tools.style(style)
            if str(row.options.pose) not in ("natural", "still"):
                check_input(row.options.pose)
        return Outcome(speech.seconds)
    except Exception as error:
        return Outcome(failure=failure_of(error))


def failure_of(error: Exception) -> Failure:
    """An error in two parts: what is wrong, and what to do."""
    if not isinstance(error, DreamTalkError):
        told = f"{type(error).__name__}: {error}".strip().splitlines()[0]
        where = traceback.extract_tb(error.__traceback__)
        place = f" ({Path(where[-1].filename).name}, line {where[-1].lineno})" if where else ""
        return Failure(f"A failure of dreamtalk: {told}{place}", OURS, ours=True)
    what, *more = _SENTENCE.split(" ".join(str(error).split()), maxsplit=1)
    advice = next((words for kind, words in _ADVICE.items() if isinstance(error, kind)), OURS)
    return Failure(what, more[0] if more else advice, ours=error.exit_code == 1)
