"""dreamtalk evaluate motion: the table of docs/evaluation.md."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from dreamtalk.evaluate.motion import MotionEvaluation, evaluate_motion


@dataclass(frozen=True)
class EvaluateMotion(MotionEvaluation):
    """Measure the motion model on the dev clips of a talkset, against real talkers and baselines."""

    dataset: Annotated[Positional[Path], arg(metavar="DATASET")]
    """Folder of the talkset (clips.csv, lags.csv, video/)."""
    out: Annotated[Path | None, arg(aliases=["-o"])] = None
    """Folder for table.md, report.json, metrics.csv and clips.csv; none: only the screen."""

    def run(self) -> None:
        """Print the tables, and write them where `out` says."""
        evaluate_motion(self).show()
