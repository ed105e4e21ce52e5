"""Every benchmark says what it does when asked, and measures nothing then."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

import pytest

from dreamtalk.evaluate.report import Report, Value
from dreamtalk.evaluate.scoring import Metric, Score

FOLDER = Path(__file__).parents[1] / "benchmarks"


@pytest.mark.parametrize("name", sorted(file.stem for file in FOLDER.glob("*.py")))
def test_help_is_help(name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("pyarrow", reason="prepared folders need pyarrow (pip install 'dreamtalk[train]')")
    monkeypatch.setattr(sys, "argv", [f"{name}.py", "--help"])
    monkeypatch.syspath_prepend(str(FOLDER))
    with pytest.raises(SystemExit) as end:
        runpy.run_path(str(FOLDER / f"{name}.py"), run_name="__main__")
    assert end.value.code == 0 and f"usage: {name}.py" in capsys.readouterr().out


def test_the_quality_gate_marks_what_is_worse_or_gone() -> None:
    gate = runpy.run_path(str(FOLDER / "quality.py"), run_name="quality")
    metrics = tuple(
        Metric(name, name, "", "", "", "", "", "")
        for name in ("lip_error", "aperture_correlation", "width_correlation")
    )
    values = (
        Value("GRID", "ours", "a", "lip_error", Score(1.4)),
        Value("GRID", "ours", "a", "aperture_correlation", Score(0.7)),
    )
    report = Report(metrics, ("GRID",), ("ours",), values, {}, 10, 0)
    recorded = {
        "GRID": {
            m.name: {"value": v, "low": v - 0.1, "high": v + 0.1} for m, v in zip(metrics, (1.5, 0.9, 0.8), strict=True)
        }
    }
    changes = {change.metric: change for change in gate["compare"](recorded, report)}
    assert not changes["lip_error"].worse
    assert changes["aperture_correlation"].worse
    assert changes["width_correlation"].now is None and changes["width_correlation"].worse
    gate["show"](list(changes.values()))
