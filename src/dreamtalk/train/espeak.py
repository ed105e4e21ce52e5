"""Synthetic speech with the exact time of every phone: eSpeak NG's library, called through ctypes.

Needed only to train the articulation reader. Nothing of eSpeak NG (GPL-3.0) is carried or linked by the package; what
it says is speech of its own formant synthesiser, free of anybody's recordings.
"""

from __future__ import annotations

import ctypes
import ctypes.util
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import soxr

from dreamtalk.errors import UnusableInput
from dreamtalk.types import SAMPLE_RATE, Float

_SYNCHRONOUS, _PHONEME_EVENTS, _UTF8, _BY_CHARACTER = 2, 0x1, 1, 1
_LIST_ENDS, _WORD, _PHONEME = 0, 1, 7
_RATE, _PITCH, _PITCH_RANGE = 1, 3, 4
"""Numbers of speak_lib.h."""

_BUFFER_MS = 500
"""Sound handed over at a time."""

_CLOSURE_SECONDS = 0.042
"""eSpeak tells a voiceless stop at its burst; the lips or the tongue have been shut for so long before it (measured on
the energy of its sound)."""

VOICELESS_STOPS = ("p", "t", "k")
PAUSE = "_"


class _Id(ctypes.Union):
    _fields_ = (("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8))


class _Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _Id),
    )


_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))


@dataclass(frozen=True, slots=True)
class Phone:
    """name: eSpeak's mnemonic (T is th, D is dh), "_" a pause. start: seconds; it lasts until the next one's. word:
    number of the word it belongs to."""

    name: str
    start: float
    word: int


@dataclass(frozen=True, slots=True)
class Spoken:
    """samples: (S,) at 16 kHz. phones: in order of time."""

    samples: Float
    phones: tuple[Phone, ...]


@lru_cache
def _library() -> tuple[Any, int]:
    """The library, ready to speak, and its sample rate. Raises UnusableInput when it is not installed."""
    name = ctypes.util.find_library("espeak-ng")
    if name is None:
        raise UnusableInput(
            "Training the articulation reader needs eSpeak NG on this machine, for speech with known phone times.\n"
            "Debian and Ubuntu: apt install espeak-ng. Fedora: dnf install espeak-ng. macOS: brew install espeak-ng."
        )
    library = ctypes.CDLL(name)
    rate = library.espeak_Initialize(_SYNCHRONOUS, _BUFFER_MS, None, _PHONEME_EVENTS)
    if rate <= 0:
        raise UnusableInput("eSpeak NG is installed but does not start: its data files (espeak-ng-data) are missing.")
    return library, int(rate)


def speak(text: str, voice: str, words_per_minute: int = 170, pitch: int = 50, pitch_range: int = 50) -> Spoken:
    """Text spoken by an eSpeak voice, for example "en+f2", with the time of each phone.

    words_per_minute: 80 to 450. pitch, pitch_range: 0 to 100. Raises UnusableInput when eSpeak NG or the voice is
    missing.
    """
    library, rate = _library()
    sound: list[np.ndarray[Any, np.dtype[np.int16]]] = []
    phones: list[Phone] = []
    word = -1

    def hear(wave: Any, count: int, events: Any) -> int:
        nonlocal word
        if wave and count > 0:
            sound.append(np.ctypeslib.as_array(wave, (count,)).copy())
        number = 0
        while events[number].type != _LIST_ENDS:
            event = events[number]
            if event.type == _WORD:
                word += 1
            elif event.type == _PHONEME:
                phones.append(_phone(event.id.string.decode("utf-8", "replace"), event.sample / rate, word))
            number += 1
        return 0

    callback = _Callback(hear)
    library.espeak_SetSynthCallback(callback)
    if library.espeak_SetVoiceByName(voice.encode()) != 0:
        raise UnusableInput(f"This eSpeak NG has no voice {voice!r}.")
    for parameter, value in ((_RATE, words_per_minute), (_PITCH, pitch), (_PITCH_RANGE, pitch_range)):
        library.espeak_SetParameter(parameter, value, 0)
    encoded = text.encode()
    library.espeak_Synth(encoded, len(encoded) + 1, 0, _BY_CHARACTER, 0, _UTF8, None, None)
    if not sound:
        raise UnusableInput(f"eSpeak NG said nothing to {text!r}.")
    samples = np.concatenate(sound).astype(np.float32) / 32768.0
    return Spoken(soxr.resample(samples, rate, SAMPLE_RATE).astype(np.float32), tuple(phones))


def _phone(name: str, start: float, word: int) -> Phone:
    if name.startswith(PAUSE):
        return Phone(PAUSE, start, word)
    early = _CLOSURE_SECONDS if name in VOICELESS_STOPS else 0.0
    return Phone(name, max(0.0, start - early), word)
