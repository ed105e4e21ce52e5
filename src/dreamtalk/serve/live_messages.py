"""What the server and the process with the live faces say to each other."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from dreamtalk.serve.worker import Task

LiveFormat: TypeAlias = Literal["jpeg", "rgb", "mp4"]
OrderKind: TypeAlias = Literal["pcm", "finish", "interrupt", "style", "ack", "close"]
SaidKind: TypeAlias = Literal["ready", "frame", "skipped", "held", "kept", "told", "error", "recorded", "closed"]

HEADER = struct.Struct("<IffI")
"""Before every JPEG or RGB frame: its number, its time in the session (s), the time in the utterance that goes with it
(s; NaN: none), and the number of the utterance."""

SAMPLE_BYTES = 2


@dataclass(frozen=True, slots=True)
class Opened:
    """A session to open. task: portrait and options; it has no sound. record: seconds and bytes that its recording may
    have, which becomes the task's output; None: it is not recorded."""

    session: int
    task: Task
    format: LiveFormat
    latency: Literal["quality", "live"]
    record: tuple[float, int] | None = None


@dataclass(frozen=True, slots=True)
class Order:
    """Something for a session. data: PCM bytes, or a style's name and intensity."""

    session: int
    kind: OrderKind
    data: Any = None


@dataclass(frozen=True, slots=True)
class Said:
    """Something from a session. kind: skipped: a frame was left out for a slow reader; held: it was not drawn, as the
    machine was too slow; kept: it comes with the next fragment; told: text for the client. data: bytes of a frame, what
    a client is told, a Problem, or of a recording its outcome or a Problem. spoken: whether speech goes with the frame.
    """

    session: int
    kind: SaidKind
    data: Any = None
    spoken: bool = False
