"""dreamtalk train emotion-judge | evaluate intensity: what judges manners."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from rich.console import Console
from tyro.conf import Positional, arg

from dreamtalk.evaluate.emotion_judge import Field, Sees


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
