"""CREMA-D (Cao et al. 2014): 91 actors, 12 sentences in 6 emotions; a clone of its repository with git-lfs.

    ROOT/VideoFlash/1001_DFA_ANG_XX.flv
    ROOT/AudioWAV/1001_DFA_ANG_XX.wav

The four parts: actor, sentence, emotion, level (LO, MD, HI; XX: not stated).
"""

from __future__ import annotations

import re
from pathlib import Path

from dreamtalk.data.source import UNCLEAR, Layout, SourceClip, plain_name, sound_of

_NAME = re.compile(r"(\d{4})_([A-Z]{3})_([A-Z]{3})_([A-Z]{2})")
_EMOTIONS = {"ANG": "angry", "DIS": "disgusted", "FEA": "fear", "HAP": "happy", "NEU": "neutral", "SAD": "sad"}
_LEVELS = {"LO": "low", "MD": "medium", "HI": "high", "XX": ""}
_SENTENCES = {
    "IEO": "it's eleven o'clock",
    "TIE": "that is exactly what happened",
    "IOM": "i'm on my way to the meeting",
    "IWW": "i wonder what this is about",
    "TAI": "the airplane is almost full",
    "MTI": "maybe tomorrow it will be cold",
    "IWL": "i would like a new alarm clock",
    "ITH": "i think i have a doctor's appointment",
    "DFA": "don't forget a jacket",
    "ITS": "i think i've seen this before",
    "TSI": "the surface is slick",
    "WSI": "we'll stop in a couple of minutes",
}


def _find(root: Path) -> list[SourceClip]:
    clips = []
    for video in sorted(root.glob("VideoFlash/*.flv")):
        match = _NAME.fullmatch(video.stem)
        if match is None:
            continue
        actor, sentence, emotion, level = match.groups()
        clips.append(
            SourceClip(
                id=plain_name("crema", video.stem),
                video=video,
                speaker=f"crema-{actor}",
                dataset="CREMA-D",
                licence_class=UNCLEAR,
                sound=sound_of(root / "AudioWAV", video.stem),
                emotion=_EMOTIONS.get(emotion, ""),
                intensity=_LEVELS.get(level, ""),
                language="en",
                transcript=_SENTENCES.get(sentence, ""),
            )
        )
    return clips


LAYOUT = Layout(
    "CREMA-D",
    UNCLEAR,
    "Open Database License: share alike, and silent about the faces",
    "VideoFlash/1001_DFA_ANG_XX.flv and AudioWAV/1001_DFA_ANG_XX.wav, fetched with git-lfs",
    _find,
)
