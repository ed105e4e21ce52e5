"""dreamtalk style: list, show, and take manners of speaking from videos."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from dreamtalk.errors import UnusableInput


@dataclass(frozen=True, kw_only=True)
class ListStyles:
    """List the styles that --style knows by name, and, with -o, draw a portrait speaking in each of them."""

    portrait: Annotated[Positional[Path], arg(metavar="PORTRAIT")] = Path("examples/portrait.jpg")
    """Whose face the sheet shows."""
    speech: Path = Path("examples/speech.wav")
    """What the face says on the sheet: any sound or video file."""
    output: Annotated[Path | None, arg(aliases=["-o"])] = None
    """The sheet to write (.png or .jpg): every style at its three levels while speaking, and silent."""

    def run(self) -> None:
        """Print the table; draw the sheet where one is asked for."""
        from dreamtalk.style.files import saved_names, saved_path
        from dreamtalk.style.library import DEFAULT_LEVEL, STYLES

        for style in STYLES.values():
            print(f"{style.name:<12} {style.text}")
        for name in saved_names():
            print(f"{name:<12} saved in {saved_path(name)}")
        print(f"Levels: happy:1, happy:2, happy:3; without a level, {DEFAULT_LEVEL}.")
        if self.output is not None:
            self._draw(self.output)

    def _draw(self, output: Path) -> None:
        from dreamtalk.media import check_input, check_output
        from dreamtalk.style.sheet import SHEETS, style_sheet, write_sheet
        from dreamtalk.talker import load

        check_output(output, SHEETS, (self.portrait, self.speech), numbered=False)
        for file, given in ((self.portrait, "PORTRAIT"), (self.speech, "--speech")):
            if not file.exists():
                raise UnusableInput(f"{file} is not here. Give the sheet another {given}.")
            check_input(file)
        write_sheet(output, style_sheet(load("cpu"), self.portrait, self.speech))
        print(output)


@dataclass(frozen=True, kw_only=True)
class ShowStyle:
    """Say what a style does to a face."""

    name: Annotated[Positional[str], arg(metavar="NAME")]
    """A style such as happy or happy:3, a saved style, or a style file."""

    def run(self) -> None:
        """Print the facial actions of a named style, or the strongest ones of a saved style."""
        from dreamtalk.style.files import is_style_file, load_style, saved_names, saved_path
        from dreamtalk.style.library import STRENGTHS, read_name

        file = saved_path(self.name) if self.name in saved_names() else Path(self.name)
        if file.suffix.lower() == ".npz" and is_style_file(file):
            clip = load_style(file)
            print(f"{self.name}: {len(clip.expression) / 25:.1f} s of {clip.source}")
            _actions(_mean_actions(clip.expression))
            return
        style, level = read_name(self.name)
        strength = STRENGTHS[level - 1]
        print(f"{style.name}:{level}: {style.text}")
        print(f"  {'movements':<18} {style.gain**strength:5.2f} of neutral talk's")
        _actions({name: strength * value for name, value in style.actions.items()})


@dataclass(frozen=True, kw_only=True)
class ExtractStyle:
    """Keep the manner of speaking of somebody in a video as a file, or by name."""

    video: Annotated[Positional[Path], arg(metavar="VIDEO")]
    """A video of somebody speaking, silent or not, or a track file (.npz)."""
    output: Annotated[Path | None, arg(aliases=["-o"])] = None
    """The style file to write (.npz), for --style FILE."""
    save: str | None = None
    """A name: keeps it in your user data folder, for --style NAME."""

    def run(self) -> None:
        """Track the face, keep its usable frames, and say what is amiss."""
        from dreamtalk.media import check_output
        from dreamtalk.style.files import clip_of_track, save_style, saved_path
        from dreamtalk.talker import load

        if (self.output is None) == (self.save is None):
            raise UnusableInput("Say where to keep the style: -o FILE.npz, or --save NAME.")
        output = saved_path(self.save) if self.save is not None else Path(str(self.output))
        if self.save is not None:
            output.parent.mkdir(parents=True, exist_ok=True)
        check_output(output, ".npz", (self.video,))
        clip, notes = clip_of_track(load("cpu").track(self.video), self.video.name)
        save_style(output, clip)
        for note in notes:
            print(f"dreamtalk: {note}", file=sys.stderr)
        print(f"{output}: {len(clip.expression)} frames; use it with --style {self.save or output}")


def _mean_actions(expression: object) -> dict[str, float]:
    """The strongest facial actions of a clip's mean face."""
    import numpy as np

    from dreamtalk.face.arkit import ARKIT
    from dreamtalk.face.model import FaceModel

    mean = np.asarray(expression, dtype=np.float32).mean(axis=0)
    scores = FaceModel.load().to_arkit(mean)
    strongest = np.argsort(-scores)[:8]
    return {ARKIT[index]: float(scores[index]) for index in strongest if scores[index] >= 0.05}


def _actions(actions: dict[str, float]) -> None:
    for name, value in actions.items():
        print(f"  {name:<18} {value:5.2f}")
