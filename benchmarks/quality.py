"""The regression gate of the motion model: today's dev table beside the recorded one. Run it before weights change.

    python benchmarks/quality.py ../shared/talkset --tracks work/tracks [--model FILE]
    python benchmarks/quality.py ../shared/talkset --tracks work/tracks --record

Prints every number of row "ours" with the recorded one (benchmarks/quality.json) and marks those that left the recorded
95 % interval on the wrong side. Exit code 1 when there are such. --record makes today's the recorded ones.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from dreamtalk.errors import DreamTalkError
from dreamtalk.evaluate.motion import OURS, MotionEvaluation, evaluate_motion
from dreamtalk.evaluate.report import Report

RECORD = Path(__file__).with_suffix(".json")

_MORE_IS_BETTER = {
    "aperture_correlation",
    "width_correlation",
    "bilabial_closure_1",
    "bilabial_closure_2",
    "bilabial_closure_3",
    "closure_any_2",
}
_NEAR_ZERO_IS_BETTER = {"offset"}
"""Of all others less is better."""


@dataclass(frozen=True, slots=True)
class Change:
    """One number then and now. low, high: the recorded interval."""

    set: str
    metric: str
    then: float
    low: float
    high: float
    now: float | None
    """None: it cannot be measured any more."""

    @property
    def worse(self) -> bool:
        """Whether it left the recorded interval on the wrong side, or is gone."""
        if self.now is None:
            return True
        if self.metric in _NEAR_ZERO_IS_BETTER:
            return abs(self.now) > max(abs(self.low), abs(self.high))
        return self.now < self.low if self.metric in _MORE_IS_BETTER else self.now > self.high


def main() -> None:
    """Measure, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--tracks", type=Path)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--limit", type=int, help="clips per set, for a quick look")
    parser.add_argument("--record", action="store_true")
    flags = parser.parse_args()
    if flags.record and flags.limit is not None:
        parser.error("--record needs all clips: leave --limit out.")
    try:
        report = evaluate_motion(MotionEvaluation(flags.dataset, flags.model, tracks=flags.tracks, limit=flags.limit))
    except DreamTalkError as problem:
        print(problem, file=sys.stderr)
        sys.exit(2)
    if flags.record:
        RECORD.write_text(json.dumps(numbers(report), indent=1) + "\n", encoding="utf-8")
        print(f"Recorded in {RECORD}.")
        return
    changes = compare(json.loads(RECORD.read_text(encoding="utf-8")), report)
    show(changes)
    if flags.limit is not None:
        print("Of fewer clips than the recorded ones: numbers may differ for that alone.")
    sys.exit(1 if any(change.worse for change in changes) else 0)


def numbers(report: Report) -> dict[str, dict[str, dict[str, float]]]:
    """Row "ours" by set and metric."""
    found: dict[str, dict[str, dict[str, float]]] = {}
    for (name, row, metric), estimate in report.estimates.items():
        if row == OURS:
            found.setdefault(name, {})[metric] = {k: round(float(v), 4) for k, v in asdict(estimate).items()}
    return found


def compare(recorded: dict[str, dict[str, dict[str, float]]], report: Report) -> list[Change]:
    """Every recorded number, and what it is now."""
    now = {
        (name, metric): found["value"] for name, metrics in numbers(report).items() for metric, found in metrics.items()
    }
    return [
        Change(name, metric, then["value"], then["low"], then["high"], now.get((name, metric)))
        for name, metrics in recorded.items()
        for metric, then in metrics.items()
    ]


def show(changes: list[Change]) -> None:
    """The table, worse numbers marked."""
    table = Table(title="Motion model: recorded and now", title_justify="left")
    for head in ("set", "metric", "recorded", "now", ""):
        table.add_column(head, justify="left" if head in ("set", "metric", "") else "right")
    for c in changes:
        mark, value = "worse" if c.worse else "", "–" if c.now is None else f"{c.now:.2f}"
        table.add_row(c.set, c.metric, f"{c.then:.2f} [{c.low:.2f}, {c.high:.2f}]", value, mark)
    Console().print(table)


if __name__ == "__main__":
    main()
