"""dreamtalk style: list, show, and take manners of speaking from videos."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from tyro.conf import Positional, arg

from dreamtalk.errors import UnusableInput
from dreamtalk.types import VIDEO_FPS

if TYPE_CHECKING:
    from dreamtalk.style.files import StyleClip

_SHOWN, _WORTH_SHOWING = 8, 0.05
"""At most so many facial actions of a clip are shown, and only from this strength on."""


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

    name: Annotated[Positional[str], arg(metavar="NAME|FILE")]
    """A style such as happy or happy:3, a saved style, a style file, or a video, picture or track file."""
    neutral: Path | None = None
    """A calm picture or clip of the person in that video."""

    def run(self) -> None:
        """Print the facial actions of a named style, or the strongest ones of a clip."""
        from dreamtalk.style.code_file import is_code_file
        from dreamtalk.style.files import is_style_file, load_style, saved_names, saved_path
        from dreamtalk.style.find import unknown
        from dreamtalk.style.library import is_named, read_name

        if is_named(self.name) and self.neutral is None:
            style, level = read_name(self.name)
            strength = style.strength(level)
            print(f"{style.name}:{level}: {style.text}")
            print(f"  {'movements':<18} {style.gain**strength:5.2f} of neutral talk's")
            _actions({name: strength * value for name, value in style.actions.items()})
            return
        file = saved_path(self.name) if self.name in saved_names() else Path(self.name)
        if file.suffix.lower() == ".npz" and is_style_file(file):
            _refuse_neutral(self.neutral)
            _show(load_style(file), self.name)
        elif file.suffix.lower() == ".npz" and is_code_file(file):
            raise UnusableInput(f"{file} holds a code heard in speech, which only the motion model can read.")
        elif file.suffix or file.exists():
            from dreamtalk.talker import load

            _show(load("cpu").style_clip(file, self.neutral), self.name)
        else:
            if is_named(self.name):
                _refuse_neutral(self.neutral)
            raise unknown(self.name)


@dataclass(frozen=True, kw_only=True)
class ExtractStyle:
    """Keep the manner of speaking of somebody in a video as a file, or by name."""

    video: Annotated[Positional[Path], arg(metavar="VIDEO")]
    """A video of somebody speaking, silent or not, a track file (.npz), or a picture. The first minute is looked at."""
    output: Annotated[Path | None, arg(aliases=["-o"])] = None
    """The style file to write (.npz), for --style FILE."""
    save: str | None = None
    """A name: keeps it in your user data folder, for --style NAME."""
    neutral: Path | None = None
    """A calm picture or clip of the same person: the style is then truer. Without it, the neutral face is guessed."""

    def run(self) -> None:
        """Track the face, keep its usable frames, and say what is amiss."""
        from dreamtalk.media import check_input, check_output
        from dreamtalk.style.files import save_style, saved_path
        from dreamtalk.talker import load

        if (self.output is None) == (self.save is None):
            raise UnusableInput("Say where to keep the style: -o FILE.npz, or --save NAME.")
        output = saved_path(self.save) if self.save is not None else Path(str(self.output))
        inputs = (self.video,) if self.neutral is None else (self.video, self.neutral)
        for given in inputs:
            check_input(given)
        check_output(output, ".npz", inputs)
        clip = load("cpu").style_clip(self.video, self.neutral)
        save_style(output, clip)
        print(f"{output}: {len(clip.expression)} frames; use it with --style {self.save or output}")


def _refuse_neutral(neutral: Path | None) -> None:
    if neutral is not None:
        raise UnusableInput("--neutral goes with a video or picture: other styles need none.")


def _show(clip: StyleClip, name: str) -> None:
    """The strongest facial actions of a style clip, as it differs from neutral talk."""
    from dreamtalk.face.arkit import ARKIT
    from dreamtalk.face.model import FaceModel
    from dreamtalk.foreign import printable
    from dreamtalk.style.reference import gain_of_clip, offset_of_clip

    print(f"{name}: {len(clip.expression) / VIDEO_FPS:.1f} s of {printable(clip.source)}")
    print(f"  {'movements':<18} {gain_of_clip(clip.expression):5.2f} of neutral talk's")
    scores = FaceModel.load().to_arkit(offset_of_clip(clip.expression))
    strongest = sorted(zip(ARKIT, scores.tolist(), strict=True), key=lambda action: -action[1])[:_SHOWN]
    _actions({action: score for action, score in strongest if score >= _WORTH_SHOWING})


def _actions(actions: dict[str, float]) -> None:
    for name, value in actions.items():
        print(f"  {name:<18} {value:5.2f}")
