"""What is kept, and what a new server makes of it."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from dreamtalk.errors import UnusableInput
from dreamtalk.serve import store as store_module
from dreamtalk.serve.problems import Problem
from dreamtalk.serve.store import MOST_CRASHES, MOST_RESTARTS, Store, StoredFile
from dreamtalk.serve.vault import Vault, new_id


def add(store: Store, talk: str, client: str = "a", **limits: int) -> None:
    most = {"queue": 10, "per_client": 10, **limits}
    store.add_talk(talk, client, {"portrait": "example:x"}, most["queue"], most["per_client"], 7)


def test_talks_outlive_the_store(tmp_path: Path) -> None:
    first = Store(tmp_path / "talks.sqlite")
    add(first, "one")
    add(first, "two", "b")
    taken = first.take()
    assert taken is not None and taken.id == "one" and taken.status == "running"
    first.close()
    second = Store(tmp_path / "talks.sqlite")
    assert second.recover() == 1
    assert [talk.id for talk in second.order()] == ["two", "one"], "a has had its turn"
    again = second.talk("one")
    assert again is not None and again.request == {"portrait": "example:x"}
    second.close()


def test_a_talk_ends_once(tmp_path: Path) -> None:
    store = Store(tmp_path / "talks.sqlite")
    add(store, "one")
    store.take()
    assert store.end("one", "done", {"seconds": 1.0})
    assert not store.end("one", "failed", {})
    kept = store.talk("one")
    assert kept is not None and kept.status == "done" and kept.outcome == {"seconds": 1.0}
    store.forget("one")
    assert store.talk("one") is None
    store.close()


def test_a_talk_that_kills_is_tried_again_and_then_no_more(tmp_path: Path) -> None:
    store = Store(tmp_path / "talks.sqlite")
    add(store, "bad")
    for crashes in range(1, MOST_CRASHES):
        store.take()
        assert store.crashed("bad") == crashes
    store.take()
    assert store.crashed("bad") == MOST_CRASHES
    assert store.take() is None, "nobody else takes it meanwhile"
    store.close()


def test_a_talk_that_servers_die_of_is_given_up(tmp_path: Path) -> None:
    for death in range(MOST_RESTARTS + 1):
        store = Store(tmp_path / "talks.sqlite")
        if death == 0:
            add(store, "bad")
        else:
            assert store.recover() == 1
        assert store.take() is not None
        store.close()
    store = Store(tmp_path / "talks.sqlite")
    assert store.recover() == 0
    lost = store.talk("bad")
    assert lost is not None and lost.status == "failed" and lost.outcome["error"]["code"] == "lost"
    store.close()


def test_queues_end_somewhere(tmp_path: Path) -> None:
    store = Store(tmp_path / "talks.sqlite")
    add(store, "1", per_client=2)
    add(store, "2", per_client=2)
    with pytest.raises(Problem, match="2 talks") as mine:
        add(store, "3", per_client=2)
    with pytest.raises(Problem, match="waiting") as full:
        add(store, "4", "b", queue=2)
    assert mine.value.status == full.value.status == 429
    assert full.value.headers == {"Retry-After": "7"}
    add(store, "5", "b", queue=3)
    store.close()


def test_turns_stay_in_order_when_the_clock_is_put_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(tmp_path / "talks.sqlite")
    for talk, client in (("a1", "a"), ("b1", "b"), ("a2", "a"), ("b2", "b")):
        add(store, talk, client)
    clock = iter([2e9, 1e9, 1e9 + 1, 1e9 + 2])
    monkeypatch.setattr(store_module.time, "time", lambda: next(clock))
    assert [taken.id for taken in (store.take() for _ in range(4)) if taken] == ["a1", "b1", "a2", "b2"]
    store.close()


def test_a_clock_that_was_wrong_keeps_nothing_for_ever(tmp_path: Path) -> None:
    store = Store(tmp_path / "talks.sqlite")
    store.add_file(StoredFile("ab", "me", "image", "", 12, 4e9, {}))
    store.no_later_than(1e9)
    assert [file.created for file in store.files()] == [1e9]
    store.close()


def test_a_change_that_cannot_be_kept_is_none(tmp_path: Path) -> None:
    store = Store(tmp_path / "talks.sqlite")
    add(store, "one")
    store._base.execute("PRAGMA max_page_count = 8")
    with pytest.raises(sqlite3.OperationalError, match="full"):
        for number in range(1000):
            store.add_talk(f"more {number}", "a", {"consent": "x" * 500}, 10**6, 10**6, 1)
    kept = len(store.order())
    store._base.execute("PRAGMA max_page_count = 1000")
    add(store, "later", queue=10**6, per_client=10**6)
    assert len(store.order()) == kept + 1, "it goes on where there is room again"
    store.close()


def test_one_server_per_folder(tmp_path: Path) -> None:
    first = Store(tmp_path / "talks.sqlite")
    with pytest.raises(UnusableInput, match="in use by another server"):
        Store(tmp_path / "talks.sqlite")
    first.close()
    Store(tmp_path / "talks.sqlite").close()


@pytest.mark.parametrize("content", [b"this is a diary, not a database " * 9, b"SQLite format 3\0" + b"\xff" * 200])
def test_other_files_are_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "talks.sqlite").write_bytes(content)
    with pytest.raises(UnusableInput):
        Store(tmp_path / "talks.sqlite")


def test_newer_databases_are_refused(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "talks.sqlite") as base:
        base.execute("PRAGMA user_version = 99")
    base.close()
    with pytest.raises(UnusableInput, match="newer"):
        Store(tmp_path / "talks.sqlite")


def test_files_are_found_and_forgotten(tmp_path: Path) -> None:
    store = Store(tmp_path / "talks.sqlite")
    facts: dict[str, Any] = {"faces": [{"box": [1, 2, 3, 4]}]}
    kept = StoredFile("ab", "me", "image", "", 12, 100.0, facts)
    store.add_file(kept)
    assert store.file("ab") == kept
    assert store.files(before=100.0) == [] and store.files(before=101.0) == [kept]
    store.forget_file("ab")
    assert store.file("ab") is None
    store.close()


def test_what_lies_beside_a_video_goes_where_it_goes(tmp_path: Path) -> None:
    vault, talk = Vault(tmp_path), new_id()
    draft = vault.draft(talk, "webm")
    for file in (draft, draft.with_suffix(".c2pa"), draft.with_name(f"{draft.name}.provenance.json")):
        file.write_text(file.suffix)
    assert vault.publish(draft, talk, "webm") == len(".webm") and not list(vault.work.iterdir())
    names = {file.name: file.read_text() for file in vault.results.iterdir()}
    assert names == {f"{talk}.webm": ".webm", f"{talk}.c2pa": ".c2pa", f"{talk}.webm.provenance.json": ".json"}
    vault.drop_result(talk)
    assert not list(vault.results.iterdir())
