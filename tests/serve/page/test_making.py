"""People make videos: the example by one click, their own by every control, on a desktop and on a phone."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import pytest

from dreamtalk.provenance.manifest import read_manifest

OpenPage = Callable[..., Any]
Until = Callable[[Any, str], None]
PHONE = (360, 740)
PATIENCE = 300_000
"""Milliseconds that a video may take on a machine that does other things."""


def overflow(page: Any) -> int:
    """Pixels by which the page is wider than the window."""
    return int(page.evaluate("document.documentElement.scrollWidth - innerWidth"))


def saved(page: Any, link: str, folder: Path) -> Path:
    """What a click on that link saves, under the name that people get it by."""
    with page.expect_download() as download:
        page.get_by_role("link", name=link, exact=True).click()
    path = folder / str(download.value.suggested_filename)
    download.value.save_as(path)
    return path


def test_one_click_on_an_example_makes_a_video_that_plays_and_is_marked(
    open_page: OpenPage, until: Until, tmp_path: Path
) -> None:
    page = open_page()
    titles, previews = [], []
    page.expose_function("noteTitle", lambda title: titles.append(title))
    page.evaluate(
        "new MutationObserver(() => noteTitle(document.getElementById('progress-title').textContent))"
        ".observe(document.getElementById('progress-title'), {childList: true, characterData: true, subtree: true})"
    )
    page.on("response", lambda answer: previews.append(answer.status) if answer.url.endswith("/preview") else None)
    page.get_by_role("button", name="Fuming").click()
    page.locator("#stage-words", has_text="In the making").wait_for()
    talk = page.evaluate("sessionStorage.getItem('dreamtalk-working')")
    page.locator("#panel-result").wait_for(timeout=PATIENCE)
    assert any(title.endswith("% made") for title in titles), titles
    assert 200 in previews, "no frame was shown while it was made"
    until(page, "document.getElementById('film').currentTime > 0.5")
    film = page.locator("#film").evaluate("film => [film.duration, film.videoWidth, film.videoHeight]")
    assert film == [pytest.approx(7.1, abs=0.1), 512, 512]
    assert page.locator("#marks li:not(.off)").count() == 3
    film_file = saved(page, "Download", tmp_path)
    hint = page.locator("#verify-hint").inner_text()
    assert film_file.suffix == ".mp4" and f"dreamtalk verify {film_file.name}" in hint
    with av.open(str(film_file)) as video:
        assert "AI" in video.metadata["comment"] and video.streams.audio

    # As if it had been finished while the page was away.
    page.evaluate("id => sessionStorage.setItem('dreamtalk-working', id)", talk)
    page.reload()
    page.locator("#panel-result").wait_for()
    page.get_by_role("link", name="Your videos").click()
    page.get_by_role("button", name="Play").click()
    until(page, "document.querySelector('#talks video')?.videoWidth === 512")
    for answer, left in (("Keep it", 1), ("Delete it", 0)):
        page.locator("#talks").get_by_role("button", name="Delete").click()
        page.get_by_role("dialog", name="Delete this video?").get_by_role("button", name=answer).click()
        page.locator("#delete-dialog").wait_for(state="hidden")
        page.locator("#talks li" if left else "#no-talks").wait_for()
    page.get_by_role("navigation").get_by_role("link", name="Make", exact=True).click()
    page.get_by_role("button", name="Make another").click()
    assert page.locator("#panel-empty").is_visible()


def test_a_phone_with_every_choice_made_by_hand(
    open_page: OpenPage, until: Until, examples: Path, tmp_path: Path
) -> None:
    page = open_page(PHONE, has_touch=True)
    assert overflow(page) <= 0
    page.set_input_files("#file-picture", examples / "portrait.jpg")
    page.locator("#panel-picture").wait_for()
    record(page, until)
    assert 1.5 <= seconds_of_voice(page) <= 30
    page.get_by_role("button", name="Listen").click()
    until(page, "document.getElementById('player').currentTime > 0.1")
    page.get_by_role("button", name="Pause").last.click()

    page.locator("label", has_text="Happy").first.click()
    note = page.locator("#style-note")
    assert "Smile" in note.inner_text() and "at the level below" in note.inner_text()
    page.locator("#levels label", has_text="Full").click()
    assert "The pictures show the styles in full." in note.inner_text()
    page.locator("#intensity").fill("1.4")
    page.locator("label", has_text="Change the style along the way").click()
    assert page.locator("#keys button").count() == 1, "the first change comes by itself"
    page.locator("#key-style").select_option("sad")
    page.locator("#key-start").fill("1")
    page.locator("#key-intensity").fill("0.7")
    page.locator("#key-intensity").blur()
    page.locator("#more summary").click()
    for name, value in (
        ("size", "256"),
        ("pose", "still"),
        ("blink", "off"),
        ("background", "transparent"),
        ("seed", "7"),
    ):
        control = page.locator(f"#{name}")
        control.fill(value) if name == "seed" else control.select_option(value)
    assert page.locator("#background-note").is_visible()
    page.locator("#lip-scale").fill("1.2")
    page.locator("#pose-scale").fill("0.5")
    page.locator("label", has_text="Draw the visible").click()
    assert page.locator("#badge-note").is_visible()
    page.locator("label", has_text="I may use this face and").click()
    assert overflow(page) <= 0
    with page.expect_request("**/v1/talks") as sent:
        page.get_by_role("button", name="Make the video").click()
    asked = json.loads(sent.value.post_data)
    assert asked["options"] == {
        "style": "happy:3", "intensity": 1.4, "size": 256, "seed": 7, "pose": "still", "blink": "off",
        "background": "transparent", "lip_scale": 1.2, "pose_scale": 0.5, "badge": False, "face": 0,
        "timeline": [{"start": 1, "style": "sad:3", "intensity": 0.7, "transition": 0.8}],
    }  # fmt: skip
    assert asked["format"] == "webm"
    assert "the person agreed" in asked["consent"] and "lend" not in asked["consent"]
    page.locator("#panel-result").wait_for(timeout=PATIENCE)
    assert page.locator("#film").evaluate("film => film.videoWidth || 256") == 256
    assert "off" in page.locator("#marks li").first.get_attribute("class"), "there is no badge in it"
    assert "Signed note beside the file" in page.locator("#marks li:not(.off)").last.inner_text()
    film, note = (saved(page, name, tmp_path) for name in ("Download", "Download its signed note"))
    found = read_manifest(film)
    assert film.suffix == ".webm" and note.suffix == ".c2pa"
    assert found is not None and found.beside and found.intact
    assert overflow(page) <= 0


def test_a_video_can_be_cancelled_and_found_again_after_a_reload(open_page: OpenPage) -> None:
    page = open_page()
    page.get_by_role("button", name="A change of heart").click()
    page.locator("#panel-working").wait_for()
    page.reload()
    page.locator("#panel-working").wait_for()
    page.get_by_role("button", name="Cancel").click()
    page.locator("#stage-message", has_text="Cancelled").wait_for()
    page.get_by_role("link", name="Your videos").click()
    page.locator("#talks", has_text="Cancelled").wait_for()


def test_a_photo_is_taken_with_the_camera(open_page: OpenPage) -> None:
    page = open_page()
    page.get_by_role("button", name="Take a photo").first.click()
    page.get_by_role("button", name="Take the photo").click()
    page.locator("#stage-message", has_text="No face").wait_for()  # Chromium's made-up camera shows a clock
    page.get_by_role("button", name="Take a photo").first.click()
    page.locator("#panel-camera").get_by_role("button", name="Cancel").click()
    assert page.locator("#panel-empty").is_visible()
    assert page.evaluate("document.getElementById('camera').srcObject") is None, "the camera stayed on"


def test_a_pasted_and_a_dropped_picture_are_taken(open_page: OpenPage, examples: Path) -> None:
    page = open_page()
    data = list((examples / "portrait.jpg").read_bytes())
    parcel = """const file = new File([new Uint8Array(bytes)], name, {type: "image/jpeg"});
      const parcel = new DataTransfer(); parcel.items.add(file);"""
    paste = "document.dispatchEvent(new ClipboardEvent('paste', {clipboardData: parcel}));"
    drop = """for (const kind of ["dragenter", "drop"]) document.getElementById("frame")
      .dispatchEvent(new DragEvent(kind, {dataTransfer: parcel, cancelable: true, bubbles: true}));"""
    page.evaluate(f"([bytes, name]) => {{ {parcel} {paste} }}", [data, "pasted.jpg"])
    page.locator("#picture-title", has_text="pasted.jpg").wait_for()
    page.evaluate(f"([bytes, name]) => {{ {parcel} {drop} }}", [data, "dropped.jpg"])
    page.locator("#picture-title", has_text="dropped.jpg").wait_for()
    page.evaluate(f"([bytes, name]) => {{ {parcel} {drop.replace('frame', 'title-gallery')} }}", [data, "beside.jpg"])
    page.locator("#picture-title", has_text="beside.jpg").wait_for()


def test_changes_of_style_are_moved_by_keys_and_by_the_mouse(open_page: OpenPage) -> None:
    page = open_page()
    page.get_by_role("button", name="A sentence of Jane Austen, read for").click()
    page.locator("#voice-chosen").wait_for()
    page.locator("label", has_text="Change the style along the way").click()
    first = page.get_by_role("slider", name="Change 1")
    first.focus()
    at = float(first.get_attribute("aria-valuenow"))
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+ArrowRight")
    assert float(first.get_attribute("aria-valuenow")) == pytest.approx(at + 1.1)
    page.keyboard.press("Home")
    assert "from 0.0 seconds" in first.get_attribute("aria-valuetext")
    page.get_by_role("button", name="Add a change").click()
    second, wave = page.get_by_role("slider", name="Change 2"), page.locator("#wave").bounding_box()
    box = second.bounding_box()
    page.mouse.move(box["x"] + 5, box["y"] + 10)
    page.mouse.down()
    page.mouse.move(box["x"] + 5 + wave["width"] / 7.1, box["y"] + 10, steps=3)
    page.mouse.up()
    assert float(second.get_attribute("aria-valuenow")) == pytest.approx(3.6 + 1.0, abs=0.2)
    page.keyboard.press("Delete")
    page.keyboard.press("Delete")
    assert page.locator("#keys button").count() == 0 and page.locator("#key-form").is_hidden()


def test_a_style_is_learned_from_a_video(open_page: OpenPage, style_video: Path, examples: Path) -> None:
    page = open_page()
    page.locator("#style-kinds label", has_text="By video").click()
    page.set_input_files("#file-style-video", examples / "speech.wav")
    page.locator("#style-message", has_text="not a video").wait_for()
    page.set_input_files("#file-style-video", style_video)
    page.locator("#style-notes", has_text="The style is ready").wait_for(timeout=PATIENCE)
    assert "neutral" in page.locator("#style-notes").inner_text(), "nobody is told that the neutral face was guessed"
    page.locator("#style-kinds label", has_text="Automatic").click()
    assert "non-commercial" in page.locator("#style-by-ear").inner_text()


def record(page: Any, until: Until) -> None:
    """Two seconds of the made-up microphone."""
    page.get_by_role("button", name="Record").first.click()
    until(page, "Number(document.getElementById('meter').ariaValueNow) > 20")
    page.locator("#record-time", has_text="0:02").wait_for()
    page.get_by_role("button", name="Stop").click()
    page.locator("#voice-chosen").wait_for()


def seconds_of_voice(page: Any) -> float:
    """How long the recording is, as the page says."""
    return float(page.locator("#make-hint").inner_text().split(" ")[0])


def test_the_controls_that_are_seldom_used(open_page: OpenPage, style_video: Path, examples: Path) -> None:
    page = open_page()
    page.get_by_role("link", name="Use my own").click()
    assert page.evaluate("document.activeElement.id") == "studio"
    page.get_by_role("button", name="Use the example picture").click()
    with page.expect_file_chooser() as asked:
        page.get_by_role("button", name="Another picture").click()
    asked.value.set_files(examples / "portrait.jpg")
    page.locator("#picture-title", has_text="portrait.jpg").wait_for()
    page.get_by_role("button", name="A sentence of Jane Austen, read for").click()
    with page.expect_file_chooser() as asked:
        page.get_by_role("button", name="Another file").click()
    asked.value.set_files(examples / "speech_synthetic.ogg")
    page.locator("#voice-title", has_text="speech_synthetic.ogg, 0:09").wait_for()

    page.locator("#more summary").click()
    for given, said in ((examples / "speech.wav", "not a video"), (style_video, "")):
        with page.expect_file_chooser() as asked:
            page.locator("#pose").select_option("video")
        asked.value.set_files(given)
        if said:
            page.locator("#more-message", has_text=said).wait_for()
            assert page.locator("#pose").input_value() == "natural"
    page.locator("#pose option", has_text="as in face.mp4").wait_for(state="attached")
    page.get_by_role("button", name="Other", exact=True).click()
    page.locator("#style-kinds label", has_text="Automatic").click()
    page.locator("#consent-label").click()
    page.route("**/v1/talks", lambda route: route.abort())
    with page.expect_request("**/v1/talks") as sent:
        page.get_by_role("button", name="Make the video").click()
    asked = json.loads(sent.value.post_data)
    assert "and the videos that lend style or head motion" in asked["consent"], "somebody lends the head motion"
    options = asked["options"]
    assert options["style"] == "auto" and set(options["pose"]) == {"upload"} and options["seed"] < 1000
    page.set_input_files("#file-picture", examples / "portrait.jpg")
    page.locator("#stage-busy").wait_for(state="hidden")
    assert not page.locator("#consent").is_checked(), "the word was given for another face"
