"""Recordings of live sessions: kept as talks are, whatever ends the session, and never half."""

from __future__ import annotations

import io
import sqlite3
from typing import Any

import av
import numpy as np
import pytest
from fastapi.testclient import TestClient
from tests.serve.livehere import LIVE, OPEN, Here, next_text, opened
from tests.serve.standin import MakeClient, until

from dreamtalk.serve.live_messages import Order
from dreamtalk.serve.recordings import LIVE as LIVE_ENTRY
from dreamtalk.serve.settings import Limits

pytestmark = pytest.mark.usefixtures("here")

TONE = (12_000 * np.sin(np.arange(8_000) / 8)).astype("<i2")


def status_of(client: TestClient, link: str) -> Any:
    return client.get(link).json()["status"]


def test_a_session_is_kept_with_its_sound(client: TestClient) -> None:
    with client.websocket_connect(LIVE) as session:
        link = opened(session, record=True, format="rgb", consent="It is me.")["recording"]
        assert status_of(client, link) == "running" and client.get(f"{link}/result").status_code == 409
        session.send_bytes(TONE.tobytes())
        session.send_json({"type": "finish"})
        assert next_text(session, "finished")["dropped"] == 0
        session.send_json({"type": "close"})
        view = next_text(session, "closed")["recording"]
    assert view["status"] == "done" and view["links"]["self"] == link and view["consent"] == "It is me."
    assert view["marks"] == {"badge": True, "watermark": True, "manifest": True}
    answer = client.get(view["links"]["result"])
    assert answer.headers["content-type"] == "video/mp4" and len(answer.content) == view["bytes"]
    with av.open(io.BytesIO(answer.content)) as film:
        assert sum(1 for _ in film.decode(video=0)) == view["progress"]["total"] == round(25 * view["seconds"])
    with av.open(io.BytesIO(answer.content)) as film:
        sound = np.concatenate([frame.to_ndarray()[0] for frame in film.decode(audio=0)])
    assert (np.abs(sound) > 0.1).sum() == pytest.approx((np.abs(TONE) > 3277).sum(), rel=0.1)
    vault = client.app.state.service.vault  # type: ignore[attr-defined]
    assert not list(vault.work.iterdir())
    assert b"dreamtalk_live_recorded_seconds_total" in client.get("/metrics").content
    assert client.delete(link).status_code == 204 and not list(vault.results.iterdir())


def test_a_recording_is_kept_when_the_client_vanishes(client: TestClient) -> None:
    with client.websocket_connect(LIVE) as session:
        link = opened(session, record=True, format="rgb")["recording"]
        for _ in range(5):
            session.receive_bytes()
    until(lambda: status_of(client, link) == "done")
    assert client.get(link).json()["seconds"] >= 5 / 25
    assert client.get(f"{link}/result").status_code == 200


def test_a_recording_has_its_limit_and_the_session_goes_on(make_client: MakeClient) -> None:
    client = make_client(Limits(record_seconds=0.4))
    with client.websocket_connect(LIVE) as session:
        opened(session, record=True, format="rgb")
        assert "0.4 s" in next_text(session, "recording_ended")["why"], "told at once, not at the end"
        session.receive()
        session.send_json({"type": "close"})
        view = next_text(session, "closed")["recording"]
    assert view["seconds"] == 0.4 and "0.4 s" in view["notes"][-1]


def test_recordings_that_cannot_be(client: TestClient) -> None:
    service = client.app.state.service  # type: ignore[attr-defined]
    for more in ({"options": {"background": "transparent", "size": 256}}, {"record": "yes"}):
        with client.websocket_connect(LIVE) as session:
            session.send_json({**OPEN, "record": True, **more})
            assert next_text(session, "error")
    with client.websocket_connect(LIVE) as session:  # refused when the face is looked for
        session.send_json({**OPEN, "record": True, "options": {"face": 3}})
        assert next_text(session, "error", "closed")["type"] == "error"
    until(lambda: not service.live._recordings)
    assert not service.store.unended() and not list(service.vault.work.iterdir())


def test_a_crash_of_the_process_is_told_and_leaves_nothing(client: TestClient) -> None:
    with client.websocket_connect(LIVE) as session:
        link = opened(session, record=True)["recording"]
        Here.last.dead = True
        assert next_text(session, "error")
    until(lambda: status_of(client, link) == "failed")
    Here.last.host.take(Order(1, "close"))  # the stand-in is not killed by a crash
    assert client.get(f"{link}/result").status_code == 409


def test_a_full_disk_delays_the_word_and_loses_nothing(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    service = client.app.state.service  # type: ignore[attr-defined]

    def full(*given: Any) -> bool:
        raise sqlite3.OperationalError("database or disk is full")

    with client.websocket_connect(LIVE) as session:
        link = opened(session, record=True, format="rgb")["recording"]
        session.receive_bytes()
        with monkeypatch.context() as disk:
            disk.setattr(service.store, "end", full)
            session.send_json({"type": "close"})
            assert next_text(session, "closed")["recording"] is None
            service.recordings.settle()  # still full
    assert status_of(client, link) == "running"
    service.recordings.settle()
    assert status_of(client, link) == "done" and client.get(f"{link}/result").status_code == 200


def test_a_recording_is_deleted_while_it_goes_on(client: TestClient) -> None:
    with client.websocket_connect(LIVE) as session:
        link = opened(session, record=True, format="rgb")["recording"]
        session.receive_bytes()
        assert client.delete(link).status_code == 204 and status_of(client, link) == "cancelled"
        session.send_json({"type": "close"})
        assert next_text(session, "closed")["recording"] is None
    service = client.app.state.service  # type: ignore[attr-defined]
    assert not list(service.vault.results.iterdir()) and not list(service.vault.work.iterdir())


def test_a_recording_of_a_server_that_died_is_failed_and_made_by_nobody(make_client: MakeClient) -> None:
    client = make_client()
    store = client.app.state.service.store  # type: ignore[attr-defined]
    store.add_recording("0" * 32, "ip:testclient", {"portrait": "example:astronaut", LIVE_ENTRY: True, "options": {}})
    client.__exit__(None, None, None)
    again = make_client()
    view = again.get(f"/v1/talks/{'0' * 32}").json()
    assert view["status"] == "failed" and "recorded" in view["error"]["title"]


@pytest.mark.parametrize("refused", [{"provenance": False}, {}])
def test_an_operator_can_ask_for_marks_and_consent(make_client: MakeClient, refused: dict[str, Any]) -> None:
    client = make_client(require_provenance=True, require_consent=True)
    body = {"portrait": "example:astronaut", "audio": "example:reading"}
    if refused:
        for more in ({}, {"consent": "It is me."}):
            answer = client.post("/v1/talks", json={**body, "options": refused, **more})
            assert answer.status_code == 422 and answer.json()["error"]["code"] == "provenance_required"
        with client.websocket_connect(LIVE) as session:
            session.send_json({**OPEN, "options": refused})
            assert next_text(session, "error")["error"]["code"] == "provenance_required"
        return
    assert client.post("/v1/talks", json=body).status_code == 202, "nobody needs to agree to examples"
    for more in ({}, {"consent": "  "}):
        other = {**body, "audio": "0" * 32, **more}
        assert client.post("/v1/talks", json=other).json()["error"]["code"] == "consent_required"
        lent = {**body, "options": {"style": {"upload": "0" * 32}}, **more}
        assert client.post("/v1/talks", json=lent).json()["error"]["code"] == "consent_required"
    told = client.post("/v1/talks", json={**other, "consent": "She agreed on 3 May."}).json()["error"]
    assert told["code"] == "not_found", "consent is given; the file is not there"
