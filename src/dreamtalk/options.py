"""How a talk looks: every choice a user has, checked."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

from dreamtalk.errors import UnusableInput
from dreamtalk.types import Latency, Style

if TYPE_CHECKING:
    from dreamtalk.style.timeline_file import GivenTimeline

Size: TypeAlias = Literal["native", 256, 512, 1024]
Blink: TypeAlias = Literal["natural", "off"]
Accents: TypeAlias = Literal["natural", "off"]
Gaze: TypeAlias = Literal["natural", "still"]
RendererName: TypeAlias = Literal["mesh", "pirenderer"]
Colour: TypeAlias = tuple[int, int, int]

MAX_INTENSITY = 3.0
"""Beyond this the guidance leaves the range of faces."""
TRUSTED_INTENSITY = 2.0
"""Up to here stronger is only stronger (paper IV-E); above, people are warned."""
MAX_SCALE = 2.0
"""Motion more than twice as large leaves the range of faces."""
MAX_SMOOTHING = 5.0
"""Frames; beyond this expressions no longer belong to the words they came with."""

MAX_CONSENT = 1000
"""Characters; the words stand in every copy of the video."""

AUTO = "auto"
"""The style that is heard in the speech itself."""

KEEP, TRANSPARENT = "keep", "transparent"
"""Backgrounds that are not a colour."""
_COLOURS: dict[str, Colour] = {
    "black": (0, 0, 0),
    "white": (255, 255, 255),
    "grey": (128, 128, 128),
    "red": (255, 0, 0),
    "green": (0, 177, 64),
    "blue": (0, 71, 187),
}
"""Names on the command line, RGB. Green and blue are those of studios, which cutting programs look for."""


@dataclass(frozen=True, slots=True)
class TalkOptions:
    """How a talk looks.

    style: a name ("neutral", "happy", "happy:3", ...: docs/style.md), or a video, track or style file whose manner of
    speaking is taken over, or "auto": what the speech sounds like, by weights for non-commercial use only
    (docs/style_predictor.md). style_neutral: a calm picture, clip or track of the person in that video; None: guessed.
    auto_timeline: with the style "auto", follow the speech when its emotion changes.
    intensity: of that style, 0 to 3; above 2 faces may break. upper_intensity (eyes, brows),
    lower_intensity (mouth): of that half of the face instead; None: intensity. timeline: styles over time, a file
    (docs/timeline.md), a style.timeline.Timeline or a function from seconds to a style and its intensity; style is then
    the one before its first key, and the intensities here are factors on its own.
    pose: "natural", "still", or a video, track or motion file whose head motion is taken over. blink: "natural" or
    "off". gaze: "natural", or "still": no jumps of the eyes. accents: "natural", or "off": no brow raises on stressed
    words. seed: the same one gives the same motion. latency: "quality", or "live": every frame made of no more than the
    next 0.32 s of speech, as in a live talk (docs/live.md).

    expression_scale, lip_scale, pose_scale, gaze_scale: factors, 0 to 2, on the motion of brows and lids, of mouth and
    jaw, of the head and of the irises; each leaves the others, and the blinks, as they are. smoothing: of brows and
    head, frames (0 off); lips, lids and irises are never smoothed. In the face space of official models there are no
    scales and no smoothing.

    size: "native", or the side in px of a square around the head. full_frame: the whole photo moves (True), or a square
    around the head (False); None: the whole photo, unless the face is tiny in it. background: "keep", "transparent", or
    a colour (a name or "#rrggbb") behind the person. face: which face of the portrait, 0 the largest. badge: draw the
    visible AI mark. provenance: put the invisible watermark into the frames and the signed manifest into the file
    (docs/provenance.md). consent: who agreed to the use of face and voice, for the manifest. sidecar: also write what
    the manifest says into a JSON file beside the video. renderer: "mesh", or
    "pirenderer" with the file renderer_weights (docs/pirenderer.md).

    motion_weights: a motion model file, used in place of the embedded one; for a converted official one, style and pose
    are coefficient files (.mat) and speech_encoder is the folder or hub name of its wav2vec2
    (docs/official_checkpoints.md).
    """

    style: str | Path | Style = "neutral"
    style_neutral: str | Path | None = None
    intensity: float = 1.0
    upper_intensity: float | None = None
    lower_intensity: float | None = None
    timeline: GivenTimeline | None = None
    auto_timeline: bool = False
    pose: str | Path = "natural"
    blink: Blink = "natural"
    gaze: Gaze = "natural"
    accents: Accents = "natural"
    size: Size = "native"
    seed: int = 0
    latency: Latency = "quality"
    face: int = 0
    badge: bool = True
    provenance: bool = True
    consent: str = ""
    sidecar: bool = False
    renderer: RendererName = "mesh"
    renderer_weights: str | Path | None = None
    motion_weights: str | Path | None = None
    speech_encoder: str | Path | None = None
    expression_scale: float = 1.0
    lip_scale: float = 1.0
    pose_scale: float = 1.0
    gaze_scale: float = 1.0
    smoothing: float = 1.0
    full_frame: bool | None = None
    background: str = KEEP

    def __post_init__(self) -> None:
        for name in ("intensity", "upper_intensity", "lower_intensity"):
            if getattr(self, name) is not None:
                _check_range(name.replace("_", " "), getattr(self, name), MAX_INTENSITY)
        if self.auto_timeline and (self.style != AUTO or self.timeline is not None):
            raise UnusableInput("--auto-timeline goes with --style auto, and not with --timeline.")
        if self.style_neutral is not None and (self.style == AUTO or isinstance(self.style, Style)):
            given = "with --style auto" if self.style == AUTO else "with a style that is found already"
            raise UnusableInput(f"A neutral face goes with the style of a video or picture, not {given}.")
        for name in ("expression_scale", "lip_scale", "pose_scale", "gaze_scale"):
            _check_range(name.replace("_", " "), getattr(self, name), MAX_SCALE)
        _check_range("smoothing", self.smoothing, MAX_SMOOTHING)
        if not 0 <= self.seed < 2**63:
            raise UnusableInput(f"The seed must be a whole number from 0 on, not {self.seed}.")
        _check_one_of("size", self.size, get_args(Size))
        _check_one_of("blink", self.blink, get_args(Blink))
        _check_one_of("gaze", self.gaze, get_args(Gaze))
        _check_one_of("accents", self.accents, get_args(Accents))
        _check_one_of("latency", self.latency, get_args(Latency))
        _check_one_of("renderer", self.renderer, get_args(RendererName))
        if self.face < 0:
            raise UnusableInput(f"Faces are counted from 0 on; there is no face {self.face}.")
        if self.speech_encoder is not None and self.motion_weights is None:
            raise UnusableInput("--speech-encoder goes with --motion-weights: the embedded model has its own ears.")
        if (self.renderer == "pirenderer") != (self.renderer_weights is not None):
            raise UnusableInput("The renderer pirenderer, and it alone, needs a file of weights (--renderer-weights).")
        self._check_picture()

    def _check_picture(self) -> None:
        colour_of(self.background)
        if len(self.consent) > MAX_CONSENT:
            raise UnusableInput(f"The words of consent are longer than {MAX_CONSENT} characters.")
        if any("\ud800" <= letter <= "\udfff" for letter in self.consent):  # bytes of a command line that are no UTF-8
            raise UnusableInput("The words of consent hold bytes that are no text in UTF-8.")
        if self.full_frame and self.size != "native":
            raise UnusableInput(
                f"--size {self.size} is a square around the head, --full-frame the whole photo: choose one of them."
            )

    @property
    def files(self) -> tuple[Path, ...]:
        """Files among the options, which no output may overwrite."""
        named = (
            self.style,
            self.style_neutral,
            self.timeline,
            self.pose,
            self.renderer_weights,
            self.motion_weights,
            self.speech_encoder,
        )
        return tuple(Path(given) for given in named if isinstance(given, str | Path))


def colour_of(background: str) -> Colour | None:
    """RGB of a background given as a name or #rrggbb; None where there is none. Raises UnusableInput."""
    if background in (KEEP, TRANSPARENT):
        return None
    if background in _COLOURS:
        return _COLOURS[background]
    digits = background.removeprefix("#")
    try:
        if len(digits) != 6:
            raise ValueError
        red, green, blue = bytes.fromhex(digits)
    except ValueError:
        names = ", ".join((KEEP, TRANSPARENT, *_COLOURS))
        raise UnusableInput(f"The background must be one of {names}, or #rrggbb, not {background!r}.") from None
    return red, green, blue


def _check_range(option: str, given: float, most: float) -> None:
    if not 0.0 <= given <= most:
        raise UnusableInput(f"The {option} must be between 0 and {most:g}, not {given:g}.")


def _check_one_of(option: str, given: object, choices: tuple[object, ...]) -> None:
    if given not in choices:
        raise UnusableInput(f"The {option} must be one of {', '.join(map(str, choices))}, not {given!r}.")
