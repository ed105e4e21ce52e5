"""Which syllables are stressed: how far loudness and pitch stand out from the speaker's own, 25 times per second.

A small machine that takes samples as they come, like rest.ActivityMeter, so that a stream and a file give the same
numbers. Loudness is measured in the speech band, pitch by the autocorrelation of 40 ms divided by that of the window
(Boersma 1993).
"""

from __future__ import annotations

from math import exp

import numpy as np
from numpy.typing import NDArray

from dreamtalk.types import SAMPLE_RATE, VIDEO_FPS, Float

_WINDOW = SAMPLE_RATE // VIDEO_FPS
"""Samples of one measurement (40 ms), centred on its frame, one after the other: three periods of a low voice."""

_TRANSFORM = 1024
"""Length of the Fourier transform: the window and the longest period fit without wrapping round."""

_BLOCK = 10 * SAMPLE_RATE
"""Samples of a long file that are measured at once: memory stays flat."""

_BAND = (250.0, 3800.0)
"""Hz in which loudness is measured, as for the activity."""

_RUMBLE = 45.0
"""Hz below which nothing is heard."""

_PITCH = (70.0, 400.0)
"""Hz."""

_LONG_PERIODS = 0.15
"""By how much of itself the likeness at the longest period is lowered: of two that fit alike, the shorter is it."""

_VOICED = 0.5
"""Likeness of a sound with itself one period later from which on it has a pitch."""

_LOUD = 35.0
"""dB below the loudest moment under which nothing counts."""

_PEAK_FALL = 0.2
"""dB per frame (5 dB/s) by which the remembered loudest moment fades, as for the activity."""

_MEMORY = 4.0
"""Seconds of speech over which the speaker's usual loudness and pitch are remembered."""

_LOUDER, _HIGHER = 8.0, 4.0
"""dB and semitones that count as 1."""

_HELD = 4
"""Frames (160 ms) without a voice after which the last pitch no longer counts."""

_FAR = 12.0
"""Semitones from the usual pitch beyond which one is taken for a mistake."""

UNSTRESSED = -3.0
"""What silence counts."""

Double = NDArray[np.float64]


class StressMeter:
    """Stress from samples: about 0 in the middle of somebody's speech, above 1 where it stands out, -3 in silence.

    Frame i stands at time i / 25 s; its value needs samples up to 20 ms after it. `finish` gives the rest.
    """

    def __init__(self) -> None:
        self._tail = np.zeros(_WINDOW // 2, dtype=np.float32)  # window 0 is centred on sample 0
        self._heard = self._given = 0
        self._loudest = -100.0
        self._usual: list[float] = []  # loudness in dB and pitch in semitones; empty before anything was said
        self._pitch, self._since = 0.0, _HELD + 1
        self._spoken = 0

        frequencies = np.fft.rfftfreq(_TRANSFORM, 1 / SAMPLE_RATE)
        self._bins = slice(*np.searchsorted(frequencies, _BAND).tolist())  # see rest.ActivityMeter
        self._rumble = int(np.searchsorted(frequencies, _RUMBLE))
        self._taper = np.hanning(_WINDOW + 1)[:_WINDOW]
        self._shortest, longest = (round(SAMPLE_RATE / hertz) for hertz in reversed(_PITCH))
        own = np.fft.irfft(np.abs(np.fft.rfft(self._taper, _TRANSFORM)) ** 2)[: longest + 1]
        self._own = own / own[0]
        self._favour = 1.0 - _LONG_PERIODS * np.arange(longest + 1) / longest

    def push(self, samples: Float) -> Float:
        """Hears samples (S,) at 16 kHz; gives the stress (n,) of the frames that are complete now."""
        self._heard += len(samples)
        return self._measure(samples)

    def finish(self) -> Float:
        """Stress of the last frames; together with the earlier ones as many as cover the samples (at least one)."""
        left = max(1, -(-self._heard * VIDEO_FPS // SAMPLE_RATE)) - self._given
        return self._measure(np.zeros(2 * _WINDOW, dtype=np.float32))[:left]

    def _measure(self, samples: Float) -> Float:
        """Stress of the frames that are complete, of their loudness, likeness one period later and pitch."""
        waiting = np.concatenate([self._tail, np.asarray(samples, dtype=np.float32)])
        steps = len(waiting) // _WINDOW
        self._tail = waiting[steps * _WINDOW :]
        self._given += steps
        stress = np.empty(steps, dtype=np.float32)
        if steps:
            windows = waiting[: steps * _WINDOW].reshape(steps, _WINDOW)
            power = np.abs(np.fft.rfft(windows * self._taper, _TRANSFORM, axis=1)) ** 2
            power[:, : self._rumble] = 0.0
            decibel = 10.0 * np.log10(power[:, self._bins].sum(axis=1) + 1e-6)
            alike = np.fft.irfft(power, axis=1)[:, : len(self._own)]
            alike = alike / (alike[:, :1] + 1e-6) / self._own
            period = self._shortest + (alike * self._favour)[:, self._shortest :].argmax(axis=1)
            likeness = alike[np.arange(steps), period]
            semitones = -12.0 * np.log2(period / self._shortest)
            for i, measured in enumerate(zip(decibel.tolist(), likeness.tolist(), semitones.tolist(), strict=True)):
                stress[i] = self._judge(*measured)
        return stress

    def _judge(self, loud: float, likeness: float, pitch: float) -> float:
        """Stress of the next frame: its loudness (dB), likeness one period later, and pitch (semitones)."""
        self._loudest = max(self._loudest - _PEAK_FALL, loud)
        self._since += 1
        if loud < self._loudest - _LOUD:
            return UNSTRESSED
        if likeness >= _VOICED and (not self._usual or abs(pitch - self._usual[1]) < _FAR):
            self._pitch, self._since = pitch, 0
        if self._since == 0:
            self._remember(loud, self._pitch)
        if not self._usual:
            return UNSTRESSED
        higher = (self._pitch - self._usual[1]) / _HIGHER if self._since <= _HELD else 0.0
        return max(UNSTRESSED, (loud - self._usual[0]) / _LOUDER + higher)

    def _remember(self, loud: float, pitch: float) -> None:
        """Takes one more voiced frame into the speaker's usual loudness and pitch."""
        if not self._usual:
            self._usual = [loud, pitch]
        self._spoken += 1
        share = max(1.0 / self._spoken, 1.0 - exp(-1.0 / (_MEMORY * VIDEO_FPS)))
        self._usual = [usual + share * (now - usual) for usual, now in zip(self._usual, (loud, pitch), strict=True)]


def speech_stress(samples: Float) -> Float:
    """StressMeter for a whole file: samples (S,) at 16 kHz to (T,), T = frames that cover the samples."""
    meter = StressMeter()
    blocks = [meter.push(samples[at : at + _BLOCK]) for at in range(0, len(samples), _BLOCK)]
    return np.concatenate([*blocks, meter.finish()])
