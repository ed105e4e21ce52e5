"""The motion of a live talk, frame by frame: speech where there is some, a face at rest that lives where there is none.

Every utterance is a speech of its own, heard from its own beginning: its frames are those that the same speech gives
offline, but for the seam of 0.16 s where a face at rest begins to speak. Head, blinks and eyes go on through all of it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from dreamtalk.live.seam import TO_REST, TO_SPEECH, Seam
from dreamtalk.live.styles import LiveStyles
from dreamtalk.motion.drive import with_head
from dreamtalk.motion.natural import Heard, Manner
from dreamtalk.motion.rest import ANTICIPATION_FRAMES
from dreamtalk.motion.spoken import MotionChoices, MotionParts, Spoken, SpokenStream, in_silence
from dreamtalk.style.timeline import DEFAULT_TRANSITION
from dreamtalk.types import VIDEO_FPS, Float, Motion, Style

_IDLE_BLOCK = 10
"""Frames of silence made at once; they lie at fixed places of the session."""

_IDLE = "idle"
"""The source of frames without speech, for the seam."""


class LiveRow(NamedTuple):
    """One frame of motion. number: of the frame in the session. speech: seconds within its utterance; None: idle."""

    motion: Motion
    number: int
    speech: float | None


class LiveMotion:
    """Motion of one face that speaks and pauses. Memory does not grow with its age."""

    def __init__(self, parts: MotionParts, choices: MotionChoices) -> None:
        self._styles = LiveStyles(choices.styles)
        self._parts, self._choices = parts, replace(choices, style=self._styles)
        self._natural = choices.natural(parts.face)
        self._seam = Seam()
        self._silence = _Silence(parts, self._choices)
        self._utterances: deque[_Utterance] = deque()
        self._begun = self._broken_off = 0
        self._frame = 0

    @property
    def frames(self) -> int:
        """Frames given so far."""
        return self._frame

    @property
    def speaking(self) -> bool:
        """Whether an utterance has begun to be shown, and more of it is to come."""
        return bool(self._utterances) and self._utterances[0].shown > 0

    def push(self, samples: Float) -> None:
        """More speech (n,) at 16 kHz, any n, of the utterance that goes on or of a new one."""
        if not self._utterances or self._utterances[-1].closed:
            self._begun += 1
            self._utterances.append(_Utterance(SpokenStream(self._parts, self._choices), self._begun))
        self._utterances[-1].stream.add(samples)

    def finish(self) -> None:
        """The utterance is over: after what was pushed there is silence."""
        if self._utterances:
            self._utterances[-1].close()

    def ready(self) -> Iterator[LiveRow]:
        """The frames of speech that can be made now; ends when speech is broken off meanwhile."""
        since = self._broken_off
        while since == self._broken_off and (row := self._spoken()) is not None:
            yield row

    def idle(self, frames: int) -> Iterator[LiveRow]:
        """Frames without speech; speech that was not shown yet waits."""
        for _ in range(frames):
            expression, manner = self._silence.frame(self._frame)
            waiting = self._utterances[0].waiting() if self._utterances else 0.0
            yield self._row(expression, 0.0, Heard(0.0, waiting), manner, (_IDLE, TO_REST), None)

    def interrupt(self) -> Iterator[LiveRow]:
        """Forget all speech that was not shown; gives the frames in which the face comes to rest."""
        self._utterances.clear()
        self._broken_off += 1
        return self.idle(TO_REST)

    def style(self, style: Style, intensity: float = 1.0, transition: float = DEFAULT_TRANSITION) -> None:
        """Go over to another style from the next chunk on. Raises UnusableInput for numbers that make no sense."""
        self._styles.change(self._frame, style, intensity, transition)
        self._silence.forget()

    def _spoken(self) -> LiveRow | None:
        """The next frame of speech, if it can be made."""
        while self._utterances:
            utterance = self._utterances[0]
            said = utterance.next(self._frame)
            if said is not None:
                return self._said(utterance, *said)
            if not utterance.stream.over:
                return None
            self._utterances.popleft()
        return None

    def _said(self, utterance: _Utterance, chunk: Spoken, row: int) -> LiveRow:
        if utterance.shown == 0:
            activity, stress = chunk.lead
            self._natural.ahead(activity if self._frame == 0 else (), stress)
        tongue = 0.0 if chunk.tongue is None else float(chunk.tongue[row])
        seconds = utterance.shown / VIDEO_FPS
        utterance.shown += 1
        source = (utterance.number, TO_SPEECH)
        return self._row(chunk.expression[row], tongue, chunk.heard[row], chunk.manner[row], source, seconds)

    def _row(
        self,
        expression: Float,
        tongue: float,
        heard: Heard,
        manner: Manner,
        source: tuple[object, int],
        speech: float | None,
    ) -> LiveRow:
        """The next frame, alive and without a jump. source: who says so, and frames in which it takes over."""
        values = self._seam.joined(*source, np.append(expression, np.float32(tongue)))
        made = self._natural.next(values[:-1], heard, manner)
        expressions, rotation, translation, gaze = (part[None] for part in made)
        tongues = None if self._parts.articulation is None else values[-1:]
        motion = Motion(expressions, rotation, translation, gaze, tongue=tongues)
        if self._choices.driver is not None:
            motion = with_head(motion, self._choices.driver, self._frame)
        self._frame += 1
        return LiveRow(motion, self._frame - 1, speech)


class _Utterance:
    """One speech and how far it was shown."""

    def __init__(self, stream: SpokenStream, number: int) -> None:
        self.stream, self.number = stream, number
        self.closed = False
        self.shown = 0
        self._chunk: Spoken | None = None
        self._row = 0
        self._told = 0

    def close(self) -> None:
        self.closed = True
        self.stream.close()

    def next(self, frame: int) -> tuple[Spoken, int] | None:
        """The chunk and row of the next frame, which is number `frame` of the session."""
        if self._chunk is None or self._row == len(self._chunk):
            self._chunk, self._row = self.stream.next(frame), 0
        if self._chunk is None:
            return None
        self._row += 1
        return self._chunk, self._row - 1

    def waiting(self) -> float:
        """While it has not begun: its activity, one frame after the other, so that the mouth gets ready meanwhile."""
        if self.shown:
            return 0.0
        known = self.stream.begins_with
        if not known:
            return 0.0
        self._told = min(self._told + 1, len(known), ANTICIPATION_FRAMES)
        return known[self._told - 1]


class _Silence:
    """Expressions in silence: brows and eyes as the motion model moves them, the mouth at rest."""

    def __init__(self, parts: MotionParts, choices: MotionChoices) -> None:
        self._parts, self._choices = parts, choices
        self._lower = list(parts.face.lower)
        self._block: tuple[int, Float, list[Manner]] | None = None

    def frame(self, number: int) -> tuple[Float, Manner]:
        """Expression (E,) and manner of frame `number` of the session."""
        first = number // _IDLE_BLOCK * _IDLE_BLOCK
        if self._block is None or self._block[0] != first:
            self._block = (first, *in_silence(self._parts, self._choices, first, _IDLE_BLOCK))
        expressions, manners = self._block[1:]
        manner = manners[(number - first) % len(manners)]
        expression = expressions[number - first].copy()
        expression[self._lower] = 0.0 if manner.rest is None else manner.rest[self._lower]
        return expression, manner

    def forget(self) -> None:
        """The style has changed."""
        self._block = None
