"""A mouth at rest where there is no speech: when is somebody speaking, and how far is the mouth let go?

Two small machines that take what comes and give one number per video frame, so that a stream and a file give the same
numbers:

* `ActivityMeter` hears samples and tells whether there is silence, something audible (breath, say) or speech, and how
  strong, from the energy in the speech band against the noise floor of the last seconds, with hysteresis;
* `RestGate` turns that into the weight of the resting mouth: it lets go only after `HOLD_FRAMES` of silence, so never
  inside a word, and releases the mouth `ANTICIPATION_FRAMES` before speech comes back, as people do.

In doubt both leave the mouth alone: then it does what the motion model says, which is mostly right anyway. People who
are about to speak breathe in with an open mouth; closing it for them is the most costly mistake
(docs/natural_motion.md).
"""

from __future__ import annotations

from collections import deque

import numpy as np

from dreamtalk.types import SAMPLE_RATE, VIDEO_FPS, Float

ANTICIPATION_FRAMES = 4
"""The mouth is free this long (160 ms) before anything is heard; the gate looks that far ahead."""

HOLD_FRAMES = 10
"""Silence (400 ms) before the mouth begins to rest: longer than any closure inside speech."""

_CLOSING_FRAMES = 4
"""Time (160 ms) to come to rest."""

_BREATH_FRAMES = 30
"""Longest breath (1.2 s): what stays audible longer, with or without short gaps, is noise and counts as silence."""

_HOP = SAMPLE_RATE // 50
"""Samples between two energy measurements (20 ms)."""

_WINDOW = 512
"""Samples of one energy measurement (32 ms), centred."""

_BLOCK = 10 * SAMPLE_RATE
"""Samples of a long file that are measured at once: memory stays flat."""

_BAND = (250.0, 3800.0)
"""Hz: speech without rumble, hum and hiss."""

_FLOOR_MEMORY = 3 * VIDEO_FPS
"""Frames (3 s) whose quietest moment is the noise floor: syllables leave gaps more often than that."""

_QUICKEST_FLOOR = -45.0
"""dB re full scale: highest noise floor believed before a second was heard, so that a file may start inside a word."""

_LEARNING_FRAMES = VIDEO_FPS
"""How long that bound holds (1 s)."""

_SILENCE = -75.0
"""dB re full scale: everything below is digital silence."""

_ON = (9.0, 0.30)
"""Speech starts this many dB, and this share of the range floor to peak, above the floor."""

_OFF = (6.0, 0.18)
"""And ends below this."""

_LEAST_REACH = 35.0
"""dB between floor and peak that are taken for granted: before the first word, breath must not pass for speech."""

_PEAK_FALL = 0.2
"""dB per frame (5 dB/s) by which the remembered loudest moment fades."""

_AUDIBLE_OVER = 4.0
"""dB above the floor, over 120 ms, from which something is audible: breath before speech is 4 to 7 dB."""

_DIGITAL = -70.0
"""dB re full scale below which nothing is audible, even while the floor is not yet known."""

AUDIBLE = 0.1
"""Activity of a frame with audible sound that is no speech; 0 is silence."""

SPEAKING = 0.25
"""Activity of the faintest speech; 1 is the loudest of the last seconds."""


class ActivityMeter:
    """Speech activity from samples, 25 values per second; frame i stands at time i / 25 s.

    A value needs samples up to 36 ms after its frame (`push` gives it then); `finish` gives the rest.
    """

    def __init__(self) -> None:
        self._tail = np.zeros(_WINDOW // 2, dtype=np.float32)  # window 0 is centred on sample 0
        self._heard = 0
        self._levels: list[float] = [_SILENCE]  # of the steps from 2 i - 1 on, i the next frame to give
        self._given = 0
        self._recent: deque[float] = deque(maxlen=_FLOOR_MEMORY)
        self._smooth: deque[float] = deque(maxlen=3)
        self._peak = _SILENCE
        self._speaking = False

        frequencies = np.fft.rfftfreq(_WINDOW, 1 / SAMPLE_RATE)
        # A slice: sums over picked columns are rounded in another order for one row than for many.
        self._bins = slice(*np.searchsorted(frequencies, _BAND).tolist())
        self._taper = np.hanning(_WINDOW + 1)[:_WINDOW].astype(np.float32)
        self._gain = 2.0 / float((self._taper**2).sum() * _WINDOW)  # a full-scale sine gives -3 dB

    def push(self, samples: Float) -> Float:
        """Hears samples (S,) at 16 kHz; gives the activity of the frames that are complete now."""
        self._heard += len(samples)
        self._measure(samples)
        return self._frames((len(self._levels) - 1) // 2)

    def finish(self) -> Float:
        """Activity of the last frames; together with the earlier ones as many as cover the samples (at least one)."""
        frames = max(1, -(-self._heard * VIDEO_FPS // SAMPLE_RATE))
        self._measure(np.zeros(_WINDOW + 2 * _HOP, dtype=np.float32))
        return self._frames(max(0, frames - self._given))

    def _measure(self, samples: Float) -> None:
        """Appends the levels (dB) of the 20 ms steps that are complete."""
        waiting = np.concatenate([self._tail, np.asarray(samples, dtype=np.float32)])
        steps = max(0, (len(waiting) - _WINDOW) // _HOP + 1)
        if steps:
            windows = np.lib.stride_tricks.sliding_window_view(waiting, _WINDOW)[: steps * _HOP : _HOP]
            power = np.abs(np.fft.rfft(windows * self._taper, axis=1)[:, self._bins]) ** 2
            level = 10 * np.log10(power.sum(axis=1) * self._gain + 1e-12)
            self._levels.extend(np.maximum(level, _SILENCE).tolist())
        self._tail = waiting[steps * _HOP :]

    def _frames(self, count: int) -> Float:
        """Activity of the next `count` frames; forgets what they were made of."""
        out = [self._judge(max(self._levels[2 * i : 2 * i + 3])) for i in range(count)]
        del self._levels[: 2 * count]
        self._given += count
        return np.array(out, dtype=np.float32)

    def _judge(self, level: float) -> float:
        """Activity of the next frame, whose loudest 20 ms step is `level` dB."""
        self._smooth.append(level)
        self._recent.append(sum(self._smooth) / len(self._smooth))
        floor = min(self._recent)
        learning = len(self._recent) < _LEARNING_FRAMES
        if learning:
            floor = min(floor, _QUICKEST_FLOOR)
        self._peak = max(self._peak - _PEAK_FALL, level, floor)
        reach = max(self._peak - floor, _LEAST_REACH)
        on, off = (floor + max(least, share * reach) for least, share in (_ON, _OFF))
        self._speaking = level > (off if self._speaking else on)
        if not self._speaking:
            audible = level > _DIGITAL if learning else self._recent[-1] > floor + _AUDIBLE_OVER
            return AUDIBLE if audible else 0.0
        loudness = (level - off) / max(self._peak - off, 1.0)
        return SPEAKING + (1 - SPEAKING) * min(max(loudness, 0.0), 1.0)


def speech_activity(samples: Float) -> Float:
    """How strongly speech sounds, per video frame: samples (S,) at 16 kHz to (T,), T = frames that cover the samples.

    0 in silence, AUDIBLE (0.1) where something sounds that is no speech, SPEAKING (0.25) to 1 where somebody speaks (1:
    the loudest of the last seconds). Does not depend on the loudness of the recording; after the first second, in which
    it is learnt, steady noise up to about 10 dB below the speech counts as silence.
    """
    meter = ActivityMeter()
    blocks = [meter.push(samples[at : at + _BLOCK]) for at in range(0, len(samples), _BLOCK)]
    return np.concatenate([*blocks, meter.finish()])


class RestGate:
    """Weight of the resting mouth, frame by frame: 0 the mouth is free, 1 it rests. Starts at rest.

    Feed it the activity of frame i + ANTICIPATION_FRAMES to get the weight of frame i; the activities of the first
    ANTICIPATION_FRAMES frames are fed first, their answers thrown away.
    """

    def __init__(self) -> None:
        self._silent = HOLD_FRAMES + ANTICIPATION_FRAMES
        self._still = 0
        self._noise = 0
        self._place = 1.0

    def next(self, activity_ahead: float) -> float:
        """The weight after one more frame."""
        self._silent = 0 if self._sounds(activity_ahead) else self._silent + 1
        if self._silent == 0:
            self._place = max(0.0, self._place - 1 / ANTICIPATION_FRAMES)
        elif self._silent >= HOLD_FRAMES + ANTICIPATION_FRAMES:
            self._place = min(1.0, self._place + 1 / _CLOSING_FRAMES)
        elif self._place < 1.0:
            self._place = max(0.0, self._place - 1 / ANTICIPATION_FRAMES)  # a mouth once called for is let go entirely
        return self._place * self._place * (3 - 2 * self._place)

    def _sounds(self, activity: float) -> bool:
        """Speech, or something audible that has not gone on for too long to be breath."""
        if activity >= SPEAKING:
            self._still = self._noise = 0
            return True
        self._still = 0 if activity > 0 else self._still + 1
        self._noise = 0 if self._still >= HOLD_FRAMES else self._noise + 1
        return activity > 0 and self._noise <= _BREATH_FRAMES


def rest_weight(activity: Float) -> Float:
    """RestGate for a whole file: activity (T,) to weight (T,); after the end there is silence."""
    gate = RestGate()
    ahead = np.concatenate([activity, np.zeros(ANTICIPATION_FRAMES, dtype=np.float32)])
    weights = [gate.next(float(a)) for a in ahead]
    return np.array(weights[ANTICIPATION_FRAMES:], dtype=np.float32)


def at_rest(expression: Float, activity: Float, lower: tuple[int, ...], rest: Float | None = None) -> Float:
    """Eases the lower face of expression (T, E) to `rest` (E,) (default: the neutral, 0) wherever speech is absent.

    activity: (T,) from speech_activity. lower: expression dimensions of the lower face.
    """
    weight = rest_weight(activity)[:, None]
    index = list(lower)
    target = np.zeros(len(index), dtype=np.float32) if rest is None else rest[index]
    eased = expression.astype(np.float32, copy=True)
    eased[:, index] = (1 - weight) * eased[:, index] + weight * target
    return eased
