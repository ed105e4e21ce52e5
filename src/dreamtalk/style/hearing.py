"""What the style predictor hears: speech at one loudness, as means of speech features over 0.2 s, pauses left out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dreamtalk.audio import SpeechEncoder
from dreamtalk.motion.rest import SPEAKING, ActivityMeter
from dreamtalk.types import FEATURE_RATE, SAMPLE_RATE, VIDEO_FPS, Float, Speech

LEVEL = 0.1
"""RMS that loud speech is brought to, full scale 1 (-20 dBFS): how far away a microphone stands is no emotion."""

LEAST_ACTIVE = 5
"""Tokens (1 s) with speech in them, below which nothing is said about its emotion."""

_LOUD = 90.0
"""Percentile of the loudness that is taken for the speech's: pauses do not count."""
_SILENT = 1e-4
"""RMS below which a recording holds nothing to be made louder (-80 dBFS)."""
_STEP = SAMPLE_RATE // 25
"""Samples (40 ms) whose loudness is measured as one."""
_BLOCK = 10 * SAMPLE_RATE
"""Samples encoded at a time; any number gives the same tokens."""


@dataclass(frozen=True, slots=True)
class Heard:
    """values: (M, F) mean speech features of each token. active: (M,) share of its time with speech, 0 to 1."""

    values: Float
    active: Float

    def part(self, first: int, count: int) -> Float | None:
        """The tokens of a window, silence at its ends left out; None where there is too little speech in it."""
        speaking = first + np.flatnonzero(self.active[first : first + count] >= 0.5)
        if len(speaking) < LEAST_ACTIVE:
            return None
        return self.values[speaking[0] : speaking[-1] + 1]


def hear(speech: Speech, encoder: SpeechEncoder, stride: int, level: bool = True) -> Heard:
    """Tokens of a whole speech, each of `stride` features at 50 Hz. level: bring it to one loudness first."""
    samples = levelled(speech.samples) if level else speech.samples
    stream, meter = encoder.stream("quality"), ActivityMeter()
    tokens, left, activity = [], np.zeros((0, encoder.width), np.float32), []
    for at in range(0, len(samples), _BLOCK):
        block = samples[at : at + _BLOCK]
        left = np.concatenate([left, stream.push(block)])
        activity.append(meter.push(block))
        whole = len(left) // stride
        tokens.append(means(left[: whole * stride], stride))
        left = left[whole * stride :]
    left = np.concatenate([left, stream.finish()])
    values = np.concatenate([*tokens, means(left, stride)])
    speaking = np.concatenate([*activity, meter.finish()]) >= SPEAKING
    share = means(speaking[:, None].astype(np.float32), stride * VIDEO_FPS // FEATURE_RATE)
    return Heard(values, share[: len(values), 0])


def means(values: Float, count: int) -> Float:
    """Means (ceil(N / count), F) of `count` rows each of (N, F); the last ones may be fewer."""
    starts = np.arange(0, len(values), count)
    if len(starts) == 0:
        return np.zeros((0, *values.shape[1:]), np.float32)
    sums = np.add.reduceat(values.astype(np.float32), starts, axis=0)
    sizes = np.diff(np.append(starts, len(values)))
    return np.asarray(sums / sizes[:, None], dtype=np.float32)


def levelled(samples: Float) -> Float:
    """Samples (S,) with loud speech at the RMS `LEVEL`; silence stays as it is."""
    whole = np.pad(samples, (0, -len(samples) % _STEP)).reshape(-1, _STEP)
    rms = np.sqrt(np.mean(whole.astype(np.float64) ** 2, axis=1))
    loud = float(np.percentile(rms, _LOUD)) if len(rms) else 0.0
    return np.asarray(samples * (LEVEL / loud) if loud > _SILENT else samples, dtype=np.float32)
