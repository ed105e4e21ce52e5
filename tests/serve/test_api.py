"""The endpoints: what a talk goes through, and what clients see of it."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from typing import Any

import pytest
from fastapi.testclient import TestClient
from tests.serve.standin import MANIFEST, VIDEO, MakeClient, Plan, ended, talk, until

from dreamtalk.serve import pool as pool_module
from dreamtalk.serve.settings import Limits

KEYS = ("a-key-of-somebody-1", "a-key-of-somebody-2")


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def test_a_talk_from_request_to_video(client: TestClient, plan: Plan) -> None:
    answer = client.post("/v1/talks", json=talk(options={"style": "happy:3", "seed": 7}, consent="she agreed"))
    assert answer.status_code == 202
    asked = answer.json()
    view = ended(client, asked["id"])
    assert view["status"] == "done" and view["seconds"] == 0.08 and view["consent"] == "she agreed"
    video = client.get(asked["links"]["result"])
    assert video.content == VIDEO and video.headers["content-type"] == "video/mp4"
    assert plan.tasks[0].options == {"style": "happy:3", "seed": 7, "consent": "she agreed"}
    assert plan.tasks[0].portrait.endswith("portrait.jpg")
    assert client.delete(f"/v1/talks/{asked['id']}").status_code == 204
    assert client.get(f"/v1/talks/{asked['id']}").status_code == 404
    assert client.get(asked["links"]["result"]).status_code == 404


def test_the_manifest_of_a_webm_is_handed_out_too(client: TestClient, plan: Plan) -> None:
    plan.go.clear()
    made = client.post("/v1/talks", json=talk(format="webm", options={"background": "transparent"})).json()
    assert made["marks"]["manifest"] and "manifest" not in made["links"]
    assert client.get(f"/v1/talks/{made['id']}/manifest").status_code == 409
    plan.go.set()
    view = ended(client, made["id"])
    video, beside = (client.get(view["links"][part]) for part in ("result", "manifest"))
    assert view["format"] == "webm" and beside.content == MANIFEST
    assert beside.headers["content-type"] == "application/c2pa"
    names = [answer.headers["content-disposition"] for answer in (video, beside)]
    stem = f"talk-{view['id'][:8]}"
    assert names == [f'inline; filename="{stem}.webm"', f'attachment; filename="{stem}.c2pa"'], "verify looks there"
    client.delete(view["links"]["self"])
    assert client.get(view["links"]["manifest"]).status_code == 404
    other = ended(client, client.post("/v1/talks", json=talk()).json()["id"])
    assert "manifest" not in other["links"]
    refusal = client.get(f"/v1/talks/{other['id']}/manifest")
    assert refusal.status_code == 404 and refusal.json()["error"]["code"] == "no_manifest"


def test_parts_of_the_video_can_be_asked_for(client: TestClient) -> None:
    made = client.post("/v1/talks", json=talk()).json()
    ended(client, made["id"])
    part = client.get(made["links"]["result"], headers={"Range": "bytes=2-4"})
    assert part.status_code == 206 and part.content == VIDEO[2:5]


def test_progress_preview_and_events(client: TestClient, plan: Plan) -> None:
    plan.go.clear()
    made = client.post("/v1/talks", json=talk()).json()
    assert client.get(made["links"]["result"]).status_code == 409
    until(lambda: client.get(made["links"]["self"]).json()["progress"] == {"frames": 1, "total": 2})
    preview = client.get(made["links"]["preview"])
    assert preview.headers["content-type"] == "image/jpeg" and preview.content.startswith(b"\xff\xd8")
    threading.Timer(0.3, plan.go.set).start()
    with client.stream("GET", made["links"]["events"]) as stream:
        lines = [line for line in stream.iter_lines() if line.startswith("data: ")]
    statuses = [json.loads(line.removeprefix("data: "))["status"] for line in lines]
    assert statuses[0] == "running" and statuses[-1] == "done"
    assert len(lines) == len(set(lines)), "one event per change"


def test_cancelling_what_waits_and_what_runs(client: TestClient, plan: Plan) -> None:
    plan.go.clear()
    running, waiting = (client.post("/v1/talks", json=talk()).json()["id"] for _ in range(2))
    until(lambda: client.get(f"/v1/talks/{running}").json()["status"] == "running")
    assert client.get(f"/v1/talks/{waiting}").json()["position"] == 1
    for one in (waiting, running):
        assert client.delete(f"/v1/talks/{one}").status_code == 204
        assert ended(client, one)["status"] == "cancelled"
    plan.go.set()
    third = client.post("/v1/talks", json=talk()).json()["id"]
    assert ended(client, third)["status"] == "done"
    assert [task.id for task in plan.tasks] == [running, third]
    assert plan.started == 1, "the worker that heeded the cancel goes on"


def test_a_crash_is_tried_again_and_the_second_is_told(client: TestClient, plan: Plan) -> None:
    plan.crashes = 1
    first = client.post("/v1/talks", json=talk()).json()["id"]
    assert ended(client, first)["status"] == "done" and plan.started == 2
    plan.crashes = 2
    second = ended(client, client.post("/v1/talks", json=talk()).json()["id"])
    assert second["status"] == "failed" and second["error"]["code"] == "crashed"
    third = client.post("/v1/talks", json=talk()).json()["id"]
    assert ended(client, third)["status"] == "done"


def test_a_store_that_fails_for_a_while_ends_no_queue(
    client: TestClient, plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool_module, "_PAUSE_SECONDS", 0.01)
    store, fails = client.app.state.service.store, {"take": 3, "end": 3}  # type: ignore[attr-defined]
    for name in fails:
        work = getattr(store, name)

        def failing(*given: Any, name: str = name, work: Any = work) -> Any:
            fails[name] -= 1
            if fails[name] >= 0:
                raise sqlite3.OperationalError("database or disk is full")
            return work(*given)

        monkeypatch.setattr(store, name, failing)
    assert ended(client, client.post("/v1/talks", json=talk()).json()["id"])["status"] == "done"
    assert max(fails.values()) < 0 and len(plan.tasks) == 1


def test_cancels_leave_nothing_behind(client: TestClient, plan: Plan) -> None:
    pool = client.app.state.service.pool  # type: ignore[attr-defined]
    plan.go.clear()
    made = [client.post("/v1/talks", json=talk()).json()["id"] for _ in range(3)]
    for one in made:
        client.delete(f"/v1/talks/{one}")
    assert [ended(client, one)["status"] for one in made] == ["cancelled"] * 3
    pool.cancel(made[0])
    pool.cancel("0" * 32)
    until(lambda: not pool._cancelled)


def test_talks_that_take_too_long_are_ended(make_client: MakeClient, plan: Plan) -> None:
    client = make_client(Limits(job_seconds=0.2))
    plan.go.clear()
    view = ended(client, client.post("/v1/talks", json=talk()).json()["id"])
    assert view["status"] == "failed" and view["error"]["code"] == "too_slow" and plan.ended == 1


def test_talks_wait_for_the_next_server_when_this_one_stops(make_client: MakeClient, plan: Plan) -> None:
    plan.go.clear()
    first = make_client()
    made = [first.post("/v1/talks", json=talk()).json()["id"] for _ in range(3)]
    until(lambda: len(plan.tasks) == 1)
    first.__exit__(None, None, None)
    first.__exit__ = lambda *ended: None  # type: ignore[method-assign]
    plan.go.set()
    second = make_client()
    assert [ended(second, one)["status"] for one in made] == ["done"] * 3
    assert len(plan.tasks) == 4, "the one that ran was begun anew, each other once"


def test_clients_take_turns(make_client: MakeClient, plan: Plan) -> None:
    client = make_client(keys=KEYS)
    plan.go.clear()
    sent: dict[str, list[str]] = {key: [] for key in KEYS}
    for key, count in ((KEYS[0], 4), (KEYS[1], 2)):
        for _ in range(count):
            sent[key].append(client.post("/v1/talks", json=talk(), headers=bearer(key)).json()["id"])
    plan.go.set()
    for key in KEYS:
        for one in sent[key]:
            ended(client, one, headers=bearer(key))
    a, b = (sent[key] for key in KEYS)
    assert [task.id for task in plan.tasks] == [a[0], b[0], a[1], b[1], a[2], a[3]]


def test_full_queues_say_when_to_come_back(make_client: MakeClient, plan: Plan) -> None:
    plan.go.clear()
    client = make_client(Limits(queue=3, per_client=10))
    client.post("/v1/talks", json=talk())
    until(lambda: len(plan.tasks) == 1)
    codes = [client.post("/v1/talks", json=talk()) for _ in range(4)]
    assert [one.status_code for one in codes] == [202, 202, 202, 429]
    assert int(codes[-1].headers["retry-after"]) >= 1 and codes[-1].json()["error"]["code"] == "queue_full"


def test_a_client_sees_its_own_alone_and_needs_its_key(make_client: MakeClient) -> None:
    client = make_client(keys=KEYS)
    assert client.get("/v1/health").json()["key_needed"] is True
    for path in ("/v1/styles", "/metrics", "/v1/talks/" + "0" * 32):
        refused = client.get(path, headers=bearer("a-key-of-nobody-here"))
        assert refused.status_code == 401 and refused.json()["error"]["code"] == "key_needed"
    mine = client.post("/v1/talks", json=talk(), headers={"X-API-Key": KEYS[0]}).json()["id"]
    assert client.get(f"/v1/talks/{mine}", headers=bearer(KEYS[0])).status_code == 200
    assert client.get(f"/v1/talks/{mine}", headers=bearer(KEYS[1])).status_code == 404
    assert client.delete(f"/v1/talks/{mine}", headers=bearer(KEYS[1])).status_code == 404


def test_a_browser_shows_its_key_once(make_client: MakeClient) -> None:
    client = make_client(keys=KEYS)
    assert client.post("/v1/session", json={"key": "not this one, sorry"}).status_code == 401
    answer = client.post("/v1/session", json={"key": KEYS[1]})
    assert answer.status_code == 204
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie and "samesite=strict" in cookie and KEYS[1] not in cookie
    assert client.get("/v1/styles").status_code == 200


def test_old_files_and_talks_are_deleted(client: TestClient) -> None:
    service = client.app.state.service  # type: ignore[attr-defined]
    made = client.post("/v1/talks", json=talk()).json()["id"]
    ended(client, made)
    service.sweep(time.time() - 60.0)
    assert client.get(f"/v1/talks/{made}").status_code == 200
    service.sweep(time.time() + 60.0)
    assert client.get(f"/v1/talks/{made}").status_code == 404
    assert list(service.vault.results.iterdir()) == []


def test_lists_health_and_numbers(client: TestClient) -> None:
    styles = {style["name"]: style for style in client.get("/v1/styles").json()}
    assert styles["happy"]["levels"] == [1, 2, 3] and "auto" in styles
    for example in client.get("/v1/examples").json():
        assert client.get(example["url"]).status_code == 200
    ended(client, client.post("/v1/talks", json=talk()).json()["id"])
    assert client.get("/v1/health").json()["status"] == "ok"
    numbers = client.get("/metrics").text
    assert 'dreamtalk_talks_total{status="done"} 1.0' in numbers
    assert 'route="/v1/talks",status="202"' in numbers and 'dreamtalk_talks_now{status="queued"} 0.0' in numbers


def test_the_docs_are_complete_and_load_nothing_from_elsewhere(client: TestClient) -> None:
    described = client.get("/openapi.json").json()
    assert {"/v1/uploads", "/v1/talks", "/v1/talks/{talk}/events", "/v1/styles", "/metrics"} <= set(described["paths"])
    options = described["components"]["schemas"]["Options"]["properties"]
    assert {"style", "intensity", "timeline", "badge"} <= set(options)
    page = client.get("/docs").text
    for name in ("docs.css", "docs.js"):
        assert f"/docs/files/{name}" in page
        page += client.get(f"/docs/files/{name}").text
    assert "http://" not in page and "https://" not in page


def test_a_browser_asks_whether_its_copy_of_the_page_is_still_right(client: TestClient) -> None:
    first = client.get("/js/main.js")
    again = client.get("/js/main.js", headers={"if-none-match": first.headers["etag"]})
    assert first.headers["cache-control"] == again.headers["cache-control"] == "no-cache"
    assert first.status_code == 200 and again.status_code == 304 and not again.content
