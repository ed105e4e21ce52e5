"""The process that live faces run in: one set of models, a thread per session, frames out by the wall clock."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

from dreamtalk.errors import DreamTalkError
from dreamtalk.live import LiveFrame, Paced
from dreamtalk.serve.fragments import CODECS, FragmentedMp4
from dreamtalk.serve.live_messages import HEADER, Opened, Order, Said, SaidKind
from dreamtalk.serve.problems import Problem, failure, refused
from dreamtalk.serve.worker import jpeg, options_of
from dreamtalk.talker import Talker
from dreamtalk.types import SAMPLE_RATE, VIDEO_FPS, Float

_SAMPLES = SAMPLE_RATE // VIDEO_FPS
_WAITING_FRAMES = 12
"""Frames sent that the reader has not taken: above this, frames are left out."""
_MOST_WAITING = 200
"""The same for fragments of MP4, whose sound cannot be left out: above this the session ends."""
_MOST_LEFT_OUT = 30 * VIDEO_FPS
"""Frames in a row that a reader misses before the session ends."""
_JPEG_QUALITY = 85
_AFTERWARDS = 2 * VIDEO_FPS
"""Frames without speech after which an utterance is over in any case."""


def host_sessions(line: Connection, device: str, threads: int | None) -> None:
    """The process: opens sessions and passes orders on until the server is gone."""
    talker = Talker(device, threads)
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
        self._sent = self._taken = self._left_out = 0  # the first by the session's thread alone, the second by others
        self._closed = False
        self._speech = _Utterances()
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
            samples = np.frombuffer(order.data, "<i2").astype(np.float32) / 32768.0
            self._speech.push(samples)
            self._paced.push(samples)
        elif order.kind == "finish":
            self._speech.finish()
            self._paced.finish()
        elif order.kind == "interrupt":
            self._speech.interrupt()
            self._paced.interrupt()
        elif order.kind == "style":
            self._paced.style(*order.data)
        else:
            self._paced.close()

    def run(self) -> None:
        """The session's thread."""
        try:
            self._live()
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

    def _live(self) -> None:
        task = self._asked.task
        with self._host.preparing:
            live = self._host.talker.live(Path(task.portrait), options_of(task), latency=self._asked.latency)
        paced = Paced(live)
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

    def _show(self, frame: LiveFrame) -> None:
        """Send a frame, or leave it out; tell when an utterance is over."""
        utterance, sound, ended = self._speech.of(frame.speech)
        spoken = frame.speech is not None
        waiting = self._sent - self._taken
        late = waiting >= _WAITING_FRAMES
        self._left_out = self._left_out + 1 if late else 0
        if waiting >= _MOST_WAITING or self._left_out > _MOST_LEFT_OUT:
            raise Problem(408, "too_slow", "The reader of the live stream is too slow.", "Use jpeg, or a smaller size.")
        if self._mp4 is not None:
            self._send(self._mp4.add(None if late else frame.image, frame.number, sound), spoken, late)
        elif late:
            self._say("skipped", spoken=spoken)
        else:
            head = HEADER.pack(frame.number, frame.seconds, frame.speech if spoken else float("nan"), utterance)
            side = max(frame.image.shape[:2])
            raw = self._asked.format == "rgb"
            body = frame.image[..., :3].tobytes() if raw else jpeg(frame.image, side, _JPEG_QUALITY)
            self._send(head + body, spoken)
        for number in ended:
            self._say("finished", {"type": "finished", "utterance": number})

    def _send(self, data: bytes, spoken: bool, late: bool = False) -> None:
        if late:
            self._say("skipped")
        if not data:
            self._say("kept", spoken=spoken)
            return
        self._sent += 1
        self._say("frame", data, spoken)

    def _say(self, kind: SaidKind, data: Any = None, spoken: bool = False) -> None:
        self._host.say(Said(self._asked.session, kind, data, spoken))


class _Utterances:
    """What was pushed, for the sound beside the frames and to know when all of it was shown.

    Written by the thread that hears orders, read by the one that makes frames.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._number = 0
        self._lines: deque[_Utterance] = deque([_Utterance(0)])
        self._silent = 0

    def push(self, samples: Float) -> None:
        with self._lock:
            if self._lines[-1].finished:
                self._number += 1
                self._lines.append(_Utterance(self._number))
            self._lines[-1].push(samples)

    def finish(self) -> None:
        with self._lock:
            self._lines[-1].finished = True

    def interrupt(self) -> None:
        """All of it is forgotten; the next is another utterance."""
        with self._lock:
            self._number += 1
            self._lines = deque([_Utterance(self._number)])
            self._silent = 0

    def of(self, speech: float | None) -> tuple[int, Float, list[int]]:
        """For a frame: the number of its utterance, its 40 ms of sound, and utterances that are over with it."""
        with self._lock:
            first, ended = self._lines[0], list[int]()
            sound = np.zeros(_SAMPLES, np.float32) if speech is None else first.take(speech)
            self._silent = self._silent + 1 if speech is None else 0
            while self._lines[0].finished and (self._lines[0].shown or self._silent > _AFTERWARDS):
                ended.append(self._lines.popleft().number)
                self._silent = 0
                if not self._lines:
                    self._number += 1
                    self._lines.append(_Utterance(self._number))
            return first.number, sound, ended


class _Utterance:
    def __init__(self, number: int) -> None:
        self.number, self.finished = number, False
        self._parts: deque[Float] = deque()
        self._first = self._pushed = self._taken = 0

    @property
    def shown(self) -> bool:
        """Whether frames have covered all of it."""
        return self._taken >= self._pushed

    def push(self, samples: Float) -> None:
        if len(samples):
            self._parts.append(samples)
            self._pushed += len(samples)

    def take(self, speech: float) -> Float:
        """(640,) from that second on; what lies before is forgotten."""
        start = round(speech * SAMPLE_RATE)
        while self._parts and self._first + len(self._parts[0]) <= start:
            self._first += len(self._parts.popleft())
        self._taken = start + _SAMPLES
        sound, place = np.zeros(_SAMPLES, np.float32), self._first - start
        for part in self._parts:
            if place >= _SAMPLES:
                break
            piece = part[max(0, -place) : _SAMPLES - place]
            sound[max(0, place) : max(0, place) + len(piece)] = piece
            place += len(part)
        return sound
