"""dreamtalk motion: speech to face motion, for any portrait."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from dreamtalk.cli.options import DeviceFlags, MotionFlags


@dataclass(frozen=True, kw_only=True)
class MakeMotion(MotionFlags, DeviceFlags):
    """Turn speech into a motion file (.npz), to be rendered later with any portrait."""

    audio: Annotated[Positional[Path], arg(metavar="AUDIO")]
    """Speech: any sound or video file."""
    output: Annotated[Path, arg(aliases=["-o"])] = Path("motion.npz")
    """The motion file to write (.npz)."""

    def run(self) -> None:
        """Make the motion and say where it is."""
        from dreamtalk.cli.console import times
        from dreamtalk.cli.talk import options_of
        from dreamtalk.media import check_output
        from dreamtalk.store import save_motion
        from dreamtalk.talker import load
        from dreamtalk.timing import Stopwatch

        options = options_of(self)
        check_output(self.output, ".npz", (self.audio, *options.files))
        watch = Stopwatch()
        talker = load(self.device, self.threads)
        motion = talker.motion(self.audio, options, watch=watch)
        save_motion(self.output, motion)
        seconds = len(motion) / motion.fps
        print(f"{self.output}: {len(motion)} frames, {seconds:.2f} s")
        times(watch.seconds, seconds, talker.device.description)
