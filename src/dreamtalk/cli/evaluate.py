"""dreamtalk evaluate motion | lip-expert: the tables of docs/evaluation.md and docs/lip_expert.md."""

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


@dataclass(frozen=True, kw_only=True)
class EvaluateLipExpert:
    """Measure a lip expert on the dev clips of a talkset, as they are and in drawn styles."""

    expert: Annotated[Positional[Path], arg(metavar="EXPERT")]
    """The expert's file, as from `dreamtalk train lip-expert`."""
    dataset: Annotated[Positional[Path], arg(metavar="DATASET")]
    """Folder of the talkset (clips.csv, lags.csv, video/)."""
    cache: Path = Path("work")
    """Folder where tracks and features are kept."""
    seed: int = 0
    """Of the styles."""

    def run(self) -> None:
        """Print the table."""
        from dreamtalk.evaluate.lip_expert import evaluate_lip_expert, show

        show(evaluate_lip_expert(self.expert, self.dataset, self.cache, seed=self.seed))
