"""No metric is without its entry in the docs, and none without its words in the page."""

from __future__ import annotations

import importlib
import pkgutil
from pathlib import Path

from dreamtalk import evaluate
from dreamtalk.evaluate.catalogue import catalogue, renewed
from dreamtalk.evaluate.page import page
from dreamtalk.evaluate.report import Report, Value
from dreamtalk.evaluate.scoring import Metric, Score

DOCS = Path(__file__).parents[2] / "docs"
AGAIN = "run: python -m dreamtalk.evaluate.catalogue docs/metrics.md"


def every_metric() -> dict[str, Metric]:
    """All Metric objects at the top of any module of the evaluation, alone or in a tuple, by name."""
    found: dict[str, Metric] = {}
    for module in pkgutil.walk_packages(evaluate.__path__, "dreamtalk.evaluate."):
        for value in vars(importlib.import_module(module.name)).values():
            found |= {m.name: m for m in (value if isinstance(value, tuple) else (value,)) if isinstance(m, Metric)}
    return found


def test_every_metric_is_in_the_catalogue_and_in_the_docs() -> None:
    listed = {metric.name for metrics in catalogue().values() for metric in metrics}
    assert set(every_metric()) - listed == set(), "add it to evaluate/catalogue.py"
    text = (DOCS / "metrics.md").read_text(encoding="utf-8")
    for name, metric in every_metric().items():
        assert f"`{name}`" in text and f"**{metric.title}**" in text, f"{name}: {AGAIN}"


def test_every_metric_says_when_it_lies() -> None:
    for metrics in catalogue().values():
        for metric in metrics:
            for words in (metric.title, metric.span, metric.good, metric.definition, metric.reference, metric.pitfalls):
                assert words.strip(), metric.name
            assert len(metric.pitfalls) > 8, f"{metric.name} must say how it misleads"


def test_the_page_explains_every_metric_of_the_suite() -> None:
    metrics = catalogue()["evaluate videos, evaluate protocol"]
    values = [Value("all", row, "clip", m.name, Score(0.5)) for m in metrics for row in ("ours", "real video")]
    made = page(Report(metrics, ("all",), ("ours", "real video"), tuple(values), {"config": {}}, 10, 0, "Videos"))
    for metric in metrics:
        assert f"id='metric-{metric.name}'" in made
    assert made.count("When it lies:") == len(metrics) and made.count("class='chart'") == len(metrics)


def test_the_list_is_made_anew_in_its_place() -> None:
    text = (DOCS / "metrics.md").read_text(encoding="utf-8")
    assert renewed(renewed(text)) == renewed(text) and renewed(text).startswith("# Metrics")
