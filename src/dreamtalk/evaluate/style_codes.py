"""Style codes of real clips, and of speech generated in their styles: points of the style map (paper IV-D, Fig. 13)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.progress import track as progress

from dreamtalk.data.manifest import is_prepared
from dreamtalk.data.shards import read_shards
from dreamtalk.errors import DreamTalkError, UnusableInput
from dreamtalk.evaluate.clips import read_rows
from dreamtalk.evaluate.style_references import style_track
from dreamtalk.face.model import FaceModel
from dreamtalk.motion.model import MotionModel
from dreamtalk.style.encode import style_of_clip
from dreamtalk.style.files import StyleClip
from dreamtalk.style.reference import clip_of_track
from dreamtalk.types import VIDEO_FPS, Float, SpeechFeatures

UNLABELLED = "unlabelled"
"""Emotion of clips for which the data set names none."""


@dataclass(frozen=True, slots=True)
class StylePoint:
    """One style code (256,). clip: the real clip it comes from, or whose style was spoken. made: by us, encoded again
    from generated motion."""

    clip: str
    speaker: str
    emotion: str
    intensity: str
    made: bool
    code: Float


@dataclass(frozen=True, slots=True)
class _Labelled:
    clip: StyleClip
    id: str
    speaker: str
    emotion: str
    intensity: str


def style_points(
    data: Path,
    tracks: Path | None,
    model: MotionModel,
    face: FaceModel,
    speeches: Sequence[SpeechFeatures],
    seconds: float = 4.0,
    limit: int | None = None,
    seed: int = 0,
) -> list[StylePoint]:
    """The codes of the clips of a talkset (kind style, every split) or of a prepared folder, and for each of them those
    of the first `seconds` of every speech spoken in its style. limit: clips, at most, spread over all.

    Raises UnusableInput when there are none.
    """
    clips = list(_prepared(data) if is_prepared(data) else _of_talkset(data, tracks, face))
    if limit is not None and len(clips) > limit:
        clips = [clips[i] for i in np.linspace(0, len(clips) - 1, limit).astype(int)]
    if not clips:
        raise UnusableInput(f"{data} has no style clips.")
    points = []
    for one in progress(clips, description="Styles", transient=True):
        style = style_of_clip(one.clip, model, face, one.id)
        about = (one.id, one.speaker, one.emotion, one.intensity)
        points.append(StylePoint(*about, False, style.code))
        for heard in speeches:
            frames = min(round(VIDEO_FPS * seconds), (len(heard.values) + 1) // 2)
            said = model.generate(heard, style, frames, seed=seed)
            points.append(StylePoint(*about, True, model.encode_style(said, one.id).code))
    return points


def _of_talkset(data: Path, tracks: Path | None, face: FaceModel) -> Iterator[_Labelled]:
    """Relative to the person's own neutral clip where there is one, else to a guess."""
    rows = [row for row in read_rows(data) if row["kind"] == "style"]
    tracked = {row["id"]: style_track(data / row["file"], tracks, face) for row in rows}
    calm = {row["speaker"]: tracked[row["id"]] for row in rows if row["emotion"] == "neutral"}
    for row in rows:
        try:
            clip = clip_of_track(tracked[row["id"]], row["id"], face, calm.get(row["speaker"]))[0]
        except DreamTalkError:
            continue  # a clip without a usable face
        yield _Labelled(clip, row["id"], row["speaker"], row["emotion"] or UNLABELLED, row["intensity"])


def _prepared(data: Path) -> Iterator[_Labelled]:
    for handle in read_shards(data):
        info, motion = handle.info, np.array(handle.array("unblinking"), np.float32)
        yield _Labelled(
            StyleClip(motion, info.face_space, info.id),
            info.id,
            info.speaker,
            info.emotion or UNLABELLED,
            info.intensity,
        )
