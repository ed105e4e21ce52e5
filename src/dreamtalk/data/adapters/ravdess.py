"""RAVDESS (Livingstone and Russo 2018): 24 actors, two sentences in 8 emotions; Video_Speech_Actor_NN.zip unpacked.

    ROOT/Actor_01/01-01-03-02-01-01-01.mp4

The seven numbers: modality (01 picture and sound, 02 picture, 03 sound), channel (01 speech, 02 song), emotion,
intensity (01 normal, 02 strong), statement, repetition, actor.
"""

from __future__ import annotations

import re
from pathlib import Path

from dreamtalk.data.source import RESEARCH, Layout, SourceClip, plain_name

_NAME = re.compile(r"01-01-(\d\d)-(\d\d)-(\d\d)-\d\d-(\d\d)")
"""Picture with sound, speech; emotion, intensity, statement, actor."""

_EMOTIONS = ("neutral", "calm", "happy", "sad", "angry", "fear", "disgusted", "surprised")
_INTENSITIES = ("normal", "strong")
_STATEMENTS = ("kids are talking by the door", "dogs are sitting by the door")


def _find(root: Path) -> list[SourceClip]:
    clips = []
    for video in sorted(root.glob("**/Actor_*/*.mp4")):
        match = _NAME.fullmatch(video.stem)
        if match is None:
            continue
        emotion, intensity, statement, actor = (int(number) for number in match.groups())
        clips.append(
            SourceClip(
                id=plain_name("ravdess", video.stem),
                video=video,
                speaker=f"ravdess-{actor:02d}",
                dataset="RAVDESS",
                licence_class=RESEARCH,
                emotion=_word(_EMOTIONS, emotion),
                intensity=_word(_INTENSITIES, intensity),
                language="en",
                transcript=_word(_STATEMENTS, statement),
            )
        )
    return clips


def _word(words: tuple[str, ...], number: int) -> str:
    """The word of a code that counts from 1; none for an unknown one."""
    return words[number - 1] if 1 <= number <= len(words) else ""


LAYOUT = Layout(
    "RAVDESS",
    RESEARCH,
    "CC BY-NC-SA 4.0",
    "Actor_01/01-01-03-02-01-01-01.mp4 (names that begin with 01-01: picture with sound, speech)",
    _find,
)
