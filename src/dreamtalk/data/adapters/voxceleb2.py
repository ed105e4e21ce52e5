"""VoxCeleb2 (Chung et al. 2018): a million utterances of 6,112 people from video sites, 224 px, 25 frames per second.

    ROOT/dev/mp4/id00012/21Uxsk56VDQ/00001.mp4         (test/ alike)
    ROOT/dev/aac/id00012/21Uxsk56VDQ/00001.m4a         (only needed where the videos hold no sound)

ROOT may also be the folder dev or test itself. A speaker is one person in one video: between videos years pass and
cameras change, and a resting face pooled over them would fit none.
"""

from __future__ import annotations

from pathlib import Path

from dreamtalk.data.source import UNCLEAR, Layout, SourceClip, plain_name, sound_of

_SPLITS = {"dev": "train", "test": "dev"}
"""The makers' splits by our names: we train on "train" and look at "dev"."""


def _find(root: Path) -> list[SourceClip]:
    folders = [root / name for name in _SPLITS] if root.name not in _SPLITS else [root]
    clips = []
    for folder in folders:
        for video in sorted(folder.glob("mp4/id*/*/*.mp4")):
            person, place = video.parents[1].name, video.parent.name
            clips.append(
                SourceClip(
                    id=plain_name("vox2", person, place, video.stem),
                    video=video,
                    speaker=f"vox2-{person}-{place}",
                    dataset="VoxCeleb2",
                    licence_class=UNCLEAR,
                    split=_SPLITS[folder.name],
                    sound=sound_of(folder / "aac" / person / place, video.stem),
                )
            )
    return clips


LAYOUT = Layout(
    "VoxCeleb2",
    UNCLEAR,
    "lists CC BY 4.0; the videos belong to others",
    "dev/mp4/id00012/21Uxsk56VDQ/00001.mp4 (and test/mp4/...)",
    _find,
)
