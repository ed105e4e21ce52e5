"""The talkset folder of this project: clips.csv, lags.csv, video/ (data/talkset.py). Talking clips of both splits."""

from __future__ import annotations

from pathlib import Path

from dreamtalk.data.source import UNCLEAR, Layout, SourceClip
from dreamtalk.data.talkset import Clip, read_talkset


def _find(root: Path) -> list[SourceClip]:
    if not (root / "clips.csv").is_file():
        return []
    return [source_of(clip) for clip in read_talkset(root) if clip.kind == "av"]


def source_of(clip: Clip) -> SourceClip:
    """A row of clips.csv as any data set's clip."""
    return SourceClip(
        id=clip.id,
        video=clip.file,
        speaker=clip.speaker,
        dataset=clip.dataset,
        licence_class=clip.licence_class,
        split=clip.split,
        emotion=clip.emotion,
        transcript=clip.transcript,
        lag_frames=clip.lag_frames if clip.lag_trusted else None,
    )


LAYOUT = Layout("talkset", UNCLEAR, "each clip has its own licence class", "clips.csv, lags.csv, video/NAME.mp4", _find)
