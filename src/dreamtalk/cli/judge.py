"""dreamtalk train emotion-judge | evaluate intensity: what judges manners."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from rich.console import Console
from tyro.conf import Positional, arg

from dreamtalk.evaluate.emotion_judge import Field, Sees
from dreamtalk.evaluate.intensity import IntensityEvaluation


@dataclass(frozen=True, kw_only=True)
class TrainEmotionJudge:
    """Learn to see emotions, or the paper's style groups, from your own labelled clips; takes a minute for 100 clips.

    The file is for `evaluate videos` and `evaluate protocol` (--emotion-judge, --style-judge). It says of itself how
    often it is right about people whom it never saw, and refuses what it cannot tell. None is shipped: the clips that
    there are to learn from are for research only.
    """

    data: Annotated[Positional[Path], arg(metavar="DATA")]
    """Folder of a talkset, or of another data set as it was downloaded (--layout)."""
    out: Annotated[Path, arg(aliases=["-o"])]
    """The judge (.safetensors)."""
    layout: str = "talkset"
    """How the folder is laid out: talkset, mead, ravdess, crema-d or folder."""
    groups: tuple[Field, ...] = ("emotion",)
    """Labels that make a class: emotion; or emotion intensity, or speaker emotion intensity, for style accuracy."""
    sees: Sees = "scores"
    """scores: the tracker's blendshape scores, better with strangers; motion: coefficients, as in the paper."""
    tracks: Path | None = None
    """Folder of ready ID.npz track files of a talkset; what is not there is tracked and kept in the user's cache."""
    most: int = 3
    """Clips of each person in each class, at most."""
    seed: int = 0
    """Of which clips are taken."""

    def run(self) -> None:
        """Learn, write the file, and say how far it is to be believed."""
        from dreamtalk.media import check_output
        from dreamtalk.train.emotion_judge import EmotionJudgeConfig, train_emotion_judge

        check_output(self.out, ".safetensors")
        judge = train_emotion_judge(
            EmotionJudgeConfig(self.data, self.layout, self.groups, self.sees, self.tracks, self.most, self.seed)
        )
        judge.save(self.out)
        console = Console()
        console.print(judge.table())
        console.print(f"{self.out}: {judge.words()}", highlight=False)


@dataclass(frozen=True)
class EvaluateIntensity(IntensityEvaluation):
    """Does more intensity show more? For videos of a talk at rising intensity, called TALK@INTENSITY.mp4."""

    videos: Annotated[Positional[Path], arg(metavar="VIDEOS")]
    """Folder of the videos: anna@0.mp4, anna@0.5.mp4, anna@1.mp4, ben@0.mp4, ..."""
    out: Annotated[Path | None, arg(aliases=["-o"])] = None
    """Folder for report.html, table.md, table.tex, report.json, metrics.csv and clips.csv; none: only the screen."""

    def run(self) -> None:
        """Print the table, and write it where `out` says."""
        from dreamtalk.evaluate.intensity import evaluate_intensity
        from dreamtalk.media.files import check_output

        if self.out is not None:
            check_output(self.out / "table.md", ".md")
        report = evaluate_intensity(self)
        report.show()
        if self.out is not None:
            report.write(self.out)
