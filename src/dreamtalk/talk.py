"""What a talk is made of and what comes of it: the stage, the controls, the marked frames, the result."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from dreamtalk.errors import UnusableInput, UnusableOutput
from dreamtalk.media import OUTPUTS, check_output
from dreamtalk.motion.controls import Controls
from dreamtalk.options import TRANSPARENT, TalkOptions
from dreamtalk.provenance import Badge, watermarked
from dreamtalk.provenance.marking import Marking, Marks
from dreamtalk.provenance.origin import check_beside
from dreamtalk.style.timeline import Halves, StyleSource
from dreamtalk.types import Float, FrameStream, Speech, Style

if TYPE_CHECKING:
    from dreamtalk.motion.drive import HeadPath
    from dreamtalk.motion.stream import MotionChoices
    from dreamtalk.render import Animator

Progress: TypeAlias = Callable[[int, int], None]
"""Called with the frames done and the frames in all."""


UNMARKED = "no invisible watermark and no signed manifest. Tell people that this is synthetic."
"""What is said of frames whose watermark is declined: on stderr by commands, and in the log of the Python API."""

_LOGGER = logging.getLogger("dreamtalk")


@dataclass(frozen=True, slots=True)
class Talk:
    """What ``generate`` made. seconds: of the video. times: seconds of work per step; frames are made while earlier
    ones are encoded, so they add up to more than `wall`, the seconds it took. device: in words. size: width and height
    of the frames, px. notes: what people should know about the picture, if anything. marks: that say it is synthetic.
    """

    path: Path
    frames: int
    seconds: float
    times: dict[str, float]
    wall: float
    device: str
    size: tuple[int, int]
    notes: tuple[str, ...]
    marks: Marks


@dataclass(frozen=True, slots=True)
class Stage:
    """A portrait ready to move, the face space of the motion it takes, and what people should know of the picture.
    payloads: the watermark's, once its frames are made.
    """

    animator: Animator
    face_space: str
    notes: tuple[str, ...]
    payloads: list[int] = field(default_factory=list)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height, px."""
        height, width = self.animator.size
        return width, height


def checked_output(output: str | Path, options: TalkOptions, inputs: tuple[Path, ...]) -> Path:
    """The path of a video that can be written with these options. Raises UnusableOutput."""
    path = check_output(output, OUTPUTS, inputs + options.files)
    if options.background == TRANSPARENT and path.suffix.lower() == ".mp4":
        raise UnusableOutput(f"{path}: .mp4 videos cannot be transparent. Use .mov, .webm or frames/%05d.png.")
    if options.provenance:
        check_beside(path)
    return path


def begun(
    output: str | Path, options: TalkOptions, given: Mapping[str, object], moved: bool = True
) -> tuple[Path, Marking]:
    """The path of a video that can be written, and what will mark it. given, moved: see Marking.

    Raises UnusableOutput, and UnusableInput for files and credentials that cannot be used.
    """
    inputs = tuple(Path(one) for one in given.values() if isinstance(one, str | Path))
    return checked_output(output, options, inputs), Marking(given, options, moved)


def controls_of(options: TalkOptions) -> Controls:
    """How much of the motion is shown."""
    return Controls(
        options.expression_scale, options.lip_scale, options.pose_scale, options.gaze_scale, options.smoothing
    )


def intensity_of(options: TalkOptions) -> float | Halves:
    """How much of the style the face shows, or its halves."""
    upper, lower = (
        options.intensity if half is None else half for half in (options.upper_intensity, options.lower_intensity)
    )
    return upper if upper == lower else Halves(upper, lower)


def choices_of(options: TalkOptions, style: Style | StyleSource, driver: HeadPath | None) -> MotionChoices:
    """How the face moves. driver: whose head motion is taken over."""
    from dreamtalk.motion.stream import MotionChoices

    return MotionChoices(
        style=style,
        intensity=intensity_of(options),
        seed=options.seed,
        blink=options.blink,
        gaze=options.gaze,
        accents=options.accents,
        pose="natural" if options.pose == "natural" else "still",
        driver=driver,
        latency=options.latency,
    )


def whole(speech: Speech | Iterable[Float], what: str) -> Speech:
    """The speech, which must be known as a whole for `what`. Raises UnusableInput where it is still to come."""
    if isinstance(speech, Speech):
        return speech
    raise UnusableInput(f"{what} must hear the whole speech first; it does not go with speech that comes in pieces.")


def marked(frames: FrameStream, options: TalkOptions, told: Callable[[int], None] | None = None) -> FrameStream:
    """Frames with the invisible watermark and the visible AI badge, unless the options decline them.

    told: is told the watermark's payload.
    """
    if options.provenance:
        frames = watermarked(frames, told=told)
    else:
        _LOGGER.warning(UNMARKED)
    return badged(frames) if options.badge else frames


def badged(frames: FrameStream) -> FrameStream:
    """Frames with the visible AI badge."""
    badge: Badge | None = None
    for frame in frames:
        badge = badge or Badge(*frame.shape[:2])
        yield badge.draw(frame)


def counted(frames: FrameStream, total: int, progress: Progress | None) -> FrameStream:
    """The frames, with `progress` called after each."""
    for done, frame in zip(count(1), frames, strict=False):
        yield frame
        if progress is not None:
            progress(done, total)
