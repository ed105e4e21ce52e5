"""dreamtalk evaluate style-predictor: the tables of docs/style_predictor.md."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from dreamtalk.errors import UnusableInput
from dreamtalk.media.files import check_output


@dataclass(frozen=True, kw_only=True)
class EvaluatePredictor:
    """Measure style predictors on speech of unseen actors: emotion, style code and motion distance."""

    dataset: Annotated[Positional[Path], arg(metavar="DATASET")]
    """A talkset with emotional speech, or a folder made by `dreamtalk prepare`."""
    out: Annotated[Path | None, arg(aliases=["-o"])] = None
    """Folder for report.html, table.md, table.tex, report.json, metrics.csv and clips.csv; none: only the screen."""
    predictors: tuple[Path, ...] = ()
    """Files of predictors, one row each. None: the shipped one."""
    cache: Path = Path("work")
    """Folder where tracks and heard speech are kept."""
    any_licence: bool = False
    """Compare with people of every licence class, not only clean ones."""
    seed: int = 0
    """Of the draws."""
    motions: int = 60
    """Utterances, evenly chosen, that are said in the predicted styles, for the motion distance (MD)."""

    def run(self) -> None:
        """Print the tables, and write them where `out` says."""
        from dreamtalk.evaluate.predictor_report import evaluate_predictors

        if self.motions < 1:
            raise UnusableInput(f"--motions must be at least 1, not {self.motions}.")
        clean = not self.any_licence
        if self.out is not None:
            check_output(self.out / "table.md", ".md")
        report = evaluate_predictors(self.dataset, self.predictors, self.cache, clean, self.seed, motions=self.motions)
        print(report.markdown())
        if self.out is not None:
            report.write(self.out)
