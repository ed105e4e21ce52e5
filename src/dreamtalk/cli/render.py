"""dreamtalk render: a portrait does a motion."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from dreamtalk.cli.options import ControlFlags, DeviceFlags, PictureFlags


@dataclass(frozen=True, kw_only=True)
class Render(PictureFlags, ControlFlags, DeviceFlags):
    """Make a video of a portrait from a motion file."""

    portrait: Annotated[Positional[Path], arg(metavar="PORTRAIT")]
    """A picture with a face."""
    motion: Annotated[Positional[Path], arg(metavar="MOTION")]
    """A motion file (.npz) of `dreamtalk motion`, a track file of `dreamtalk track`, a recording of Live Link Face
    (.csv), or coefficients of an official model (.mat, .npy)."""
    audio: Path | None = None
    """Sound to put under it, cut or filled with silence to the length of the motion."""
    output: Annotated[Path, arg(aliases=["-o"])] = Path("talk.mp4")
    """The video to write: .mp4, .mov (ProRes), .webm (VP9), or frames/%05d.png for pictures in a new folder."""

    def run(self) -> None:
        """Make the video and say where it is."""
        from dreamtalk.cli.console import progress, summary
        from dreamtalk.cli.talk import options_of
        from dreamtalk.talker import load

        options = options_of(picture=self, controls=self)
        talker = load(self.device, self.threads)
        with progress(f"Making {self.output}") as report:
            talk = talker.render_to(self.portrait, self.motion, self.output, self.audio, options, progress=report)
        summary(talk)
