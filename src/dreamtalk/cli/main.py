"""Reads the command line, runs the verb, and turns what goes wrong into a message and an exit code.

Exit code 0: done. 2: wrong usage, or input that cannot be used. 1: a failure of ours. 130: stopped with Ctrl-C.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import signal
import sys
import traceback
import warnings
from collections.abc import Iterator, Sequence
from importlib import import_module
from types import FrameType
from typing import Any, NoReturn, Protocol, cast

from dreamtalk.errors import DoubtfulInput, DreamTalkError
from dreamtalk.foreign import printable_lines
from dreamtalk.version import package_version

VERBS: dict[str, tuple[str, str, str]] = {
    "generate": ("generate", "Generate", "a portrait and a speech file become a talking video"),
    "batch": ("batch", "MakeBatch", "many talks from a table, resumable, in parallel or on a Ray cluster"),
    "motion": ("motion", "MakeMotion", "speech to a motion file, for any portrait"),
    "render": ("render", "Render", "a portrait does what a motion file says"),
    "export": ("export", "Export", "a motion file for other programs: Live Link Face, glTF, official models"),
    "track": ("track", "Track", "follow the face of a picture or video into a track file"),
    "style list": ("style", "ListStyles", "the styles that --style knows by name"),
    "style show": ("style", "ShowStyle", "what a style does to a face"),
    "style predict": ("style_predict", "PredictStyle", "the style that a portrait's speech sounds like, as a file"),
    "style extract": ("style", "ExtractStyle", "keep somebody's manner of speaking, from a video"),
    "verify": ("verify", "Verify", "was this video or picture made by dreamtalk?"),
    "serve": ("serve", "Serve", "run the HTTP and WebSocket API, and the web page"),
    "app": ("app", "App", "the web page, in your browser: pictures and speech become talking videos"),
    "doctor": ("doctor", "Doctor", "device, models, versions, and the speed of each step"),
    "completion": ("completion", "Completion", "a script for bash, zsh or fish that completes commands and flags"),
    "prepare": ("prepare", "Prepare", "a data set's videos become shards that training reads"),
    "train face-model": ("train", "TrainFaceModel", "learn the statistical face model from tracked clips"),
    "train denoiser": ("train", "TrainDenoiser", "learn the motion model from tracked clips with speech"),
    "train baseline": ("train", "TrainBaseline", "learn a motion model without diffusion, to compare with"),
    "train lip-expert": ("train", "TrainLipExpert", "learn the style-aware lip expert that keeps lips right"),
    "train style-predictor": ("train", "TrainStylePredictor", "learn to hear the style in speech"),
    "train emotion-judge": ("judge", "TrainEmotionJudge", "learn to see emotions or style groups, from your own clips"),
    "train student": ("train", "TrainStudent", "distil the motion model into one that needs few sampler steps"),
    "train articulation": ("train", "TrainArticulation", "learn the reader of tongue and lips, with eSpeak NG"),
    "convert official": ("convert", "ConvertOfficial", "official DreamTalk checkpoints become files of ours"),
    "train renderer": ("train", "TrainRenderer", "learn a neural renderer (PIRenderer) from talking clips"),
    "train refine": ("train", "TrainRefine", "learn the refinement of mouth and eyes from talking clips"),
    "evaluate motion": ("evaluate", "EvaluateMotion", "measure lips and silence against real talkers"),
    "evaluate style": ("evaluate", "EvaluateStyle", "does the manner of a reference clip arrive?"),
    "evaluate style-map": ("evaluate_styles", "EvaluateStyleMap", "style codes on a map; a portrait by guidance scale"),
    "evaluate lip-expert": ("evaluate", "EvaluateLipExpert", "how well does a lip expert hear?"),
    "evaluate style-predictor": ("evaluate_predictor", "EvaluatePredictor", "is the emotion in speech heard right?"),
    "evaluate articulation": ("evaluate", "EvaluateArticulation", "are tongue and lips heard, and when?"),
    "evaluate renderer": ("evaluate", "EvaluateRenderer", "do portraits do what the motion says?"),
    "evaluate reenactment": ("evaluate", "EvaluateReenactment", "measure the renderer against real frames"),
    "evaluate protocol": ("evaluate", "EvaluateProtocol", "make and score videos of a data set's test, beside others'"),
    "evaluate intensity": ("judge", "EvaluateIntensity", "does more intensity show more in videos of a talk?"),
    "evaluate videos": ("evaluate", "EvaluateVideos", "score anybody's videos against real ones"),
    "study make": ("study", "MakeStudy", "a page on which people rate blinded videos"),
    "study analyse": ("study", "AnalyseStudy", "means, intervals and tests of the ratings"),
}
"""Words on the command line: module below dreamtalk.cli, class, help. Only the chosen one is imported."""

_FRAME = str.maketrans(dict.fromkeys("╭╮╰╯│─", " "))
_RULER = re.compile(r"[-+|]{4,}")
"""What tyro draws in place of box characters where the terminal has none."""

_TERMINATED = 143
"""Exit code after SIGTERM, as shells have it: 128 + 15."""

_INTERRUPTED = 130
_WRONG_USAGE = 2


class Verb(Protocol):
    """A dataclass of flags that can run."""

    def run(self) -> None:
        """Do it. Raises DreamTalkError."""


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Entry point of ``dreamtalk``; always ends with SystemExit."""
    try:
        code = run(sys.argv[1:] if arguments is None else arguments)
        sys.stdout.flush()
    except BrokenPipeError:  # `dreamtalk ... | head`: nobody reads on
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 1
    sys.exit(code)


def run(arguments: Sequence[str]) -> int:
    """Run one command line (without the program's name) and return its exit code."""
    try:
        verb = _parse(list(arguments))
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else _WRONG_USAGE
    try:
        with contextlib.suppress(ValueError):  # only the main thread may do this
            signal.signal(signal.SIGTERM, _terminate)
        with _doubts_told():
            verb.run()
    except DreamTalkError as error:
        print(f"dreamtalk: {printable_lines(str(error))}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("dreamtalk: stopped; nothing was written.", file=sys.stderr)
        return _INTERRUPTED
    except BrokenPipeError:
        raise
    except Exception:
        traceback.print_exc()
        print("dreamtalk: this is a failure of dreamtalk, not of your input. Please report it.", file=sys.stderr)
        return 1
    return 0


def _parse(arguments: list[str]) -> Verb:
    """The verb with its flags. Raises SystemExit after help (0) and after wrong usage (2)."""
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print(_overview(), file=sys.stdout if arguments else sys.stderr)
        raise SystemExit(0 if arguments else _WRONG_USAGE)
    if arguments[0] == "--version":
        print(f"dreamtalk {package_version()}")
        raise SystemExit(0)
    for words in (1, 2):
        name = " ".join(arguments[:words])
        if name in VERBS:
            return _flags(name, arguments[words:])
    group = [name for name in VERBS if name.startswith(arguments[0] + " ")]
    if group and (len(arguments) == 1 or arguments[1] in ("-h", "--help", "help")):
        print(_overview(group), file=sys.stdout if len(arguments) > 1 else sys.stderr)
        raise SystemExit(0 if len(arguments) > 1 else _WRONG_USAGE)
    given = " ".join(arguments[: 2 if group else 1])
    known = ", ".join(group or VERBS)
    print(f"dreamtalk: there is no command {given!r}. Commands: {known}.\nSee: dreamtalk --help", file=sys.stderr)
    raise SystemExit(_WRONG_USAGE)


def _overview(group: Sequence[str] = ()) -> str:
    """All commands, or those of a group."""
    width = max(len(name) for name in group or VERBS)
    lines = [f"  {name:<{width}}  {VERBS[name][2]}" for name in group or VERBS]
    if group:
        word = group[0].split()[0]
        return "\n".join(
            [f"usage: dreamtalk {word} COMMAND ...", "", *lines, "", f"dreamtalk {group[0]} --help tells more."]
        )
    return "\n".join(
        [
            "usage: dreamtalk COMMAND ...",
            "",
            "Expressive talking-face video from one portrait and speech.",
            "Every video carries a mark that it is synthetic.",
            "",
            *lines,
            "",
            "dreamtalk COMMAND --help tells more.",
        ]
    )


def _flags(name: str, arguments: list[str]) -> Verb:
    """Flags of one verb by tyro. Its boxed errors become one to three plain lines."""
    import tyro

    module, cls, _ = VERBS[name]
    verb = getattr(import_module(f"dreamtalk.cli.{module}"), cls)
    captured = io.StringIO()
    try:
        with contextlib.redirect_stderr(captured):
            return cast(Verb, tyro.cli(verb, prog=f"dreamtalk {name}", args=arguments))
    except SystemExit:
        if captured.getvalue():
            print(f"dreamtalk: {_plain(captured.getvalue())}\nSee: dreamtalk {name} --help", file=sys.stderr)
        raise


def _plain(boxed: str) -> str:
    """The text inside tyro's box, in one line; the box has a title, a rule, and a hint that we give ourselves."""
    lines = [" ".join(_RULER.sub(" ", line.translate(_FRAME)).split()) for line in boxed.splitlines()]
    lines = [line for line in lines if line and "full helptext" not in line and not line.endswith("--help")]
    return " ".join(lines[1:] or lines)


@contextlib.contextmanager
def _doubts_told() -> Iterator[None]:
    """Prints warnings about the input as plain lines on stderr."""
    usual = warnings.showwarning

    def tell(message: Warning | str, category: type[Warning], *place: Any, **more: Any) -> None:
        if issubclass(category, DoubtfulInput):
            print(f"dreamtalk: {printable_lines(str(message))}", file=sys.stderr)
        else:
            usual(message, category, *place, **more)

    with warnings.catch_warnings():
        warnings.showwarning = tell
        yield


def _terminate(number: int, frame: FrameType | None) -> NoReturn:
    """SIGTERM as an exception, so that unfinished files are removed."""
    raise SystemExit(_TERMINATED)
