"""Speak live through a portrait, by the WebSocket of `dreamtalk serve`. Needs: pip install websockets

    dreamtalk serve                                             # in another terminal
    python examples/clients/live.py portrait.jpg speech.wav talk.mp4

The speech is sent in pieces of 0.1 s, as a microphone or a voice agent would. What comes back is written as it comes: a
fragmented MP4 with sound, or with --jpeg one picture per frame into a folder. speech.wav: mono, 16 bit, 16 kHz.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import os
import struct
import time
import wave
from pathlib import Path
from typing import Any

import websockets
from talk import upload

_PIECE = 1600
"""Samples per message: 0.1 s."""
_AFTER_SECONDS = 1.0
"""That the face is shown after the last word."""
_HEADER = struct.Struct("<IffI")
"""Before every JPEG: frame, seconds, seconds within the utterance (not a number: silent), utterance."""


def main() -> None:
    """Send a speech, save what the face does."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("portrait", type=Path)
    parser.add_argument("speech", type=Path)
    parser.add_argument("output", type=Path, help="a file .mp4, or with --jpeg a folder")
    parser.add_argument("--server", default="http://127.0.0.1:8765")
    parser.add_argument("--style", default="neutral")
    parser.add_argument("--size", type=int, default=256, choices=(256, 512, 1024))
    parser.add_argument("--jpeg", action="store_true")
    given = parser.parse_args()
    portrait = upload(given.server, given.portrait)["id"]
    asyncio.run(talk(given, portrait))


async def talk(given: argparse.Namespace, portrait: str) -> None:
    """One session."""
    with wave.open(str(given.speech)) as file:
        if (file.getnchannels(), file.getsampwidth(), file.getframerate()) != (1, 2, 16_000):
            raise SystemExit(f"{given.speech} must be mono, 16 bit, 16 kHz.")
        pcm = file.readframes(file.getnframes())
    key = os.environ.get("DREAMTALK_API_KEY")
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    address = given.server.replace("http", "ws", 1) + "/v1/live"
    async with websockets.connect(address, additional_headers=headers, max_size=None) as socket:
        options = {"style": given.style, "size": given.size}
        kind = "jpeg" if given.jpeg else "mp4"
        await socket.send(json.dumps({"portrait": portrait, "options": options, "format": kind}))
        while (ready := told(await socket.recv()))["type"] != "ready":
            print("The face is being prepared ...")
        print(f"The face is ready: {ready['width']} × {ready['height']} px")
        speaking = asyncio.create_task(speak(socket, pcm))
        await listen(socket, given.output, given.jpeg)
        await speaking


async def speak(socket: Any, pcm: bytes) -> None:
    """Send the speech at the pace of somebody speaking."""
    started = time.monotonic()
    for number, at in enumerate(range(0, len(pcm), 2 * _PIECE)):
        await asyncio.sleep(max(0.0, started + number * _PIECE / 16_000 - time.monotonic()))
        await socket.send(pcm[at : at + 2 * _PIECE])
    await socket.send(json.dumps({"type": "finish"}))


async def listen(socket: Any, output: Path, pictures: bool) -> None:
    """Write what comes, until a little after the last word."""
    until, frames, speaking = math.inf, 0, 0
    if pictures:
        output.mkdir(parents=True)
    else:
        output.write_bytes(b"")
    while time.monotonic() < until:
        message = await socket.recv()
        if isinstance(message, str):
            if told(message)["type"] == "finished":
                until = time.monotonic() + _AFTER_SECONDS
        elif pictures:
            number, _, speech, _ = _HEADER.unpack_from(message)
            (output / f"{number:06d}.jpg").write_bytes(message[_HEADER.size :])
            frames, speaking = frames + 1, speaking + (not math.isnan(speech))
        else:
            with output.open("ab") as file:
                file.write(message)
    await socket.send(json.dumps({"type": "close"}))
    async for message in socket:  # the end of the file
        if isinstance(message, bytes) and not pictures:
            with output.open("ab") as file:
                file.write(message)
    print(f"{output}: {frames} frames, {speaking} of them speaking" if pictures else f"{output} is complete")


def told(message: str | bytes) -> dict[str, Any]:
    """A text message. An error ends the program with its words."""
    content: dict[str, Any] = json.loads(message)
    if content["type"] == "error":
        raise SystemExit(f"{content['error']['title']} {content['error']['detail']}")
    return content


if __name__ == "__main__":
    main()
