"""What goes wrong is said in words, beside the control it belongs to, and nothing that was chosen is lost."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

OpenPage = Callable[..., Any]
DENIED = """navigator.mediaDevices.getUserMedia = async () => { throw new DOMException("no", "NotAllowedError"); };"""


def answer(page: Any, path: str, status: int, code: str, title: str, detail: str) -> None:
    """From now on the server answers so."""
    body = json.dumps({"error": {"title": title, "detail": detail, "code": code}})
    page.route(path, lambda route: route.fulfill(status=status, content_type="application/json", body=body))


def choose_examples(page: Any) -> None:
    page.get_by_role("button", name="Use the example picture").click()
    page.get_by_role("button", name="A machine's voice says that it").click()
    page.locator("#voice-chosen").wait_for()


def test_what_is_missing_is_listed_and_led_to(open_page: OpenPage) -> None:
    page = open_page()
    page.get_by_role("button", name="Make the video").click()
    missing = page.locator("#make-message li").all_inner_texts()
    assert len(missing) == 3 and "picture" in missing[0] and "voice" in missing[1] and "your word" in missing[2]
    page.locator("#make-message a", has_text="your word").click()
    assert page.evaluate("document.activeElement.id") == "consent"
    page.keyboard.press("Space")
    assert page.locator("#make-message").is_hidden(), "the list stays although something was done about it"
    choose_examples(page)
    page.locator("#style-kinds label", has_text="By video").click()
    page.get_by_role("button", name="Make the video").click()
    assert page.locator("#make-message li").all_inner_texts() == ["the video that the style comes from"]


def test_files_that_are_none_of_what_is_asked_for(open_page: OpenPage, examples: Path, tmp_path: Path) -> None:
    page = open_page()
    page.set_input_files("#file-picture", examples / "speech.wav")
    page.locator("#stage-message", has_text="speech.wav is sound.").wait_for()
    nothing = tmp_path / "wall.png"
    cv2.imwrite(str(nothing), np.full((300, 300, 3), 180, np.uint8))
    page.set_input_files("#file-picture", nothing)
    page.locator("#stage-message", has_text="No face was found").wait_for()
    assert page.locator("#panel-empty").is_visible()
    text = tmp_path / "notes.txt"
    text.write_text("no sound at all")
    page.set_input_files("#file-voice", text)
    page.locator("#voice-message").wait_for()
    assert len(page.locator("#voice-message").inner_text()) > 30, "not said what to do"
    page.set_input_files("#file-voice", examples / "portrait.jpg")
    page.locator("#voice-message", has_text="portrait.jpg is no sound").wait_for()
    assert page.locator("#voice-empty").is_visible()


def test_of_several_faces_one_is_chosen(open_page: OpenPage, examples: Path, tmp_path: Path) -> None:
    page = open_page()
    portrait = cv2.imread(str(examples / "portrait.jpg"))
    group = tmp_path / "group.jpg"
    small = np.zeros_like(portrait)
    small[:410, :410] = cv2.resize(portrait, (410, 410))
    cv2.imwrite(str(group), np.concatenate([portrait, small], axis=1))
    page.set_input_files("#file-picture", group)
    page.locator("#stage-message", has_text="2 faces: which one speaks?").wait_for()
    page.get_by_role("radio", name="Face 2").check(force=True)
    page.get_by_role("button", name="A machine's voice says that it").click()
    page.locator("#voice-chosen").wait_for()
    page.locator("label", has_text="I may use this face and").click()
    answer(page, "**/v1/talks", 429, "queue_full", "Too many talks are waiting.", "Try again in a minute.")
    with page.expect_request("**/v1/talks") as sent:
        page.get_by_role("button", name="Make the video").click()
    assert json.loads(sent.value.post_data)["options"]["face"] == 1
    page.locator("#make-message", has_text="Try again in a minute.").wait_for()
    assert page.locator("#make").is_enabled() and page.locator("#panel-picture").is_visible()


def test_camera_and_microphone_that_may_not_be_used(open_page: OpenPage) -> None:
    page = open_page(script=DENIED)
    page.get_by_role("button", name="Take a photo").first.click()
    assert "may not use the camera" in page.locator("#stage-message").inner_text()
    page.get_by_role("button", name="Record").first.click()
    assert "may not use the microphone" in page.locator("#voice-message").inner_text()


@pytest.mark.parametrize(
    ("status", "title"), [(413, "The file is too large."), (422, "The speech lasts 900 s; at most 600 s are taken.")]
)
def test_a_file_that_is_too_long(open_page: OpenPage, examples: Path, status: int, title: str) -> None:
    page = open_page()
    answer(page, "**/v1/uploads", status, "too_long", title, "Cut it first.")
    page.set_input_files("#file-voice", examples / "speech_synthetic.ogg")
    page.locator("#voice-message", has_text=title).wait_for()


def test_a_video_that_fails_in_the_making(open_page: OpenPage) -> None:
    page = open_page()
    choose_examples(page)
    failed = {
        "id": "a" * 32,
        "status": "failed",
        "error": {"title": "The face could not be followed.", "detail": "Try another picture."},
    }
    page.route("**/v1/talks", lambda route: route.fulfill(status=202, json=failed | {"status": "queued"}))
    page.route(
        "**/events",
        lambda route: route.fulfill(content_type="text/event-stream", body=f"data: {json.dumps(failed)}\n\n"),
    )
    page.get_by_role("button", name="Make the video").click()
    page.locator("#stage-message", has_text="Try another picture.").wait_for()
    assert page.locator("#panel-picture").is_visible()


def test_uploads_that_the_server_has_deleted(open_page: OpenPage) -> None:
    page = open_page()
    choose_examples(page)
    answer(page, "**/v1/talks", 404, "not_found", "There is no such file.", "")
    page.get_by_role("button", name="Make the video").click()
    page.locator("#make-message", has_text="Choose the picture and the voice again.").wait_for()


def test_a_server_that_asks_for_a_key(open_page: OpenPage) -> None:
    page = open_page()
    answer(page, "**/v1/talks", 401, "key_needed", "An API key is needed.", "")
    page.route("**/v1/session", lambda route: route.fulfill(status=401 if "wrong" in route.request.post_data else 204))
    choose_examples(page)
    page.get_by_role("button", name="Make the video").click()
    page.locator("#api-key").fill("wrong")
    page.get_by_role("button", name="Use it").click()
    page.locator("#key-wrong").wait_for()
    page.unroute("**/v1/talks")
    answer(page, "**/v1/talks", 503, "stopping", "The server is being stopped.", "Wait a minute.")
    page.locator("#api-key").fill("right")
    page.get_by_role("button", name="Use it").click()
    page.locator("#make-message", has_text="being stopped").wait_for()


def test_a_server_that_goes_and_comes_back(open_page: OpenPage, server: Any) -> None:
    page = open_page()
    choose_examples(page)
    server.kill()
    try:
        page.get_by_role("button", name="Make the video").click()
        page.locator("#server-gone").wait_for()
        assert page.locator("#picture").is_visible(), "what was chosen is gone"
    finally:
        server.restart()
    page.locator("#server-gone").wait_for(state="hidden")
    answer(page, "**/v1/talks", 503, "stopping", "The server is being stopped.", "Wait a minute.")
    page.get_by_role("button", name="Make the video").click()
    page.locator("#make-message", has_text="being stopped").wait_for()
