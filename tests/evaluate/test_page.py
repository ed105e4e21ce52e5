"""The report's page, as people use it: in a real browser, by mouse, by keyboard, on a phone, and with no network."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from dreamtalk.evaluate.explorer import standing_out
from dreamtalk.evaluate.figures import Figure, Table, jpeg
from dreamtalk.evaluate.page import page, tables_page
from dreamtalk.evaluate.paired import comparison, difference
from dreamtalk.evaluate.plots import brief, lip_curves, standalone, ticks
from dreamtalk.evaluate.report import Report, Value, versions
from dreamtalk.evaluate.scoring import Metric, Score

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CHROMIUM = Path("/usr/bin/chromium")
ROWS = ("ours", "theirs", "real video")
NASTY = "a <b>&'\" </script><script>alert(1)</script>"


def metric(name: str, good: str) -> Metric:
    return Metric(name, f"{name} title", "px", "0 and above", good, f"How {name} is made.", "None.", f"{name} lies.")


def report() -> Report:
    """Twelve clips of two sets; clip 3 is far off in one metric, the last clip has a nasty name."""
    metrics = (metric("error", "low"), metric("score", "the real row"))
    rng = np.random.default_rng(0)
    values = []
    for number in range(12):
        clip = NASTY if number == 11 else f"clip-{number}"
        for row in ROWS:
            error = 90.0 if (number, row) == (3, "ours") else 10.0 - number / 2 + float(rng.normal(0, 0.01))
            values.append(Value("first" if number < 8 else "second", row, clip, "error", Score(error)))
            if row != "theirs":
                values.append(Value("first" if number < 8 else "second", row, clip, "score", Score(float(number))))
    facts: dict[str, object] = {
        "config": {"seed": 0},
        "versions": versions(),
        "notes": ["clip-2: 20 frames against 25"],
    }
    tables = (Table("Confusion", ("", "a"), (("b", "1"),), "Of nothing."),)
    legend = {"ours": "What we made.", "real video": "The bound."}
    return Report(
        metrics, ("first", "second"), ROWS, tuple(values), facts, 50, 0, "Test", legend, ("real video",), tables
    )


def figures() -> list[Figure]:
    seconds = np.arange(50, dtype=np.float32) / 25
    lines = {"ours": 5 + np.sin(9 * seconds), "real video": 5 + np.cos(9 * seconds)}
    sound = np.sin(np.arange(32000) / 9).astype(np.float32)
    strip = Figure("Frames", "Above ours, below real.", jpeg(np.full((64, 320, 3), 120, np.uint8)), clip="clip-3")
    return [
        strip,
        lip_curves("clip-3", lines, sound, ROWS),
        Figure("All", "Of all clips.", jpeg(np.zeros((9, 9, 3), np.uint8))),
    ]


def test_the_page_holds_everything_and_escapes_it() -> None:
    made = page(report(), figures())
    assert NASTY not in made and "alert(1)</script>" not in made
    data = json.loads(made.split("id='data'>")[1].split("</script>")[0])
    assert [clip["clip"] for clip in data["clips"]][-1] == NASTY
    assert data["clips"][3]["flags"] == [
        {"row": "ours", "metric": 0, "text": "error title 90.00 is far above the median of 8.51"}
    ]
    for word in (
        "error lies.",
        "What we made.",
        "Confusion",
        "20 frames against 25",
        "denoiser-mesh64",
        "numpy",
    ):
        assert word in made, word
    assert not re.search(r"""(src|href)=['"](?!data:|#)""", made), "nothing is asked of a network"
    assert page(report(), figures()) == made


def test_a_table_has_no_empty_rows_and_columns() -> None:
    whole = report()
    made = replace(
        whole,
        values=tuple(
            v
            for v in whole.values
            if v.set == "first" or v.row == "theirs" or (v.row, v.metric) == ("real video", "score")
        ),
    )
    assert made.rows_of("first") == ROWS and made.rows_of("second") == ("theirs",)
    for text in (made.markdown(), page(made)):
        second = text.split("## second" if text.startswith("#") else "<h3>second</h3>")[1]
        table = second.split("In brackets" if text.startswith("#") else "</table>")[0]
        assert "theirs" in table and "error title" in table
        assert "real video" not in table and "score title" not in table, "bounds alone tell nothing"
    assert made.latex().count(r"\begin{tabular}{lrrr}") == made.latex().count(r"\begin{tabular}{lr}") == 1


def test_a_clip_of_two_tables_has_its_pictures_in_both_and_once_in_the_file() -> None:
    values = tuple(v for v in report().values if v.set == "first")
    twice = replace(report(), values=values + tuple(v._replace(set="second") for v in values if v.clip == "clip-3"))
    strip = replace(figures()[0], sets=("first", "second"))
    elsewhere = Figure("Frames", "Of another table.", b"\xff\xd8", clip="clip-2", sets=("second",))
    made = page(twice, [strip, elsewhere])
    assert made.count("<template") == made.count("Above ours, below real.</figcaption>") == 1
    data = json.loads(made.split("id='data'>")[1].split("</script>")[0])
    shown = {(clip["set"], clip["clip"]): clip["pictures"] for clip in data["clips"]}
    assert shown["first", "clip-3"] == shown["second", "clip-3"] == 0 and shown["first", "clip-2"] is None


def test_methods_are_compared_clip_by_clip() -> None:
    found = difference(report(), "second", "theirs", "ours", metric("error", ""))
    assert found is not None and found.clips == 4 and abs(found.value) < 0.02
    table = comparison(report(), "first")
    assert table is not None and table.heads == ("metric", "theirs less ours")
    assert [line[0] for line in table.lines] == ["error title, px"], "theirs has no score"
    better = replace(report(), values=tuple(v for v in report().values if v.clip != "clip-3" or v.row != "ours"))
    moved = [v._replace(score=Score(v.score.value + (v.row == "theirs"))) for v in better.values]
    shown = comparison(replace(better, values=tuple(moved)), "first")
    assert shown is not None and shown.lines[0][1].startswith("+1.0") and shown.lines[0][1].endswith("*")
    assert comparison(replace(report(), bounds=("theirs", "real video")), "first") is None, "one method alone"


def test_what_stands_out() -> None:
    calm = [10.0, 10.1, 9.9, 10.2, None, 9.8]
    assert standing_out(calm) == [] and standing_out([*calm, 10.1]) == []
    assert [place for place, *_ in standing_out([*calm, 10.1, 14.0])] == [7]
    assert standing_out([1.0] * 9 + [2.0]) == [], "where most are the same there is no measure of far"


def test_curves_survive_gaps_silence_and_nothing() -> None:
    line = np.array([1, 2, np.nan, 3, 4], np.float32)
    drawn = lip_curves("a", {"ours": line}, np.zeros(0, np.float32)).svg
    assert drawn.count("<polyline") == 2 and "polygon" not in drawn and "nan" not in drawn
    assert "nan" not in lip_curves("a", {"ours": np.full(5, np.nan, np.float32)}, np.zeros(9000, np.float32)).svg
    assert standalone(drawn).count("<style>") == 1
    assert [brief(v) for v in (123.4, 1.234, -0.01234, 5.5e-7)] == ["123", "1.23", "-0.0123", "0.00"]
    assert ticks(0, 1, 4) == [0.0, 0.25, 0.5, 0.75, 1.0] and ticks(2.0, 2.0, 3) == [2.0]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    sync = pytest.importorskip("playwright.sync_api", reason="needs Playwright")
    if not CHROMIUM.exists():
        pytest.skip("needs Chromium")
    with sync.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture
def shown(browser: Browser, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Page]:
    """The page in a window of the size and colours asked for. Whatever it asks of a network, or says in the console,
    fails the test."""
    width, scheme = getattr(request, "param", (1280, "light"))
    file = tmp_path / "report.html"
    file.write_text(page(report(), figures()), encoding="utf-8")
    context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
    opened, asked, said = context.new_page(), [], []
    opened.on("request", lambda each: asked.append(each.url))
    opened.on("console", lambda each: said.append(each.text))
    opened.on("pageerror", lambda each: said.append(str(each)))
    opened.goto(file.as_uri())
    yield opened
    assert [url for url in asked if not url.startswith("data:")] == [file.as_uri()]
    assert said == []
    context.close()


def names(opened: Page) -> list[str]:
    return opened.locator("#clip-table tbody td:first-child").all_inner_texts()


def test_sort_filter_and_open_a_clip(shown: Page) -> None:
    assert len(names(shown)) == 12
    shown.get_by_role("button", name="error title, px").click()
    assert names(shown)[0] == "clip-3", "a metric sorts from its largest value"
    assert shown.locator("th[aria-sort=descending]").count() == 1
    shown.get_by_role("button", name="error title, px").click()
    assert names(shown)[-1] == "clip-3" and names(shown)[0] == NASTY
    shown.select_option("#set", "first")
    assert len(names(shown)) == 8
    shown.select_option("#metric", label="score title, px")
    shown.fill("#least", "5.5")
    assert sorted(names(shown)) == ["clip-6", "clip-7"]
    shown.fill("#least", "")
    shown.check("#flagged")
    assert names(shown) == ["clip-3"]
    shown.locator("#clip-table td button").click()
    panel = shown.locator("dialog")
    assert panel.locator("img").count() == 1 and panel.locator("polyline").count() == 2
    assert panel.locator("img").evaluate("image => image.naturalWidth") == 320
    assert "far above the median" in panel.inner_text() and "90.00" in panel.inner_text()
    assert panel.locator("svg.among").first.get_attribute("aria-label") == "8 of 8, from the smallest"


def test_differences_between_rows(shown: Page) -> None:
    shown.select_option("#base", "real video")
    shown.get_by_role("button", name="score title, px").click()
    cells = shown.locator("#clip-table tbody tr").first.locator("td").all_inner_texts()
    assert cells[-1] == "0.00"
    shown.select_option("#row", "theirs")
    assert shown.get_by_role("button", name="score title, px").count() == 0, "a column without values is no column"


def test_keyboard_alone(shown: Page) -> None:
    shown.keyboard.press("Tab")
    assert shown.evaluate("document.activeElement.className") == "skip"
    shown.locator("#clip-table td button").first.focus()
    shown.keyboard.press("ArrowDown")
    shown.keyboard.press("Enter")
    assert shown.locator("#clip-title").inner_text() == names(shown)[1]
    shown.keyboard.press("ArrowRight")
    assert shown.locator("#clip-title").inner_text() == names(shown)[2]
    shown.keyboard.press("Escape")
    assert not shown.locator("dialog").is_visible()
    assert shown.evaluate("document.activeElement.textContent") == names(shown)[2], "back where one was"


@pytest.mark.parametrize("shown", [(1280, "light"), (1280, "dark"), (380, "light"), (380, "dark")], indirect=True)
def test_every_width_and_colour(shown: Page) -> None:
    wide = shown.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide == 0, "the page itself never scrolls sideways"
    dark = shown.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
    assert shown.evaluate(CONTRAST) > 7 and (shown.evaluate(PAPER) < 60) == dark
    shown.click("#theme")
    assert shown.evaluate(CONTRAST) > 7 and (shown.evaluate(PAPER) < 60) != dark
    assert shown.locator("img:not([alt]), svg:not([aria-label])").count() == 0
    shown.locator("#clip-table td button").first.click()
    box = shown.locator("dialog").bounding_box()
    assert box is not None and box["x"] >= 0 and box["x"] + box["width"] <= shown.viewport_size["width"]


def test_on_paper_all_is_unfolded_and_nothing_cut(shown: Page) -> None:
    shown.evaluate("document.querySelectorAll('details').forEach(each => { each.open = false; })")
    shown.emulate_media(media="print", color_scheme="dark")
    shown.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert shown.locator("details:not([open])").count() == 0
    assert not shown.locator("nav").is_visible() and shown.evaluate(PAPER) > 200
    assert len(shown.pdf(format="A4")) > 10_000


def test_a_page_of_other_tables(browser: Browser, tmp_path: Path) -> None:
    (tmp_path / "t.html").write_text(tables_page("Styles", report().tables, figures()[:1], {"versions": versions()}))
    opened = browser.new_page()
    problems: list[str] = []
    opened.on("pageerror", lambda each: problems.append(str(each)))
    opened.goto((tmp_path / "t.html").as_uri())
    assert opened.get_by_role("heading", name="Confusion").is_visible() and problems == []
    assert opened.evaluate(FORBIDDEN) == "connect-src", "the page's own policy refuses it"
    opened.close()


FORBIDDEN = """new Promise((found) => {
  document.addEventListener("securitypolicyviolation", (event) => found(event.effectiveDirective));
  fetch("http://127.0.0.1:9/").catch(() => {});
})"""
PAPER = "(() => Math.min(...getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)))()"
CONTRAST = """(() => {
  const light = (name) => {
    const [r, g, b] = getComputedStyle(document.body)[name].match(/\\d+/g).map((v) => {
      const part = v / 255; return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const [a, b] = [light("color"), light("backgroundColor")].sort((x, y) => y - x);
  return (a + 0.05) / (b + 0.05);
})()"""
