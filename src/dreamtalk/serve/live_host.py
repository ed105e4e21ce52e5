"""The process that live faces run in: one set of models, a thread per session, frames out by the wall clock."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

from dreamtalk.errors import DreamTalkError
from dreamtalk.live import LiveFrame, LiveTalk, Paced, Record
from dreamtalk.serve.fragments import CODECS, FragmentedMp4
from dreamtalk.serve.live_messages import HEADER, Opened, Order, Said, SaidKind
from dreamtalk.serve.problems import Problem, failure, refused
from dreamtalk.serve.worker import jpeg, options_of, outcome_of
from dreamtalk.talker import Talker
from dreamtalk.types import VIDEO_FPS

_WAITING_FRAMES = 12
"""Frames sent that the reader has not taken: above this, frames are left out."""
_MOST_WAITING = 200
"""The same for fragments of MP4, whose sound cannot be left out: above this the session ends."""
_MOST_LEFT_OUT = 30 * VIDEO_FPS
"""Frames in a row that a reader misses before the session ends."""
_JPEG_QUALITY = 85
_TELL_FRAMES = VIDEO_FPS
"""Between two words to the client: of pictures it did not get, of a talk that is late, of a recording's early end."""


def host_sessions(line: Connection, device: str, threads: int | None) -> None:
    """The process: opens sessions and passes orders on until the server is gone."""
    talker = Talker(device, threads)
    talker.load_all()  # the process is there for sessions: one is coming
    host = Host(talker, line.send)
    while True:
        try:
            host.take(line.recv())
        except (EOFError, OSError):
            os._exit(0)  # sessions may be in the middle of a frame, which an orderly end would trip over


class Host:
    """The sessions of one process."""

    def __init__(self, talker: Talker, send: Callable[[Said], None]) -> None:
        """send: passes on what sessions say; called by one thread at a time."""
        self.talker, self.sessions = talker, dict[int, _Session]()
        self.preparing = threading.Lock()  # one after the other: the tracker is for one thread
        self._send, self._sending = send, threading.Lock()

    def take(self, message: Opened | Order) -> None:
        """Open a session, or pass an order on."""
        if isinstance(message, Opened):
            self.sessions[message.session] = session = _Session(self, message)
            session.start()
        elif (asked := self.sessions.get(message.session)) is not None:
            asked.obey(message)

    def say(self, said: Said) -> None:
        """Pass on what a session says."""
        with self._sending:
            self._send(said)


class _Session(threading.Thread):
    """One face. Frames are made at 25 per second; what the reader does not take in time is left out."""

    def __init__(self, host: Host, asked: Opened) -> None:
        super().__init__(daemon=True, name=f"dreamtalk live {asked.session}")
        self._host, self._asked = host, asked
        self._paced: Paced | None = None
        self._sent = self._taken = 0  # the first by the session's thread alone, the second by others
        self._missed = self._dropped = self._told = 0
        self._late, self._cut = 0.0, ""
        self._closed = False
        self._live: LiveTalk | None = None
        self._mp4: FragmentedMp4 | None = None

    def obey(self, order: Order) -> None:
        """Called by the process's reader."""
        if order.kind == "ack":
            self._taken += 1
            return
        if order.kind == "close":
            self._closed = True
        if self._paced is None:
            return
        if order.kind == "pcm":
            self._paced.push(np.frombuffer(order.data, "<i2").astype(np.float32) / 32768.0)
        elif order.kind == "finish":
            self._paced.finish()
        elif order.kind == "interrupt":
            self._paced.interrupt()
        elif order.kind == "style":
            self._paced.style(*order.data)
        else:
            self._paced.close()

    def run(self) -> None:
        """The session's thread."""
        try:
            try:
                self._speak()
            finally:
                self._keep()
        except DreamTalkError as error:
            self._say("error", refused(error, self._asked.task.names))
        except OSError:
            return  # the server is gone
        except Exception as error:
            detail = f"That is dreamtalk's fault ({type(error).__name__}); report it."
            self._say("error", failure("The live session failed.", detail))
        finally:
            self._host.sessions.pop(self._asked.session, None)
            self._say("closed")

    def _speak(self) -> None:
        task, record = self._asked.task, self._asked.record
        with self._host.preparing:
            live = self._host.talker.live(Path(task.portrait), options_of(task), latency=self._asked.latency)
        if record is not None:
            live.record(Record(Path(task.output), *record))
        self._live, paced = live, Paced(live)
        width, height = live.size
        told = {"type": "ready", "width": width, "height": height, "fps": VIDEO_FPS, "notes": list(live.notes)}
        if self._asked.format == "mp4":
            self._mp4 = FragmentedMp4(width, height)
            told["codecs"] = CODECS
        self._paced = paced
        if self._closed:
            return
        self._say("ready", told)
        for frame in paced:
            self._show(frame)
        if self._mp4 is not None:
            self._send(self._mp4.close(), False)

    def _keep(self) -> None:
        """Finish the recording, whatever ended the session, and tell what came of it."""
        if self._asked.record is None:
            return
        outcome: dict[str, Any] | Problem = Problem(422, "empty", "Nothing was recorded.", "The session was too short.")
        try:
            made = None if self._live is None else self._live.close()
            if made is not None and self._live is not None:
                outcome = outcome_of(made, [*self._live.notes, *([made.cut] if made.cut else [])])
        except DreamTalkError as error:
            outcome = refused(error, self._asked.task.names)
        except Exception as error:
            outcome = failure(
                "The recording failed.", f"That is dreamtalk's fault ({type(error).__name__}); report it."
            )
        self._say("recorded", outcome)

    def _show(self, frame: LiveFrame) -> None:
        """Send a frame, or leave it out; tell when an utterance is over."""
        spoken = frame.speech is not None
        waiting = self._sent - self._taken
        missed = waiting >= _WAITING_FRAMES
        self._missed = self._missed + 1 if missed else 0
        if waiting >= _MOST_WAITING or self._missed > _MOST_LEFT_OUT:
            raise Problem(408, "too_slow", "The reader of the live stream is too slow.", "Use jpeg, or a smaller size.")
        left_out = missed or frame.held
        if left_out:
            self._dropped += 1
            self._say("skipped" if missed else "held", spoken=spoken and self._mp4 is None)
        if self._mp4 is not None:
            self._send(self._mp4.add(None if left_out else frame.image, frame.number, frame.sound), spoken)
        elif not left_out:
            head = HEADER.pack(frame.number, frame.seconds, frame.speech if spoken else float("nan"), frame.utterance)
            side = max(frame.image.shape[:2])
            raw = self._asked.format == "rgb"
            body = frame.image[..., :3].tobytes() if raw else jpeg(frame.image, side, _JPEG_QUALITY)
            self._send(head + body, spoken)
        if frame.number % _TELL_FRAMES == 0:
            self._tell()
        for number in frame.ended:
            self._say("told", {"type": "finished", "utterance": number, "dropped": self._dropped})

    def _tell(self) -> None:
        """Say how many pictures the client did not get, how late the talk is, where it has become more; and once, why
        its recording has ended."""
        if self._dropped > self._told:
            self._told = self._dropped
            self._say("told", {"type": "dropped", "frames": self._dropped})
        if self._paced is not None and self._paced.lost > self._late:
            self._late = self._paced.lost
            self._say("told", {"type": "late", "seconds": round(self._late, 1)})
        if self._live is not None and not self._cut and (why := self._live.recording_ended):
            self._cut = why
            self._say("told", {"type": "recording_ended", "why": why})

    def _send(self, data: bytes, spoken: bool) -> None:
        if not data:
            self._say("kept", spoken=spoken)
            return
        self._sent += 1
        self._say("frame", data, spoken)

    def _say(self, kind: SaidKind, data: Any = None, spoken: bool = False) -> None:
        self._host.say(Said(self._asked.session, kind, data, spoken))
