"""Live sessions through the WebSocket; the process with the faces is a stand-in with a tiny motion model."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from fastapi.testclient import TestClient
from starlette.testclient import WebSocketDenialResponse, WebSocketTestSession
from starlette.websockets import WebSocketDisconnect
from tests.serve.livehere import LIVE, OPEN, Here, next_text, opened
from tests.serve.standin import MakeClient, until

from dreamtalk.provenance.metadata import comment_of
from dreamtalk.serve import live_host
from dreamtalk.serve.fragments import FragmentedMp4
from dreamtalk.serve.live_host import Host
from dreamtalk.serve.live_messages import HEADER, Opened, Order, Said
from dreamtalk.serve.settings import Limits, Settings
from dreamtalk.serve.worker import Task
from dreamtalk.talker import Talker

SPEECH = (9000 * np.sin(np.arange(16_000) / 20)).astype("<i2")


pytestmark = pytest.mark.usefixtures("here")


def error_of(session: WebSocketTestSession) -> dict[str, str]:
    """What the server says before it closes; nothing else may come."""
    while (told := json.loads(session.receive_text()))["type"] == "loading":
        pass
    assert told["type"] == "error" and set(told["error"]) == {"title", "detail", "code"}
    with pytest.raises(WebSocketDisconnect):
        session.receive_text()
    error: dict[str, str] = told["error"]
    return error


def spoken(session: WebSocketTestSession) -> tuple[list[tuple[int, float, float, int]], list[bytes], int]:
    """Headers and bodies of frames until the utterance is over, and its number."""
    heads, bodies = [], []
    while True:
        message = session.receive()
        if (data := message.get("bytes")) is not None:
            heads.append(HEADER.unpack_from(data))
            bodies.append(data[HEADER.size :])
        else:
            told = json.loads(message["text"])
            if told["type"] == "late":  # the machine is busy
                continue
            assert told["type"] == "finished", told
            return heads, bodies, told["utterance"]


def test_speech_comes_back_as_frames(client: TestClient) -> None:
    with client.websocket_connect(LIVE) as session:
        ready = opened(session)
        assert (ready["width"], ready["height"], ready["fps"]) == (256, 256, 25)
        for at in range(0, 16_000, 1000):
            session.send_bytes(SPEECH[at : at + 1000].tobytes())
        session.send_json({"type": "finish"})
        heads, bodies, utterance = spoken(session)
        numbers, seconds, speech, utterances = zip(*heads, strict=True)
        assert all(one < other for one, other in pairwise(numbers))
        assert seconds == pytest.approx([number / 25 for number in numbers])
        told = [one for one in speech if not math.isnan(one)]
        assert told[-1] == pytest.approx(0.96) and all(b > a for a, b in pairwise(told))
        assert utterance == 0 and set(utterances) == {0}
        assert all(body.startswith(b"\xff\xd8") for body in bodies)
        session.send_bytes(SPEECH[:8000].tobytes())
        session.send_json({"type": "finish"})
        assert spoken(session)[2] == 1
        session.send_json({"type": "close"})
    until(lambda: client.app.state.service.live.sessions == 0)  # type: ignore[attr-defined]


def test_a_face_for_which_no_size_is_asked_is_one_that_machines_can_draw_in_time(client: TestClient) -> None:
    with client.websocket_connect(LIVE) as session:
        ready = opened(session, options={})
        assert (ready["width"], ready["height"]) == (512, 512)
        session.send_json({"type": "close"})


def test_an_interrupt_ends_what_was_being_said(client: TestClient) -> None:
    with client.websocket_connect(LIVE) as session:
        opened(session, format="rgb")
        session.send_bytes(np.tile(SPEECH, 20).tobytes())
        while math.isnan(HEADER.unpack_from(session.receive_bytes())[2]):
            pass
        session.send_json({"type": "interrupt"})
        silent = 0
        for _ in range(200):
            frame = session.receive_bytes()
            assert len(frame) == HEADER.size + 256 * 256 * 3
            silent = silent + 1 if math.isnan(HEADER.unpack_from(frame)[2]) else 0
            if silent == 10:
                break
        assert silent == 10, "20 s of speech were waiting, and none of it is said any more"


def test_fragments_play_with_their_sound(client: TestClient, tmp_path: Path) -> None:
    with client.websocket_connect(LIVE) as session:
        assert "avc1" in opened(session, format="mp4")["codecs"]
        session.send_bytes(SPEECH.tobytes())
        session.send_json({"type": "finish"})
        parts = []
        while "finished" not in ((message := session.receive()).get("text") or ""):
            parts.append(message.get("bytes") or b"")
        session.send_json({"type": "close"})
        with pytest.raises(WebSocketDisconnect):
            while True:
                parts.append(session.receive_bytes())
    saved = tmp_path / "saved.mp4"
    saved.write_bytes(b"".join(parts))
    comment = comment_of(saved)
    assert comment is not None and "AI-generated" in comment, "who saves the stream has the note in the file"
    with av.open(io.BytesIO(b"".join(parts))) as film:
        frames = list(film.decode(video=0))
    with av.open(io.BytesIO(b"".join(parts))) as film:
        sound = np.concatenate([frame.to_ndarray()[0] for frame in film.decode(audio=0)])
    assert len(frames) >= 25 and (frames[0].width, frames[0].height) == (256, 256)
    assert abs(len(sound) / 16_000 - frames[-1].time) < 0.2
    assert 0.9 < (np.abs(sound) > 0.05).sum() / (np.abs(SPEECH) > 0.05 * 32768).sum() < 1.1


@pytest.mark.parametrize(
    ("first", "code"),
    [
        ("{", "wrong_json"),
        ("[]", "wrong_request"),
        ({}, "wrong_request"),
        ({**OPEN, "colour": 1}, "unknown_option"),
        ({**OPEN, "options": {"style": "hapy"}}, "unusable_input"),
        ({**OPEN, "options": {"style": "auto"}}, "unusable_input"),
        ({**OPEN, "format": "gif"}, "wrong_request"),
        ({"portrait": "0" * 32}, "not_found"),
    ],
)
def test_sessions_that_cannot_be(client: TestClient, first: Any, code: str) -> None:
    with client.websocket_connect(LIVE) as session:
        session.send_text(first if isinstance(first, str) else json.dumps(first))
        assert error_of(session)["code"] == code


def test_words_for_what_is_refused_are_those_of_the_session(client: TestClient) -> None:
    vault = client.app.state.service.vault  # type: ignore[attr-defined]
    with client.websocket_connect(LIVE) as session:
        session.send_json({**OPEN, "options": {"style": "auto"}})
        assert "choose a style for a live talk" in error_of(session)["title"]
    with client.websocket_connect(LIVE) as session:
        session.send_json({**OPEN, "options": {"face": 3}})
        assert error_of(session)["title"].startswith("The picture: ")
    with client.websocket_connect(LIVE) as session:
        timeline = [{"start": 0, "style": "happy"}]
        session.send_json({**OPEN, "options": {"timeline": timeline, "style": "hapy"}})
        assert error_of(session)["code"] == "unusable_input"
    with client.websocket_connect(LIVE) as session:
        session.send_bytes(SPEECH.tobytes())
        assert error_of(session)["code"] == "wrong_request"
    assert list(vault.work.iterdir()) == []


def test_a_session_ends_when_its_time_is_over(make_client: MakeClient) -> None:
    client = make_client(Limits(live_seconds=0.5))
    with client.websocket_connect(LIVE) as session:
        session.send_json(OPEN)
        told: dict[str, Any] = {}
        while told.get("type") != "error":
            text = session.receive().get("text")
            told = json.loads(text) if text else {}
        assert told["error"]["code"] == "too_long", "though frames come all the time"


Send = Callable[[WebSocketTestSession], None]


@pytest.mark.parametrize(
    ("send", "code"),
    [
        (lambda session: session.send_bytes(b"odd"), "wrong_speech"),
        (lambda session: session.send_text("{"), "wrong_json"),
        (lambda session: session.send_json({"type": "sing"}), "wrong_request"),
        (lambda session: session.send_json([]), "wrong_request"),
        (lambda session: session.send_json({"type": "style", "style": "/etc/passwd"}), "unusable_input"),
        (lambda session: session.send_json({"type": "style", "style": "auto"}), "wrong_request"),
        (lambda session: session.send_json({"type": "style", "style": "happy", "intensity": "x"}), "wrong_request"),
        (lambda session: session.send_json({"type": "style", "style": "happy", "intensity": 1e9}), "wrong_request"),
        (lambda session: session.send_json({"type": "style", "style": "sad", "intensity": 10**400}), "wrong_request"),
        (lambda session: session.send_text('{"type": "style", "style": "sad", "intensity": NaN}'), "wrong_request"),
    ],
)
def test_messages_that_cannot_be(client: TestClient, send: Send, code: str) -> None:
    with client.websocket_connect(LIVE) as session:
        opened(session)
        send(session)
        assert next_text(session, "error")["error"]["code"] == code


def test_strangers_get_no_session(make_client: MakeClient) -> None:
    client = make_client(keys=("a-key-of-somebody-1",))
    for headers in ({"Origin": "http://evil.example"}, {"Host": "evil.example"}):
        with pytest.raises((WebSocketDisconnect, WebSocketDenialResponse)):
            client.websocket_connect(LIVE, headers=headers).__enter__()
    with client.websocket_connect(LIVE) as session:
        session.send_json(OPEN)
        assert error_of(session)["code"] == "key_needed"
    with client.websocket_connect(LIVE) as session:
        opened(session, key="a-key-of-somebody-1")


def test_sessions_are_counted_and_a_crash_is_told(make_client: MakeClient) -> None:
    client = make_client(Limits(live_sessions=1))
    with client.websocket_connect(LIVE) as session:
        opened(session)
        with client.websocket_connect(LIVE) as other:
            other.send_json(OPEN)
            assert error_of(other)["code"] == "too_many"
        Here.last.dead = True
        assert next_text(session, "error")["error"]["code"] == "failure"
    with client.websocket_connect(LIVE) as session:
        opened(session)


def test_slow_readers_miss_frames_and_fill_no_memory(
    debug_talker: Talker, examples: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[Said] = []
    host = Host(debug_talker, said.append)
    task = Task("x", str(examples / "portrait.jpg"), "", "", {"size": 256})
    host.take(Opened(1, task, "jpeg", "live"))
    until(lambda: sum(one.kind == "skipped" for one in said) >= 5)
    frames = [one for one in said if one.kind == "frame"]
    assert len(frames) == 12, "no more are sent than were taken"
    host.take(Order(1, "ack"))
    until(lambda: sum(one.kind == "frame" for one in said) == 13)
    monkeypatch.setattr(live_host, "_MOST_LEFT_OUT", 3)
    until(lambda: said[-1].kind == "closed" and not host.sessions)
    assert said[-2].data.code == "too_slow", "who reads nothing at all is let go"


def test_a_frame_left_out_leaves_the_sound(debug_talker: Talker) -> None:
    film, parts = FragmentedMp4(65, 64), []
    image = np.full((64, 65, 3), 90, np.uint8)
    for number in range(50):
        parts.append(film.add(None if 10 <= number < 20 else image, number, np.full(640, 0.1, np.float32)))
    parts.append(film.close())
    with av.open(io.BytesIO(b"".join(parts))) as file:
        times = [frame.time for frame in file.decode(video=0)]
    numbers = [49 - round(25 * (times[-1] - one)) for one in times]
    assert numbers[1:] == [*range(1, 10), *range(20, 50)], "the first is shown longer: AAC begins before it"
    with av.open(io.BytesIO(b"".join(parts))) as file:
        assert sum(frame.samples for frame in file.decode(audio=0)) >= 50 * 640
    assert sum(bool(part) for part in parts) > 8, "bytes come while it is made"


def test_a_client_has_its_share_of_sessions(make_client: MakeClient) -> None:
    keys = ("a-key-of-somebody-1", "a-key-of-somebody-2")
    client = make_client(Limits(live_sessions=3), keys=keys)
    with client.websocket_connect(LIVE) as one, client.websocket_connect(LIVE) as two:
        opened(one, key=keys[0])
        opened(two, key=keys[0])
        with client.websocket_connect(LIVE) as third:
            third.send_json({**OPEN, "key": keys[0]})
            told = error_of(third)
            assert told["code"] == "too_many" and told["title"].startswith("You have 2 live sessions")
        with client.websocket_connect(LIVE) as other:
            opened(other, key=keys[1])


def test_the_share_is_the_operators(tmp_path: Path) -> None:
    def share(limits: Limits, **more: Any) -> int:
        return Settings(data=tmp_path, limits=limits, **more).live_share

    assert share(Limits()) == 4, "one person at one computer"
    assert share(Limits(), keys=("k" * 16,)) == share(Limits(), host="0.0.0.0") == 2
    assert share(Limits(live_sessions=1), keys=("k" * 16,)) == 1
    assert share(Limits(live_per_client=1)) == 1
    assert share(Limits(), names=("talks.example.org",)) == 2, "a name means a proxy, and other people behind it"
    assert share(Limits(live_per_client=3), keys=("k" * 16,)) == 3


def test_who_gets_no_pictures_is_told(debug_talker: Talker, examples: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dreamtalk.live.paced._BEHIND", -1.0)  # every frame is late: three of four are not drawn
    said: list[Said] = []
    host = Host(debug_talker, said.append)
    host.take(Opened(1, Task("x", str(examples / "portrait.jpg"), "", "", {"size": 256}), "jpeg", "live"))
    until(lambda: any(one.kind == "told" for one in said))
    told = next(one for one in said if one.kind == "told")
    before = said[: said.index(told)]
    held = sum(one.kind == "held" for one in before)
    assert told.data == {"type": "dropped", "frames": held} and held >= 3
    frames = [HEADER.unpack_from(one.data)[0] for one in before if one.kind == "frame"]
    assert all(b - a == 4 for a, b in pairwise(frames)), "numbers tell what was left out"
    paced = host.sessions[1]._paced
    assert paced is not None
    paced.lost = 2.54  # as if even the motion had been too slow
    until(lambda: any(one.data == {"type": "late", "seconds": 2.5} for one in said if one.kind == "told"))
    host.take(Order(1, "close"))
    until(lambda: not host.sessions)


def test_consent_is_asked_of_live_sessions_too(make_client: MakeClient, examples: Any) -> None:
    client = make_client(require_consent=True)
    with client.websocket_connect(LIVE) as session:
        opened(session)  # nobody needs to agree to an example
    own = {"portrait": "0" * 32}
    for more, code in (
        ({}, "consent_required"),
        ({"consent": " "}, "consent_required"),
        ({"consent": "me"}, "not_found"),
    ):
        with client.websocket_connect(LIVE) as session:
            session.send_json({**OPEN, **own, **more})
            assert error_of(session)["code"] == code


def test_the_process_can_be_ready_before_the_first_session(client: TestClient) -> None:
    assert not Here.all
    assert client.post("/v1/live").status_code == 204
    assert client.post("/v1/live").status_code == 204 and len(Here.all) == 1
    assert client.post("/v1/live", headers={"Origin": "http://evil.example"}).status_code == 403
    with client.websocket_connect(LIVE) as session:
        opened(session)
    assert len(Here.all) == 1
