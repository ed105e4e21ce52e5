"""dreamtalk track: where is the face in a picture or video, and what does it do?"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg


@dataclass(frozen=True, kw_only=True)
class Track:
    """Track the face of a picture or video into a track file (.npz)."""

    source: Annotated[Positional[Path], arg(metavar="VIDEO|IMAGE")]
    """A picture, or a video (read at 25 frames per second)."""
    output: Annotated[Path, arg(aliases=["-o"])] = Path("track.npz")
    """The track file to write (.npz)."""

    def run(self) -> None:
        """Track the face and say how often it was found."""
        from dreamtalk.cli.console import times
        from dreamtalk.media import check_output
        from dreamtalk.store import save_track
        from dreamtalk.talker import load
        from dreamtalk.timing import Stopwatch

        check_output(self.output, ".npz", (self.source,))
        watch = Stopwatch()
        talker = load("cpu")
        with watch.step("tracking"):
            track = talker.track(self.source)
        save_track(self.output, track)
        frames, found = len(track.valid), int(track.valid.sum())
        print(f"{self.output}: {frames} frames, a face in {found} of them")
        times(watch.seconds, frames / track.fps, talker.device.description)
