"""dreamtalk evaluate style-predictor: the tables of docs/style_predictor.md."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from dreamtalk.errors import UnusableInput


@dataclass(frozen=True, kw_only=True)
class EvaluatePredictor:
    """Measure style predictors on speech of unseen actors: emotion, style code and motion distance."""

    dataset: Annotated[Positional[Path], arg(metavar="DATASET")]
    """A talkset with emotional speech, or a folder made by `dreamtalk prepare`."""
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
        """Print the tables."""
        from dreamtalk.evaluate.prediction import evaluate_predictors

        if self.motions < 1:
            raise UnusableInput(f"--motions must be at least 1, not {self.motions}.")
        clean = not self.any_licence
        print(evaluate_predictors(self.dataset, self.predictors, self.cache, clean, self.seed, motions=self.motions))
