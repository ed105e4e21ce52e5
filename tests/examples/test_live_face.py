"""The voice agents' client against a server that speaks the live protocol: sound comes back with its pictures."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import math
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from dreamtalk.serve.live_messages import HEADER

websockets = pytest.importorskip("websockets", reason="needs websockets: pip install 'dreamtalk[serve]'")

FOLDER = Path(__file__).parents[2] / "examples" / "pipecat"
PICTURE = bytes(2 * 2 * 3)


def module(name: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """An example as a module."""
    monkeypatch.syspath_prepend(str(FOLDER))
    spec = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
    assert spec is not None and spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, name, made)
    spec.loader.exec_module(made)
    return made


@pytest.fixture
def live_face(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    return module("live_face", monkeypatch)


def with_server(answers: Callable[[Any], Awaitable[None]], client: Callable[[str], Awaitable[None]]) -> None:
    """Run a client on a server that answers so."""

    async def both() -> None:
        async with websockets.serve(answers, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            await asyncio.wait_for(client(f"ws://127.0.0.1:{port}/v1/live"), 20)

    asyncio.run(both())


def frame(number: int, speech: float, utterance: int) -> bytes:
    return HEADER.pack(number, number / 25, speech, utterance) + PICTURE


async def ready(socket: Any) -> dict[str, Any]:
    first = json.loads(await socket.recv())
    await socket.send(json.dumps({"type": "ready", "width": 2, "height": 2, "fps": 25}))
    return dict(first)


def test_sound_comes_with_its_pictures_also_that_of_pictures_left_out(live_face: ModuleType) -> None:
    pcm = bytes(range(256)) * 25  # 6400 bytes: five pictures
    firsts = []

    async def answers(socket: Any) -> None:
        firsts.append(await ready(socket))
        heard = b""
        while len(heard) < len(pcm):
            heard += await socket.recv()
        assert json.loads(await socket.recv()) == {"type": "finish"}
        shown = [(0, math.nan), (1, 0.0), (2, 0.04), (4, 0.12), (5, 0.16), (6, math.nan)]
        for number, speech in shown:
            await socket.send(frame(number, speech, 0))
        await socket.send(json.dumps({"type": "finished", "utterance": 0}))
        await socket.close()

    async def client(url: str) -> None:
        async with live_face.LiveFace("example:astronaut", url, size=256) as face:
            for start in range(0, len(pcm), 500):
                await face.say(pcm[start : start + 500])
            await face.finish()
            pictures = [picture async for picture in face.pictures()]
        assert [len(picture.sound) for picture in pictures] == [0, 1280, 1280, 2560, 1280, 0]
        assert b"".join(picture.sound for picture in pictures) == pcm
        assert {(picture.width, picture.height, picture.rgb) for picture in pictures} == {(2, 2, PICTURE)}

    with_server(answers, client)
    assert firsts == [{"portrait": "example:astronaut", "options": {"size": 256}, "format": "rgb"}]


def test_an_interruption_forgets_what_was_said(live_face: ModuleType) -> None:
    async def answers(socket: Any) -> None:
        await ready(socket)
        await socket.recv()
        await socket.send(frame(0, 0.0, 0))
        while not isinstance(await socket.recv(), str):
            pass  # the interruption
        await socket.send(frame(1, 0.04, 0))  # was on its way
        await socket.recv()
        await socket.send(frame(2, 0.0, 1))
        await socket.close()

    async def client(url: str) -> None:
        async with live_face.LiveFace("p", url) as face:
            await face.say(b"\1" * 4000)
            sounds = []
            async for picture in face.pictures():
                sounds.append(picture.sound)
                if len(sounds) == 1:
                    await face.interrupt()
                    await face.say(b"\2" * 1280)
        assert sounds == [b"\1" * 1280, b"", b"\2" * 1280]

    with_server(answers, client)


def test_the_next_utterance_has_its_own_sound(live_face: ModuleType) -> None:
    async def answers(socket: Any) -> None:
        await ready(socket)
        for _ in range(3):
            await socket.recv()
        await socket.send(frame(0, 0.0, 0))
        await socket.send(frame(1, 0.0, 1))
        await socket.close()

    async def client(url: str) -> None:
        async with live_face.LiveFace("p", url) as face:
            await face.say(b"\1" * 1280)
            await face.finish()
            await face.say(b"\2" * 1280)
            assert [picture.sound async for picture in face.pictures()] == [b"\1" * 1280, b"\2" * 1280]

    with_server(answers, client)


def test_refusals_come_in_the_servers_words(live_face: ModuleType) -> None:
    async def answers(socket: Any) -> None:
        await socket.recv()
        error = {"title": "There is no such portrait.", "detail": "Upload it first.", "code": "unknown"}
        await socket.send(json.dumps({"type": "error", "error": error}))

    async def client(url: str) -> None:
        with pytest.raises(RuntimeError, match=r"no such portrait\. Upload"):
            async with live_face.LiveFace("p", url):
                pass

    with_server(answers, client)


def test_pipecat_gets_sound_and_picture(live_face: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pipecat", reason="pipecat-ai is not installed")
    video = module("dreamtalk_video", monkeypatch)
    sound, picture = video.frames_of(live_face.Picture(0, 0.0, 2, 2, PICTURE, bytes(1280)))
    assert (sound.sample_rate, sound.num_channels, len(sound.audio)) == (16_000, 1, 1280)
    assert picture.size == (2, 2) and picture.image == PICTURE


def test_livekit_gets_sound_and_picture(live_face: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("livekit.rtc", reason="livekit is not installed")
    publisher = module("livekit_publisher", monkeypatch)
    given = live_face.Picture(0, 0.0, 2, 2, PICTURE, bytes(1280))
    assert (publisher.video_frame(given).width, publisher.audio_frame(given).samples_per_channel) == (2, 640)
