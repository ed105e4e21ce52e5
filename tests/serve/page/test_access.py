"""The page can be used by keyboard and screen reader, read by everybody, and on a narrow screen."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

OpenPage = Callable[..., Any]
PHONE = (360, 740)
CONTROLS = {"button", "link", "radio", "checkbox", "slider", "spinbutton", "combobox", "textbox", "meter", "switch"}
LEAST, LEAST_LARGE = 4.5, 3.0
"""Contrast of text, and of large text (WCAG 2.2, 1.4.3, AA)."""

CONTRASTS = """() => {
  const brush = new OffscreenCanvas(1, 1).getContext("2d", {willReadFrequently: true});
  const rgba = (colour) => {
    brush.clearRect(0, 0, 1, 1); brush.fillStyle = colour; brush.fillRect(0, 0, 1, 1);
    return [...brush.getImageData(0, 0, 1, 1).data];
  };
  const light = (c) => { c /= 255; return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4; };
  const luminance = ([r, g, b]) => 0.2126 * light(r) + 0.7152 * light(g) + 0.0722 * light(b);
  const behind = (element) => {
    for (; element; element = element.parentElement) {
      const colour = rgba(getComputedStyle(element).backgroundColor);
      if (colour[3] > 250) return colour;
    }
    return [255, 255, 255, 255];
  };
  const found = [];
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const element = texts.currentNode.parentElement, words = texts.currentNode.textContent.trim();
    const style = getComputedStyle(element);
    if (!words || !element.checkVisibility() || element.closest(".sr, option, :disabled, .faces")) continue;
    const a = luminance(rgba(style.color)), b = luminance(behind(element));
    const size = parseFloat(style.fontSize), large = size >= 24 || (size >= 18.66 && style.fontWeight >= 700);
    found.push([(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), large, words.slice(0, 40)]);
  }
  return found;
}"""


def fill(page: Any, examples: Path) -> None:
    """Open what can be opened, so that every control is there."""
    page.get_by_role("button", name="Use the example picture").click()
    page.get_by_role("button", name="A sentence of Jane Austen, read for").click()
    page.locator("#voice-chosen").wait_for()
    page.locator("label", has_text="Change the style along the way").click()
    page.locator("#styles label", has_text="Happy").click()
    page.locator("#more summary").click()
    page.locator("label", has_text="Draw the visible").click()
    page.set_input_files("#file-style-video", examples / "speech.wav")
    page.locator("#style-message").wait_for()


@pytest.mark.parametrize("sheet", ["make", "live", "talks"])
def test_every_control_has_a_name(open_page: OpenPage, examples: Path, sheet: str) -> None:
    page = open_page()
    if sheet == "make":
        fill(page, examples)
    else:
        page.locator(f".top nav a[href='#{sheet}']").click()
    nodes = page.context.new_cdp_session(page).send("Accessibility.getFullAXTree")["nodes"]
    shown = [node for node in nodes if not node["ignored"] and node["role"]["value"] in CONTROLS]
    nameless = [node["role"]["value"] for node in shown if not node.get("name", {}).get("value", "").strip()]
    assert len(shown) > (35 if sheet == "make" else 3) and not nameless
    pictures = [node for node in nodes if not node["ignored"] and node["role"]["value"] in ("image", "Video", "img")]
    assert all(node.get("name", {}).get("value") for node in pictures)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_what_is_behind_it(open_page: OpenPage, examples: Path, scheme: str) -> None:
    page = open_page(color_scheme=scheme, reduced_motion="reduce")
    fill(page, examples)
    page.get_by_role("button", name="Make the video").focus()
    read = page.evaluate(CONTRASTS)
    page.locator(".top nav a[href='#live']").click()
    read += page.evaluate(CONTRASTS)
    poor = [(round(ratio, 2), words) for ratio, large, words in read if ratio < (LEAST_LARGE if large else LEAST)]
    assert len(read) > 60 and not poor


def test_tab_reaches_every_control_in_reading_order_and_shows_where_it_is(open_page: OpenPage, examples: Path) -> None:
    page = open_page(reduced_motion="reduce")
    fill(page, examples)
    wanted = page.evaluate("""() => {
      return [...document.querySelectorAll("a[href], button, input, select, summary")].filter((one) => {
        if (!one.checkVisibility() || one.disabled || one.type === "file") return false;
        if (one.type !== "radio") return true;
        return one.checked;
      }).map((one, i) => { one.dataset.place = i; return i; });
    }""")
    page.locator(".skip").focus()
    reached, unseen = [0], []
    for _ in range(len(wanted) + 5):
        page.keyboard.press("Tab")
        place, outline = page.evaluate("""() => {
          const now = document.activeElement, next = now.nextElementSibling;
          const of = (one) => one && getComputedStyle(one).outlineStyle !== "none";
          return [now.dataset.place ?? null, Boolean(of(now) || of(next))];
        }""")
        if place is None:
            break
        reached.append(int(place))
        if not outline:
            unseen.append(page.evaluate("document.activeElement.outerHTML.slice(0, 80)"))
    assert reached == wanted and not unseen


def test_the_styles_are_chosen_with_arrow_keys(open_page: OpenPage) -> None:
    page = open_page()
    page.locator("#styles input[value=neutral]").focus()
    page.keyboard.press("ArrowRight")
    assert page.locator("#styles input[value=warm]").is_checked()
    assert page.locator("#style-note").get_attribute("role") == "status"
    page.locator("#title-make").focus()
    page.get_by_role("link", name="Skip to the content").focus()
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main" and page.locator("#page-make").is_visible()


def test_what_happens_is_announced(open_page: OpenPage) -> None:
    page = open_page()
    assert page.locator("#announcer").get_attribute("aria-live") == "polite"
    page.get_by_role("button", name="Use the example picture").click()
    page.locator("#announcer", has_text="The picture is ready").wait_for(state="attached")
    assert page.locator("#make-message").get_attribute("role") == "alert"


def test_nothing_moves_by_itself_for_people_who_do_not_want_that(
    open_page: OpenPage, until: Callable[[Any, str], None]
) -> None:
    page = open_page(reduced_motion="reduce")
    assert page.locator("#welcome").evaluate("film => film.paused")
    page.get_by_role("button", name="Play").click()
    until(page, "!document.getElementById('welcome').paused")


@pytest.mark.parametrize("sheet", ["make", "live", "talks"])
def test_a_phone_needs_no_sideways_scrolling(open_page: OpenPage, examples: Path, sheet: str) -> None:
    page = open_page(PHONE)
    if sheet == "make":
        fill(page, examples)
    else:
        page.locator(f".top nav a[href='#{sheet}']").click()
    wide = page.evaluate("""() => [...document.querySelectorAll("body *")].filter((one) => one.checkVisibility()
      && !one.closest(".sr, .skip") && one.getBoundingClientRect().right > innerWidth + 1)
      .map((one) => one.outerHTML.slice(0, 80))""")
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE[0] and not wide
    small = page.evaluate("""() => [...document.querySelectorAll("button")].filter((one) => one.checkVisibility()
      && one.getBoundingClientRect().height < 24).map((one) => one.textContent)""")
    assert not small, "smaller than a finger needs (WCAG 2.2, 2.5.8)"
