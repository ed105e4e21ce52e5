"""dreamtalk style predict: the style that speech and a portrait ask for, kept as a file."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg


@dataclass(frozen=True, kw_only=True)
class PredictStyle:
    """Keep the style that a portrait's speech sounds like, for --style FILE. Non-commercial use only."""

    portrait: Annotated[Positional[Path], arg(metavar="PORTRAIT")]
    """A picture of who speaks."""
    audio: Annotated[Positional[Path], arg(metavar="AUDIO")]
    """Speech: any sound or video file."""
    output: Annotated[Path, arg(aliases=["-o"])]
    """The style file to write (.npz)."""
    face: int = 0
    """Which face of the portrait, counted from the largest (0)."""
    seed: int = 0
    """The same seed gives the same style."""

    def run(self) -> None:
        """Predict, write, and say what it is like."""
        from dreamtalk.cli.talk import NOTICE
        from dreamtalk.media import check_output
        from dreamtalk.options import AUTO, TalkOptions
        from dreamtalk.style.code_file import save_code
        from dreamtalk.talker import load
        from dreamtalk.types import Style

        print(NOTICE, file=sys.stderr)
        check_output(self.output, ".npz", (self.portrait, self.audio))
        talker = load("cpu")
        speech = talker.speech(self.audio)
        person = talker.portrait(self.portrait, self.face)
        heard = talker.listened(TalkOptions(style=AUTO, seed=self.seed), speech, person.identity).style
        assert isinstance(heard, Style)
        save_code(self.output, heard, talker.motion_model.neutral_style().code)
        print(f"{self.output}: {heard.source}; use it with --style {self.output}")
