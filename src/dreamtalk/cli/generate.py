"""dreamtalk generate: a portrait and a speech file become a talking video."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from dreamtalk.cli.options import ControlFlags, DeviceFlags, MotionFlags, PictureFlags


@dataclass(frozen=True, kw_only=True)
class Generate(MotionFlags, PictureFlags, ControlFlags, DeviceFlags):
    """Make a talking video from one portrait and a speech file."""

    portrait: Annotated[Positional[Path], arg(metavar="PORTRAIT")]
    """A picture with a face."""
    audio: Annotated[Positional[Path], arg(metavar="AUDIO")]
    """Speech: any sound or video file."""
    output: Annotated[Path, arg(aliases=["-o"])] = Path("talk.mp4")
    """The video to write: .mp4, .mov (ProRes), .webm (VP9), or frames/%05d.png for pictures in a new folder."""

    def run(self) -> None:
        """Make the video and say where it is."""
        from dreamtalk.cli.console import progress, summary
        from dreamtalk.cli.talk import options_of
        from dreamtalk.talker import load

        talker = load(self.device, self.threads)
        with progress(f"Making {self.output}") as report:
            talk = talker.generate(
                self.portrait, self.audio, self.output, options_of(self, self, self), progress=report
            )
        summary(talk)
