"""MEAD (Wang et al. 2020): 60 actors, 8 emotions at 3 levels, 7 cameras; per actor a video.tar and an audio.tar.

    ROOT/M003/video/front/angry/level_1/001.mp4
    ROOT/M003/audio/angry/level_1/001.m4a

Only the front camera is taken: landmarks of a face turned by 30 degrees and more tell little about lips.
"""

from __future__ import annotations

from pathlib import Path

from dreamtalk.data.source import RESEARCH, Layout, SourceClip, plain_name, sound_of

_CAMERA = "front"


def _find(root: Path) -> list[SourceClip]:
    clips = []
    for video in sorted(root.glob(f"*/video/{_CAMERA}/*/level_*/*.mp4")):
        person, emotion, level = video.parents[4], video.parent.parent.name, video.parent.name
        clips.append(
            SourceClip(
                id=plain_name("mead", person.name, emotion, level.removeprefix("level_"), video.stem),
                video=video,
                speaker=f"mead-{person.name}",
                dataset="MEAD",
                licence_class=RESEARCH,
                sound=sound_of(person / "audio" / emotion / level, video.stem),
                emotion=emotion,
                intensity=level.removeprefix("level_"),
                language="en",
            )
        )
    return clips


LAYOUT = Layout(
    "MEAD",
    RESEARCH,
    "research use only",
    "M003/video/front/angry/level_1/001.mp4 beside M003/audio/angry/level_1/001.m4a (the .tar files unpacked)",
    _find,
)
