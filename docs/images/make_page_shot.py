"""Takes docs/images/web_page.jpg of what `dreamtalk app` serves: `python docs/images/make_page_shot.py [URL]`."""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np
from playwright.sync_api import sync_playwright

URL = "http://127.0.0.1:8765"
WINDOW, SHOWN = (1280, 960), 900
"""Width and height of the window, and width of the picture, px."""
HEIGHT = 2000
"""Of the page that is shown, window px."""
MAKING = 600_000
"""Milliseconds that the video may take."""


def shoot(url: str) -> bytes:
    """A PNG of the page after the example "A change of heart" was made."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox", "--mute-audio"])
        page = browser.new_page(viewport={"width": WINDOW[0], "height": WINDOW[1]})
        page.goto(url)
        page.get_by_role("button", name="A change of heart").click()
        page.locator("#panel-result").wait_for(timeout=MAKING)
        page.locator("#film").evaluate("film => { film.pause(); film.currentTime = 5.5; film.controls = false; }")
        page.locator("#welcome").evaluate("film => { film.pause(); film.currentTime = 2.6; }")
        page.wait_for_timeout(1500)
        picture = page.screenshot(full_page=True, clip={"x": 0, "y": 0, "width": WINDOW[0], "height": HEIGHT})
        browser.close()
    return picture


if __name__ == "__main__":
    taken = cv2.imdecode(np.frombuffer(shoot(sys.argv[1] if len(sys.argv) > 1 else URL), np.uint8), cv2.IMREAD_COLOR)
    small = cv2.resize(taken, (SHOWN, HEIGHT * SHOWN // WINDOW[0]), interpolation=cv2.INTER_AREA)
    cv2.imwrite(str(Path(__file__).with_name("web_page.jpg")), small, [cv2.IMWRITE_JPEG_QUALITY, 82])
