"""The portrait speaks with the microphone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

FRAMES = "Number(document.getElementById('live-canvas').dataset.frames ?? 0)"
DOWN = """async () => {
  const {Resampler} = await import("/js/resample.js");
  const all = Float32Array.from({length: 48000}, (_, i) => Math.sin(i * HZ * 2 * Math.PI / 48000));
  const made = new Resampler(48000, 16000), out = [];
  for (let at = 0, long = 7; at < all.length; at += long, long = long * 5 % 997 + 1) {
    out.push(...made.push(all.slice(at, at + long)));
  }
  const whole = new Resampler(48000, 16000).push(all);
  const kept = out.slice(1000, 15000);
  return {same: out.every((sample, i) => sample === whole[i]), count: out.length,
          power: kept.reduce((sum, sample) => sum + sample * sample, 0) / kept.length};
}"""


def test_frames_come_while_somebody_speaks_and_stop_when_told(
    open_page: Callable[..., Any], until: Callable[..., None]
) -> None:
    page = open_page()
    page.get_by_role("link", name="Live").click()
    page.locator("#live-styles label", has_text="Surprised").click()
    page.get_by_role("button", name="Start speaking").click()
    until(page, f"{FRAMES} > 5", 1200)
    assert page.locator("#live-status").inner_text() == "Live: speak"
    assert page.locator("#live-canvas").evaluate("canvas => canvas.width") == 256
    seen = page.locator("#live-canvas").evaluate("canvas => canvas.toDataURL()")
    until(page, f"{FRAMES} > 15", 600)
    assert page.locator("#live-canvas").evaluate("canvas => canvas.toDataURL()") != seen, "the face stands still"
    page.get_by_role("button", name="Stop").click()
    assert page.locator("#live-status").inner_text() == "Stopped"
    stopped = page.evaluate(FRAMES)
    page.wait_for_timeout(500)
    assert page.evaluate(FRAMES) == stopped
    assert page.locator("#live-start").is_visible() and page.locator("#live-size").is_enabled()


def test_a_recording_is_kept_and_says_how_it_is_marked(
    open_page: Callable[..., Any], until: Callable[..., None]
) -> None:
    page = open_page()
    page.get_by_role("link", name="Live").click()
    page.get_by_label("Keep a recording").check()
    page.get_by_role("button", name="Start speaking").click()
    until(page, f"{FRAMES} > 5", 1200)
    assert page.locator("#live-status").inner_text() == "Live, recording: speak"
    page.get_by_role("button", name="Stop").click()
    page.locator("#live-result").wait_for(timeout=120_000)
    assert "256 × 256 pixels" in page.locator("#live-facts").inner_text()
    marks = page.locator("#live-marks").inner_text()
    assert "Visible badge" in marks and "C2PA" in marks
    with page.expect_download() as download:
        page.locator("#live-download").click()
    assert download.value.suggested_filename.endswith(".mp4") and download.value.path().read_bytes()[4:8] == b"ftyp"
    page.locator("#live-result").get_by_role("link", name="Your videos").click()
    assert page.locator("#talks h2").first.inner_text().startswith("Live: ")
    assert page.locator("#talks img").first.is_visible()


def test_somebody_elses_face_needs_a_word_first(open_page: Callable[..., Any], examples: Any) -> None:
    page = open_page()
    page.set_input_files("#file-picture", examples / "portrait.jpg")
    page.locator("#panel-picture").wait_for()
    page.get_by_role("link", name="Live").click()
    page.get_by_role("button", name="Start speaking").click()
    assert "May you use this face?" in page.locator("#live-message").inner_text()
    assert page.evaluate("document.activeElement.id") == "live-consent"


def test_the_microphone_is_brought_to_the_servers_rate_without_seams(open_page: Callable[..., Any]) -> None:
    page = open_page()
    low = page.evaluate(DOWN.replace("HZ", "1000"))
    assert low["same"], "pieces are heard in it"
    assert abs(low["count"] - 16000) < 20 and abs(low["power"] - 0.5) < 0.01
    assert page.evaluate(DOWN.replace("HZ", "11000"))["power"] < 1e-3, "what 16 kHz cannot hold folds back"
