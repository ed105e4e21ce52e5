"""Does the mouth rest where there is no sound? Aperture in digital silence around the speech."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dreamtalk.evaluate.clips import SILENCE_FRAMES, Clip, Made
from dreamtalk.evaluate.scoring import Metric, Score
from dreamtalk.motion.rest import SPEAKING, speech_activity

SETTLE = 14
"""Frames after the speech (0.56 s) in which a mouth may still be closing."""

READY = 5
"""Frames before the speech (0.2 s) in which a mouth may already be opening."""

ENOUGH = 4
"""Fewest quiet frames that make a real resting mouth."""

APERTURE = Metric(
    name="silence_aperture",
    title="aperture in silence",
    unit="% iod",
    span="about -1 to 30",
    good="at most the real value",
    definition=f"Mean aperture in {SILENCE_FRAMES / 25:.2f} s of digital silence put before and after the clip's "
    f"sound, less the last {READY / 25:.2f} s before and the first {SETTLE / 25:.2f} s after the sound, "
    "in the first 12 clips of a set. Row real: "
    "tracked frames of the same clip before the first and after the last sound (same margins, without digital "
    "silence); the fifth of the clip with the smallest aperture where there are fewer than four.",
    reference="shared feasibility study, s1: real 0.83, ridge regression 1.00.",
    pitfalls="Depends on the neutral face, which is taken from frames with a closed mouth. A person about to speak "
    "often opens the mouth to breathe, so real silence inside a talk is no model of rest.",
)


def silence_score(clip: Clip, made: Made) -> Score:
    """See APERTURE; no value for a source that does not listen."""
    if made.padded is None:
        return Score(float("nan"))
    aperture = made.padded.aperture
    before, after = aperture[: SILENCE_FRAMES - READY], aperture[len(aperture) - SILENCE_FRAMES + SETTLE :]
    return Score(float(np.concatenate([before, after]).mean()))


def real_rest_score(clip: Clip) -> Score:
    """The aperture of the real person at rest, see APERTURE."""
    rest = clip.mouth.aperture[_quiet(clip)]
    if len(rest) < ENOUGH:
        shown = np.sort(clip.mouth.aperture[clip.valid])
        rest = shown[: max(1, len(shown) // 5)]
    return Score(float(rest.mean()))


def _quiet(clip: Clip) -> NDArray[np.intp]:
    """Indices of frames before the first and after the last sound."""
    heard = np.flatnonzero(speech_activity(clip.samples)[: len(clip.valid)] >= SPEAKING)
    if len(heard) == 0:
        return np.flatnonzero(clip.valid)
    index = np.arange(len(clip.valid))
    return np.flatnonzero(clip.valid & ((index < heard[0] - READY) | (index > heard[-1] + SETTLE)))
