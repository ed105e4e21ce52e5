"""A server without processes: talks are made by a stand-in, so that what is tested is the server."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi", reason="the extra serve is not installed")
from fastapi.testclient import TestClient
from tests.serve.livehere import Here
from tests.serve.standin import MakeClient, Plan, StandIn, until

from dreamtalk.serve import live as live_module
from dreamtalk.serve.app import create_app
from dreamtalk.serve.live_messages import Order
from dreamtalk.serve.settings import Limits, Settings
from dreamtalk.talker import Talker


@pytest.fixture
def plan() -> Plan:
    return Plan()


@pytest.fixture
def make_client(plan: Plan, tmp_path: Path) -> Iterator[MakeClient]:
    """make_client(limits, **settings): a running server, asked as its own page would."""
    open_ones: list[TestClient] = []

    def make(limits: Limits | None = None, **given: Any) -> TestClient:
        settings = Settings(data=tmp_path / "data", grace=0.2, limits=limits or Limits(), **given)
        client = TestClient(create_app(settings, lambda: StandIn(plan)), base_url="http://127.0.0.1:8765")
        client.__enter__()
        open_ones.append(client)
        return client

    yield make
    for client in open_ones:
        client.__exit__(None, None, None)


@pytest.fixture
def client(make_client: MakeClient) -> TestClient:
    return make_client()


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch, debug_talker: Talker) -> Iterator[None]:
    """Live sessions run in this process, with a tiny motion model, and draw every frame however busy the machine is."""
    monkeypatch.setattr(live_module, "Child", lambda main, device, threads: Here(debug_talker))
    monkeypatch.setattr("dreamtalk.live.paced._BEHIND", math.inf)
    yield
    for one in Here.all:
        for number in list(one.host.sessions):
            one.host.take(Order(number, "close"))
        until(lambda one=one: not one.host.sessions)  # type: ignore[misc]
    Here.all.clear()
