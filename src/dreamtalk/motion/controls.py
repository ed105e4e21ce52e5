"""How much of a motion is shown: brows, lips, head and irises each by a factor of its own, and smoothing.

Works on any motion in a face space with separate lower and upper expression dimensions, whole or in chunks.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from dreamtalk.motion.natural import LidMixer, Lids
from dreamtalk.types import Float, Motion

_REACH = 3.0
"""The smoothing kernel ends at so many standard deviations."""


@dataclass(frozen=True, slots=True)
class Controls:
    """expression: factor on the upper face (brows, forehead, wide eyes); blinks and narrowed lids stay. lips: on the
    lower face. pose: on the head's rotation and translation. gaze: on the irises. smoothing: standard deviation, in
    frames, of the kernel on upper face and head.
    """

    expression: float = 1.0
    lips: float = 1.0
    pose: float = 1.0
    gaze: float = 1.0
    smoothing: float = 0.0

    @property
    def neutral(self) -> bool:
        """Whether they change nothing."""
        return self == Controls()


def controlled(chunks: Iterable[Motion], controls: Controls, face: Lids) -> Iterator[Motion]:
    """The motion with the controls applied, in chunks; in all as many frames as came in.

    Smoothing looks as far ahead as back, so nothing lags; frames near the end of a chunk wait for the next one, and
    the result does not depend on how the motion is cut into chunks.
    """
    if controls.neutral:
        yield from chunks
        return
    mixer = LidMixer(face)
    scaled = (_scaled(chunk, controls, face, mixer) for chunk in chunks)
    if controls.smoothing <= 0.0:
        yield from scaled
        return
    kernel = _kernel(controls.smoothing)
    for window, first, last in _windows(scaled, len(kernel) // 2):
        yield _smoothed(window, first, last, kernel, face, mixer)


class LiveControls:
    """The controls frame by frame for a motion that cannot wait: smoothing looks back only, so that brows and head lag
    by half a frame at the usual smoothing."""

    def __init__(self, controls: Controls, face: Lids) -> None:
        self._controls, self._face, self._mixer = controls, face, LidMixer(face)
        self._upper = list(face.upper)
        whole = _kernel(controls.smoothing) if controls.smoothing > 0.0 else np.ones(1, np.float32)
        past = whole[: len(whole) // 2 + 1]
        self._kernel = past / past.sum()
        self._before: deque[Float] = deque(maxlen=len(past))

    def next(self, frame: Motion) -> Motion:
        """The next frame, a motion of one frame, with the controls applied."""
        if self._controls.neutral:
            return frame
        scaled = _scaled(frame, self._controls, self._face, self._mixer)
        if len(self._kernel) == 1:
            return scaled
        now = np.concatenate([scaled.expression[0, self._upper], scaled.rotation[0], scaled.translation[0]])
        self._before.extend([now] * (1 if self._before else len(self._kernel)))
        smooth = np.asarray(self._kernel @ np.stack(self._before), np.float32)[None]
        expression, upper = scaled.expression.copy(), len(self._upper)
        expression[:, self._upper] = smooth[:, :upper]
        return replace(
            scaled,
            expression=self._mixer.shut_as(expression, scaled.expression),
            rotation=smooth[:, upper : upper + 3],
            translation=smooth[:, upper + 3 :],
        )


def live_controlled(chunks: Iterable[Motion], controls: Controls, face: Lids) -> Iterator[Motion]:
    """The motion of a talk in live mode with the controls applied, in chunks of one frame."""
    machine = LiveControls(controls, face)
    for chunk in chunks:
        for row in range(len(chunk)):
            yield machine.next(rows_of(chunk, row, row + 1))


def _scaled(motion: Motion, controls: Controls, face: Lids, mixer: LidMixer) -> Motion:
    expression = motion.expression.copy()
    expression[:, list(face.lower)] *= np.float32(controls.lips)
    if controls.expression != 1.0:
        expression[:, list(face.upper)] *= np.float32(controls.expression)
        expression = mixer.shut_as(expression, motion.expression)
    return replace(
        motion,
        expression=expression,
        rotation=motion.rotation * np.float32(controls.pose),
        translation=motion.translation * np.float32(controls.pose),
        gaze=motion.gaze * np.float32(controls.gaze),
    )


def _kernel(deviation: float) -> Float:
    reach = max(1, round(_REACH * deviation))
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / deviation) ** 2)
    return np.asarray(weights / weights.sum(), np.float32)


def _smoothed(window: Motion, first: int, last: int, kernel: Float, face: Lids, mixer: LidMixer) -> Motion:
    """Frames first to last of a window; beyond its ends it goes on as it began and ended."""
    reach = len(kernel) // 2

    def smooth(values: Float) -> Float:
        padded = np.pad(values, ((reach, reach), (0, 0)), mode="edge")
        rows = [kernel @ padded[row : row + len(kernel)] for row in range(first, last)]
        return np.asarray(rows, np.float32)

    shown = slice(first, last)
    expression = window.expression[shown].copy()
    upper = list(face.upper)
    expression[:, upper] = smooth(window.expression[:, upper])
    return replace(
        window,
        expression=mixer.shut_as(expression, window.expression[shown]),
        rotation=smooth(window.rotation),
        translation=smooth(window.translation),
        gaze=window.gaze[shown],
        tongue=None if window.tongue is None else window.tongue[shown],
    )


def _windows(chunks: Iterator[Motion], reach: int) -> Iterator[tuple[Motion, int, int]]:
    """Motion with `reach` frames more on both sides where there are any, and which of its frames are due."""
    held: Motion | None = None
    done = 0
    for chunk in chunks:
        held = chunk if held is None else _joined(held, chunk)
        due = len(held) - reach
        if due > done:
            yield held, done, due
            keep = max(0, due - reach)
            held, done = rows_of(held, keep), due - keep
    if held is not None and len(held) > done:
        yield held, done, len(held)


def _joined(first: Motion, second: Motion) -> Motion:
    return replace(
        first,
        expression=np.concatenate([first.expression, second.expression]),
        rotation=np.concatenate([first.rotation, second.rotation]),
        translation=np.concatenate([first.translation, second.translation]),
        gaze=np.concatenate([first.gaze, second.gaze]),
        tongue=None if first.tongue is None or second.tongue is None else np.concatenate([first.tongue, second.tongue]),
    )


def rows_of(motion: Motion, start: int, end: int | None = None) -> Motion:
    """The frames start, ... end - 1 of a motion."""
    rows = slice(start, end)
    return replace(
        motion,
        expression=motion.expression[rows],
        rotation=motion.rotation[rows],
        translation=motion.translation[rows],
        gaze=motion.gaze[rows],
        tongue=None if motion.tongue is None else motion.tongue[rows],
    )
