"""A client of dreamtalk's live API (WS /v1/live) for voice agents: speech in, pictures and their sound out.

Needs `pip install websockets` and a running `dreamtalk serve`. Try it without any agent:

    python live_face.py examples/speech.wav
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import struct
import sys
import wave
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass

import websockets

RATE = 16_000
"""Samples per second of the speech that the server hears."""
FPS = 25
FRAME_BYTES = RATE // FPS * 2
"""PCM bytes that go with one picture."""
HEADER = struct.Struct("<IffI")
"""Before every picture: its number, seconds in the session, seconds in the utterance (NaN: none), the utterance."""


@dataclass(frozen=True)
class Picture:
    """One picture of the face. rgb: height × width × 3 bytes. sound: 16-bit mono PCM at 16 kHz to be heard with it."""

    number: int
    seconds: float
    width: int
    height: int
    rgb: bytes
    sound: bytes


class LiveFace:
    """One face on a server. Use it as `async with LiveFace(...) as face`."""

    def __init__(
        self, portrait: str, url: str = "ws://127.0.0.1:8765/v1/live", key: str | None = None, **options: object
    ):
        """portrait: an upload's id or example:<name>. options: fields of dreamtalk's TalkOptions, such as size=512."""
        self._url = url
        self._first = {"portrait": portrait, "options": options, "format": "rgb", **({"key": key} if key else {})}
        self._speech: deque[bytearray] = deque()
        self._finished = True  # the next speech begins an utterance
        self._current, self._floor, self._played = -1, -1, 0
        self.width = self.height = 0

    async def __aenter__(self) -> LiveFace:
        """Connect. Raises RuntimeError, in the server's words, when it refuses."""
        self._socket = await websockets.connect(self._url, max_size=None)
        await self._socket.send(json.dumps(self._first))
        while (ready := self._told(await self._socket.recv()))["type"] != "ready":
            pass  # it is being prepared
        self.width, self.height = ready["width"], ready["height"]
        return self

    async def __aexit__(self, *error: object) -> None:
        with contextlib.suppress(websockets.ConnectionClosed):
            await self._socket.send(json.dumps({"type": "close"}))
        await self._socket.close()

    async def say(self, pcm: bytes) -> None:
        """Speech as it comes: 16-bit mono PCM at 16 kHz, whole samples, any length."""
        if self._finished:
            self._speech.append(bytearray())
            self._finished = False
        self._speech[-1].extend(pcm)
        await self._socket.send(pcm)

    async def finish(self) -> None:
        """The utterance is complete."""
        if not self._finished:
            self._finished = True
            await self._socket.send(json.dumps({"type": "finish"}))

    async def interrupt(self) -> None:
        """Forget what was not shown yet: somebody cut in."""
        self._speech.clear()
        self._finished, self._floor = True, self._current
        await self._socket.send(json.dumps({"type": "interrupt"}))

    async def pictures(self) -> AsyncIterator[Picture]:
        """25 pictures per second until the connection ends, also when nobody speaks."""
        with contextlib.suppress(websockets.ConnectionClosedOK):
            async for message in self._socket:
                if isinstance(message, str):
                    self._told(message)
                    continue
                number, seconds, speech, utterance = HEADER.unpack_from(message)
                sound = b"" if math.isnan(speech) else self._sound(utterance, speech)
                yield Picture(number, seconds, self.width, self.height, message[HEADER.size :], sound)

    def _sound(self, utterance: int, speech: float) -> bytes:
        """What is to be heard up to the end of a picture: also that of pictures which the server left out."""
        if utterance <= self._floor:
            return b""  # on its way when somebody cut in
        if utterance != self._current:
            if self._current >= 0 and self._current > self._floor and len(self._speech) > 1:
                self._speech.popleft()
            self._current, self._played = utterance, 0
        if not self._speech:
            return b""
        end = round(speech * RATE) * 2 + FRAME_BYTES
        part = bytes(self._speech[0][self._played : end])
        self._played = max(self._played, end)
        return part

    @staticmethod
    def _told(text: str | bytes) -> dict[str, object]:
        """A text message. Raises RuntimeError for the server's errors."""
        told = json.loads(text)
        if told["type"] == "error":
            error = told.get("error", told)
            raise RuntimeError(f"{error.get('title')} {error.get('detail')}")
        return told


async def main(file: str) -> None:
    """Let the example's astronaut say a file, and count what comes."""
    with wave.open(file) as sound:
        pcm = sound.readframes(sound.getnframes())
    async with LiveFace("example:astronaut", size=256) as face:
        for start in range(0, len(pcm), FRAME_BYTES):
            await face.say(pcm[start : start + FRAME_BYTES])
        await face.finish()
        heard = shown = 0
        async for picture in face.pictures():
            heard, shown = heard + len(picture.sound), shown + 1
            if heard >= len(pcm):
                break
        print(f"{shown} pictures of {face.width} × {face.height}, {heard / 2 / RATE:.2f} s of sound")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
