"""dreamtalk study make | analyse: ask people (paper IV-F)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from rich.console import Console
from tyro.conf import Positional, UseAppendAction, arg

from dreamtalk.errors import UnusableInput
from dreamtalk.media.files import check_output, replacing


@dataclass(frozen=True, kw_only=True)
class MakeStudy:
    """Make a page on which people rate blinded videos of several methods."""

    out: Annotated[Path, arg(aliases=["-o"])]
    """New folder: page/ is what raters get, key.json stays with you."""
    method: UseAppendAction[tuple[str, ...]]
    """NAME=FOLDER, once per method; videos of the same file name are of the same sample."""
    reference: Path | None = None
    """Folder of the videos whose manner of speaking was asked for."""
    choose: bool = False
    """Ask which of two methods is nearer to the reference, in place of ratings from 1 to 5."""
    samples: int = 30
    """At most so many samples."""
    title: str = "Talking heads"
    """Of the page."""
    seed: int = 0
    """Of the samples drawn and of the names that tell nothing."""

    def run(self) -> None:
        """Write the study and say how large it is."""
        from dreamtalk.evaluate.study import StudyPlan, make_study

        methods: dict[str, Path] = {}
        for given in self.method:
            name, sign, folder = given.partition("=")
            if not (name and sign and folder):
                raise UnusableInput(f"--method takes NAME=FOLDER, not {given!r}.")
            if name in methods:
                raise UnusableInput(f"--method {name} is given twice.")
            methods[name] = Path(folder)
        plan = StudyPlan(methods, self.reference, self.choose, self.samples, self.title, self.seed)
        trials = make_study(plan, self.out)
        Console().print(f"{trials} trials: give {self.out / 'page'} to the raters; keep {self.out / 'key.json'}.")


@dataclass(frozen=True, kw_only=True)
class AnalyseStudy:
    """Means with intervals, ANOVA and Tukey's test of the ratings that came back."""

    key: Annotated[Positional[Path], arg(metavar="KEY")]
    """key.json of the study."""
    ratings: Annotated[Positional[tuple[Path, ...]], arg(metavar="RATINGS")]
    """The files that raters sent."""
    out: Annotated[Path | None, arg(aliases=["-o"])] = None
    """A Markdown file (.md) for the tables; none: only the screen."""

    def run(self) -> None:
        """Print the tables, and write them where `out` says."""
        from dreamtalk.evaluate.study import analyse

        if self.out is not None:
            check_output(self.out, ".md", (self.key, *self.ratings))
        found = analyse(self.key, self.ratings)
        found.show()
        if self.out is not None:
            with replacing(self.out) as part:
                part.write_text(found.markdown(), encoding="utf-8")
