"""One portrait talking live: sound in, marked frames out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from dreamtalk.errors import UnusableInput
from dreamtalk.live.motion import LiveMotion, LiveRow
from dreamtalk.live.recording import Record, Recorded, Recording
from dreamtalk.live.sound import PushedSound
from dreamtalk.motion.controls import LiveControls
from dreamtalk.motion.spoken import MotionChoices, MotionParts, SpokenStream
from dreamtalk.options import AUTO, TalkOptions
from dreamtalk.render.mesh import MeshAnimator
from dreamtalk.style.timeline import DEFAULT_TRANSITION
from dreamtalk.talk import Stage, controls_of, marked
from dreamtalk.types import SAMPLE_RATE, VIDEO_FPS, Float, FrameStream, Image, Latency, Motion, Style


@dataclass(frozen=True, slots=True)
class LiveFrame:
    """One frame of a live talk.

    image: (H, W, 3) uint8 RGB, or RGBA, marked as every output is. number: 0, 1, ... of the frame. seconds: its time in
    the session, number / 25. speech: seconds within the utterance, from its first sample on, that this frame goes with:
    the sound from there on is to be heard with it; None: no speech goes with it. sound: these 40 ms, (640,) float32 at
    16 kHz, zeros without speech. utterance: its number, 0, 1, ... ended: numbers of utterances that are over with this
    frame. held: the picture is the one before, because there was no time to draw (see LiveTalk.hold).
    """

    image: Image
    number: int
    seconds: float
    speech: float | None
    sound: Float
    utterance: int
    ended: tuple[int, ...] = ()
    held: bool = False


class LiveTalk:
    """A face that speaks what is pushed and lives in between. For one thread at a time; memory does not grow.

    Frames are made as the iterators are read; what is not read waits. All speech up to `finish` is one utterance.
    """

    def __init__(
        self,
        stage: Stage,
        parts: MotionParts,
        choices: MotionChoices,
        options: TalkOptions,
        find: Callable[[str | Path | Style], Style],
        portrait: object = None,
    ) -> None:
        """find: what people write for a style, found. portrait: what it was made of, for `record`. See Talker.live."""
        assert isinstance(stage.animator, MeshAnimator), "live_options lets nothing else through"
        self._animator, self._find = stage.animator, find
        self.size: tuple[int, int] = stage.size
        """Width and height of the frames, px."""
        self.notes: tuple[str, ...] = stage.notes
        """What people should know about the picture."""
        self._motion = LiveMotion(parts, choices)
        self._controls = LiveControls(controls_of(options), parts.face)
        self._sound = PushedSound()
        self._origin = portrait, options
        self._payloads: list[int] = []
        self._recording: Recording | None = None
        self.hold = False
        """While True, frames repeat the picture before (LiveFrame.held) and draw nothing. Motion and sound go on."""
        self._now: Motion | None = None
        self._shown_last: Image | None = None
        self._images = marked(self._drawn(), options, self._payloads.append)
        _warm_up(parts, choices)

    @property
    def frames(self) -> int:
        """Frames given so far."""
        return self._motion.frames

    @property
    def speaking(self) -> bool:
        """Whether an utterance has begun to be shown, and more of it is to come."""
        return self._motion.speaking

    def push(self, samples: Float) -> Iterator[LiveFrame]:
        """Add speech (n,) float32 at 16 kHz, any n; gives the frames that are ready now.

        Raises UnusableInput for anything but a row of numbers. What is not finite counts as silence.
        """
        good = checked(samples)
        self._sound.push(good)
        self._motion.push(good)
        return self._shown(self._motion.ready())

    def idle(self, frames: int = 1) -> Iterator[LiveFrame]:
        """So many frames without speech. Speech that was pushed and not shown waits until they are over."""
        return self._shown(self._motion.idle(frames))

    def interrupt(self) -> Iterator[LiveFrame]:
        """Forget at once all speech that was not shown; gives the frames (0.28 s) in which the face comes to rest.

        What is pushed afterwards is a new utterance.
        """
        self._sound.interrupt()
        return self._shown(self._motion.interrupt())

    def finish(self) -> Iterator[LiveFrame]:
        """The utterance is over; gives the frames that are left of it. What is pushed afterwards is a new one."""
        self._sound.finish()
        self._motion.finish()
        return self._shown(self._motion.ready())

    def style(self, style: str | Path | Style, intensity: float = 1.0, transition: float = DEFAULT_TRANSITION) -> None:
        """Go over to another style from the next chunk of speech or rest on.

        intensity: of that style; the options' intensity is a factor on it, as with timelines. transition: seconds, at
        least 0.6. Raises UnusableInput for a style or number that cannot be.
        """
        self._motion.style(self._find(style), intensity, transition)
        if self._recording is not None:
            self._recording.style(style)

    def record(self, to: str | Path | Record) -> None:
        """From now on write what is shown, and the sound that goes with it, to a video file (.mp4, .mov or .webm).

        `close` finishes it; without that there is no file. It is marked as every output is. A recording before it is
        finished first. Raises UnusableOutput where the file cannot be written, DreamTalkError as `close` does.
        """
        self.close()
        asked = to if isinstance(to, Record) else Record(Path(to))
        self._recording = Recording(asked, *self._origin, self._payloads)

    @property
    def recording_ended(self) -> str:
        """Why the recording ended before the talk does, in words; "" where it goes on, or there is none."""
        return "" if self._recording is None else self._recording.ended

    def close(self) -> Recorded | None:
        """Finish the recording, if there is one with frames: its file is complete when this returns.

        Raises DreamTalkError when it could not be written. The talk may go on; twice does no harm.
        """
        recording, self._recording = self._recording, None
        return None if recording is None else recording.close()

    def __enter__(self) -> LiveTalk:
        return self

    def __exit__(self, *error: object) -> None:
        """The recording is kept also where an error or Ctrl-C ends the talk."""
        self.close()

    def _shown(self, rows: Iterator[LiveRow]) -> Iterator[LiveFrame]:
        for row in rows:
            self._now = self._controls.next(row.motion)
            sound = self._sound.of(row.speech)
            # The last frame of an utterance is always drawn: clients know by it that all of the sound may be heard.
            held = self.hold and self._shown_last is not None and not sound.ended
            if not held:
                self._shown_last = next(self._images)
            assert self._shown_last is not None
            if self._recording is not None:
                self._recording.add(self._shown_last, sound.samples)
            yield LiveFrame(self._shown_last, row.number, row.number / VIDEO_FPS, row.speech, *sound, held)

    def _drawn(self) -> FrameStream:
        """The picture of the motion that is now due, without an end."""
        while (motion := self._now) is not None:
            tongue = 0.0 if motion.tongue is None else float(motion.tongue[0])
            moved = motion.expression[0], motion.rotation[0], motion.translation[0], motion.gaze[0]
            yield self._animator.frame(*moved, tongue)


def live_options(options: TalkOptions | None, latency: Latency) -> TalkOptions:
    """The options with that latency. Raises UnusableInput where a live talk cannot follow them."""
    options = replace(options or TalkOptions(), latency=latency)
    if options.style == AUTO:
        raise UnusableInput('The style "auto" must hear the whole speech first; choose a style for a live talk.')
    if options.renderer != "mesh":
        raise UnusableInput("Live talks are drawn by the renderer mesh alone: the other one looks too far ahead.")
    return options


def checked(samples: Float) -> Float:
    """The samples (n,) as float32, silence where they are not finite. Raises UnusableInput."""
    given = np.asarray(samples)
    if given.ndim != 1 or given.dtype.kind != "f":
        found = f"{given.dtype} {given.shape}"
        raise UnusableInput(f"Live speech comes as a row of float samples at {SAMPLE_RATE} Hz, -1 to 1, not {found}.")
    return np.nan_to_num(given.astype(np.float32), nan=0.0, posinf=1.0, neginf=-1.0)


def _warm_up(parts: MotionParts, choices: MotionChoices) -> None:
    """Runs the networks once, so that the first frame is not late."""
    stream = SpokenStream(parts, choices)
    stream.add(np.full(SAMPLE_RATE // 2, 1e-3, np.float32))
    stream.close()
    stream.next()
    for _ in LiveMotion(parts, choices).idle(1):
        pass
