"""What cannot be: always the same object in plain words, never a traceback, and nothing of the server's disk."""

from __future__ import annotations

import dataclasses
import errno
import io
import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from tests.serve.standin import MakeClient, Plan, talk

from dreamtalk.options import TalkOptions
from dreamtalk.serve.requests import Options
from dreamtalk.serve.settings import Limits

ID = "0123456789abcdef" * 2


def problem(answer: Any, status: int) -> dict[str, str]:
    """The error of an answer, checked for what every error must be."""
    assert answer.status_code == status, answer.text
    told: dict[str, str] = answer.json()["error"]
    assert set(told) == {"title", "detail", "code"} and all(told.values())
    text = json.dumps(told)
    assert "Traceback" not in text and "site-packages" not in text and "/tmp/" not in text
    return told


WRONG: list[tuple[dict[str, Any], int, str]] = [
    ({"options": {"hapyness": 3}}, 422, "'hapyness'. Known: style, "),
    ({"optoins": {}}, 422, "no option 'optoins'"),
    ({"options": {"style": "hapy"}}, 422, "no style called 'hapy'"),
    ({"options": {"style": "happy:9"}}, 422, "level"),
    ({"options": {"style": "../../etc/passwd"}}, 422, "no style called"),
    ({"options": {"style": "/etc/passwd"}}, 422, "no style called"),
    ({"options": {"style": {"upload": "../../etc/passwd"}}}, 404, "no such upload"),
    ({"options": {"style": {"upload": ID}}}, 404, "no such upload"),
    ({"options": {"pose": "/etc/passwd"}}, 422, "pose"),
    ({"options": {"style_neutral": "calm.png"}}, 422, "style_neutral"),
    ({"options": {"motion_weights": "x.safetensors"}}, 422, "'motion_weights'"),
    ({"options": {"intensity": 99}}, 422, "between 0 and 3"),
    ({"options": {"intensity": 1e300}}, 422, "between 0 and 3"),
    ({"options": {"intensity": "much"}}, 422, "intensity"),
    ({"options": {"intensity": True}}, 422, "intensity"),
    ({"options": {"lip_scale": -1}}, 422, "lip scale"),
    ({"options": {"seed": 2**200}}, 422, "seed"),
    ({"options": {"seed": 1.5}}, 422, "seed"),
    ({"options": {"face": -1}}, 422, "no face -1"),
    ({"options": {"size": 300}}, 422, "size"),
    ({"options": {"size": 2**70}}, 422, "size"),
    ({"options": {"background": "plaid"}}, 422, "background"),
    ({"options": {"background": "transparent"}}, 422, "MP4"),
    ({"options": {"full_frame": True, "size": 256}}, 422, "full_frame"),
    ({"options": {"auto_timeline": True}}, 422, "auto_timeline"),
    ({"options": {"timeline": []}}, 422, "timeline"),
    ({"options": {"timeline": [{"start": 0, "style": "/etc/passwd"}]}}, 422, "no style called"),
    ({"options": {"timeline": [{"start": 0, "style": "../talks.sqlite"}]}}, 422, "no style called"),
    ({"options": {"timeline": [{"start": -1, "style": "happy"}]}}, 422, "start"),
    ({"options": {"timeline": [{"start": 0, "style": {"upload": ID}}]}}, 404, "no such upload"),
    ({"options": {"timeline": [[[]]]}}, 422, "timeline"),
    ({"options": {"timeline": {"upload": ID}}}, 404, "no such upload"),
    ({"options": []}, 422, "options"),
    ({"portrait": "example:nobody"}, 404, "no such example"),
    ({"portrait": "example:reading"}, 404, "no such example"),
    ({"portrait": "../../etc/passwd"}, 404, "no such upload"),
    ({"portrait": 7}, 422, "portrait"),
    ({"portrait": None}, 422, "portrait"),
    ({"consent": "x" * 100_000}, 422, "consent"),
    ({"format": "exe"}, 422, "format"),
]


@pytest.mark.parametrize(("change", "status", "word"), WRONG, ids=lambda value: str(value)[:50])
def test_requests_that_cannot_be(client_once: TestClient, change: dict[str, Any], status: int, word: str) -> None:
    told = problem(client_once.post("/v1/talks", json=talk(**change)), status)
    assert word in f"{told['title']} {told['detail']}"


@pytest.fixture(scope="module")
def client_once(tmp_path_factory: pytest.TempPathFactory) -> Any:
    from tests.serve.standin import StandIn

    from dreamtalk.serve.app import create_app
    from dreamtalk.serve.settings import Settings

    settings = Settings(data=tmp_path_factory.mktemp("server"), limits=Limits(upload_bytes=300_000))
    with TestClient(create_app(settings, lambda: StandIn(Plan())), base_url="http://localhost:8765") as client:
        yield client


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"[" * 100_000, 400),
        (b"\xff\xfe", 400),
        (b"7", 422),
        (b"[]", 422),
        (b"null", 422),
        (b'{"portrait": "example:astronaut"}', 422),
        (b'{"portrait": "example:astronaut", "audio": "example:reading", "options": {"intensity": NaN}}', 422),
        (b'{"portrait": "example:astronaut", "audio": "example:reading", "options": {"intensity": 1e999}}', 422),
        (b"x" * 2_000_000, 413),
        (b'{"timeline": ' + b"[" * 300 + b"]" * 300 + b"}", 400),
        (b"{" + b",".join(b'"k%d": 1' % n for n in range(20_000)) + b"}", 400),
        (b'{"portrait": "example:astronaut", "audio": "example:reading", "consent": "\\ud800"}', 422),
    ],
    ids=lambda value: str(value)[:30],
)
def test_bodies_that_are_no_request(client_once: TestClient, body: bytes, status: int) -> None:
    problem(client_once.post("/v1/talks", content=body, headers={"content-type": "application/json"}), status)


def test_what_is_announced_as_too_large_is_not_waited_for(client_once: TestClient) -> None:
    told = problem(client_once.post("/v1/uploads", content=b"x", headers={"content-length": "9" * 12}), 413)
    assert told["code"] == "too_large"


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space"), sqlite3.OperationalError("disk is full")])
def test_a_full_disk_is_told_as_such(
    client_once: TestClient, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def full(*given: Any) -> Any:
        raise error

    monkeypatch.setattr(client_once.app.state.service.store, "add_talk", full)  # type: ignore[attr-defined]
    assert problem(client_once.post("/v1/talks", json=talk()), 507)["code"] == "store_full"


def test_requests_at_once_fill_neither_memory_nor_disk(make_client: MakeClient) -> None:
    client = make_client(Limits(open_bytes=10_000))
    for _ in range(3):
        assert client.post("/v1/talks", content=b" " * 9_000).status_code == 400, "what is answered is no longer held"
    refused = client.post("/v1/talks", content=b" " * 11_000)
    assert problem(refused, 503)["code"] == "busy" and int(refused.headers["retry-after"]) > 0
    assert client.post("/v1/talks", json=talk()).status_code == 202


@pytest.mark.parametrize("part", ["", "/events", "/preview", "/result"])
@pytest.mark.parametrize("name", [ID, "x", "..%2f..%2fetc%2fpasswd", "%00", "1" * 5000])
def test_unknown_talks(client_once: TestClient, name: str, part: str) -> None:
    problem(client_once.get(f"/v1/talks/{name}{part}"), 404)


def test_unknown_places_and_methods(client_once: TestClient) -> None:
    problem(client_once.get("/v1/nothing"), 404)
    problem(client_once.get("/no/such/file.js"), 404)
    problem(client_once.put("/v1/talks"), 405)
    problem(client_once.post("/v1/health"), 405)
    problem(client_once.delete(f"/v1/uploads/{ID}"), 404)
    problem(client_once.post("/v1/styles", json={"upload": ID}), 404)
    problem(client_once.post("/v1/styles", json={"video": ID}), 422)
    problem(client_once.post("/v1/styles", content=b"{"), 422)
    problem(client_once.get("/v1/examples/..%2f..%2fsetup.py"), 404)


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("empty.png", b"", "unusable_input"),
        ("face.jpg", b"this is a letter, not a face. " * 40, "unusable_input"),
        ("speech.wav", b"RIFF\x24\x00\x00\x00WAVEfmt ", "unusable_input"),
        ("speech.wav", b"text as sound\n" * 300, "unusable_input"),
        ("a.m3u8", b"#EXTM3U\n#EXTINF:10,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n", "unusable_input"),
        ("list.ffconcat", b"ffconcat version 1.0\nfile /etc/passwd\n", "unusable_input"),
        ("motion.npz", b"PK\x03\x04 and so on", "unusable_input"),
        ("mood.json", b"[{]", "unusable_input"),
        ("mood.json", b'[{"start": 0, "style": 3}]', "unusable_input"),
        ("../../../tmp/evil.png", b"\x89PNG\r\n\x1a\n broken", "unusable_input"),
        ("huge.png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\1\0\0\0\1\0\0\x08\2\0\0\0", "unusable_input"),
        ("long.bin", b"\0" * 400_000, "too_large"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_files_that_cannot_be_used(client_once: TestClient, name: str, content: bytes, code: str) -> None:
    answer = client_once.post("/v1/uploads", files={"file": (name, io.BytesIO(content))})
    told = problem(answer, 413 if code == "too_large" else 422)
    assert told["code"] == code and ID[:4] not in told["title"]
    vault = client_once.app.state.service.vault  # type: ignore[attr-defined]
    assert list(vault.incoming.iterdir()) == [] and list(vault.uploads.iterdir()) == []
    assert not Path("/tmp/evil.png").exists()


def test_a_wall_is_no_face_and_a_picture_no_sound(client_once: TestClient, examples: Path) -> None:
    import cv2
    import numpy as np

    wall = cv2.imencode(".png", np.full((200, 200, 3), 130, np.uint8))[1].tobytes()
    assert problem(client_once.post("/v1/uploads", files={"file": ("x", wall)}), 422)["code"] == "no_face"
    face = client_once.post("/v1/uploads", files={"file": ("x.wav", (examples / "portrait.jpg").read_bytes())})
    assert face.status_code == 201, face.text
    seen = face.json()
    assert seen["kind"] == "image" and (seen["width"], seen["height"]) == (512, 512) and len(seen["faces"]) == 1
    x, y, width, height = seen["faces"][0]["box"]
    assert 150 < x < 250 and 50 < y < 150 and 60 < width < 130 and 60 < height < 150
    told = problem(client_once.post("/v1/talks", json=talk(audio=seen["id"])), 422)
    assert told["code"] == "wrong_kind" and "sound" in told["title"]
    assert client_once.delete(f"/v1/uploads/{seen['id']}").status_code == 204
    problem(client_once.get(f"/v1/uploads/{seen['id']}"), 404)


def test_forms_must_hold_their_files(client_once: TestClient) -> None:
    problem(client_once.post("/v1/uploads", json={"file": "x"}), 415)
    problem(client_once.post("/v1/uploads", data={"file": "text"}, files={"other": b"x"}), 422)
    problem(client_once.post("/v1/uploads", content=b"x", headers={"content-type": "multipart/form-data"}), 400)
    files = {"portrait": b"no picture", "audio": b"no sound"}
    told = problem(client_once.post("/v1/talks", files=files, data={"options": '{"hapy": 1}'}), 422)
    assert "'hapy'" in told["title"], "options are read before files are looked at"
    problem(client_once.post("/v1/talks", files=files, data={"options": "{"}), 400)
    problem(client_once.post("/v1/talks", files=files), 422)


def test_strangers_pages_and_names_are_refused(client_once: TestClient) -> None:
    for host in ("evil.example", "evil.example:8765", "127.0.0.1.evil.example", "[", ""):
        assert problem(client_once.get("/v1/health", headers={"Host": host}), 421)["code"] == "wrong_host"
    for origin in ("http://evil.example", "null", "http://localhost:9999", "http://localhost"):
        told = problem(client_once.post("/v1/talks", json=talk(), headers={"Origin": origin}), 403)
        assert told["code"] == "wrong_origin"
    problem(client_once.post("/v1/talks", json=talk(), headers={"Sec-Fetch-Site": "cross-site"}), 403)
    assert client_once.post("/v1/talks", json=talk(), headers={"Origin": "http://localhost:8765"}).status_code == 202
    answer = client_once.get("/v1/health", headers={"Origin": "http://evil.example"})
    assert "access-control-allow-origin" not in answer.headers


def test_other_pages_may_where_the_operator_says_so(make_client: MakeClient) -> None:
    client = make_client(origins=("https://ours.example",), names=("talk.example",))
    headers = {"Origin": "https://ours.example", "Host": "talk.example"}
    answer = client.post("/v1/talks", json=talk(), headers=headers)
    assert answer.status_code == 202 and answer.headers["access-control-allow-origin"] == "https://ours.example"
    refused = client.post("/v1/talks", json=talk(), headers={"Origin": "https://theirs.example"})
    assert refused.status_code == 403 and "access-control-allow-origin" not in refused.headers


def test_every_answer_is_safe_for_browsers(client_once: TestClient) -> None:
    for path in ("/v1/health", "/docs", "/v1/nothing", "/"):
        headers = client_once.get(path).headers
        assert headers["x-content-type-options"] == "nosniff" and headers["x-frame-options"] == "DENY"
        assert "default-src 'self'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert "no-cache" in headers["cache-control"] or "no-store" in headers["cache-control"]


def test_options_are_those_of_the_talker() -> None:
    """Every option is offered, with the same default, unless it names a file of the server's or is set elsewhere."""
    own = {"renderer", "renderer_weights", "motion_weights", "speech_encoder", "consent", "sidecar"}
    known = {field.name: field.default for field in dataclasses.fields(TalkOptions)}
    assert set(Options.model_fields) == set(known) - own
    for name, field in Options.model_fields.items():
        assert field.default == known[name], name
