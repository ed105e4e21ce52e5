"""Does a portrait stay the same person while it speaks in every style? Distances of a face embedding from the photo.

Beside them what real people do to the same embedding: the same person in one clip, in other clips, with other emotions,
and other people.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from dreamtalk.data.talkset import Clip, read_talkset
from dreamtalk.errors import UnusableInput
from dreamtalk.evaluate.drives import SPEECH, still_motion
from dreamtalk.evaluate.identity import Identity
from dreamtalk.face.model import FaceModel
from dreamtalk.face.tracker import FaceTracker
from dreamtalk.media import read_frames
from dreamtalk.render import Animator
from dreamtalk.style.library import DEFAULT_LEVEL, LEVELS, STYLES, read_name, rest_of
from dreamtalk.types import Float, Motion

FRAMES = 6
"""Frames of a spoken clip, or of a real one, that are looked at."""
_EDGE = 0.1
"""Share of a clip at both ends that is not looked at: people are silent there."""

ONE_CLIP, OTHER_CLIPS, EMOTIONS, STRANGERS = "same clip", "another clip", "neutral to", "other people"
"""What real videos are asked, of the same person and of others. The first frame looked at stands for the photo."""
_STRONG = "3"
"""Ending of the names of MEAD clips with an emotion at its strongest."""
_CLIPS_PER_PERSON = 3


@dataclass(frozen=True, slots=True)
class Spoken:
    """One style while speaking. style: "happy:2". motion: FRAMES frames out of a talk, whole."""

    style: str
    motion: Motion


@dataclass(frozen=True, slots=True)
class StyleDistance:
    """One portrait in one style. distances: (FRAMES,) of the frames from the photo."""

    style: str
    distances: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Reference:
    """What real people do. name: one of the constants above, with the emotion where there is one."""

    name: str
    distances: tuple[float, ...]


def style_names() -> list[str]:
    """Every named style as people get it by its name (level 2), and at its strongest (level 3)."""
    moved = [name for name, style in STYLES.items() if style.actions]
    levels = (DEFAULT_LEVEL, LEVELS[-1])
    return [f"neutral:{DEFAULT_LEVEL}", *(f"{name}:{level}" for level in levels for name in moved)]


def spoken_styles(dataset: Path, seed: int = 0, names: Sequence[str] = ()) -> list[Spoken]:
    """A dev sentence in the named styles (all of style_names() when none are given), as `generate` would speak it.

    Raises UnusableInput when the sentence is not there.
    """
    from dreamtalk.options import TalkOptions
    from dreamtalk.talker import Talker

    sound = next((clip.file for clip in read_talkset(dataset) if clip.id == SPEECH), None)
    if sound is None or not sound.is_file():
        raise UnusableInput(f"{dataset} has no clip {SPEECH}.")
    talker = Talker("cpu", threads=1)
    speech = talker.speech(sound)
    return [
        Spoken(name, _spread(talker.motion(speech, TalkOptions(style=name, seed=seed))))
        for name in names or style_names()
    ]


def styles_at_rest(face: FaceModel) -> list[Spoken]:
    """The silent faces of the named styles, one frame each: no speech is needed."""
    read = (read_name(name) for name in style_names())
    return [Spoken(f"{style.name}:{level}", still_motion(rest_of(style, level, face)[None])) for style, level in read]


def style_distances(
    animator: Animator, home: Float, landmarks: Float, spoken: Iterable[Spoken], identity: Identity
) -> tuple[StyleDistance, ...]:
    """How far the frames of every style are from the photo.

    home: embedding of the photo, cut and scaled as the frames are. landmarks: (478, 3) px of it; the embedding finds
    the moved face near there.
    """
    found = []
    for one in spoken:
        rows = zip(one.motion.expression, one.motion.rotation, one.motion.translation, one.motion.gaze, strict=True)
        codes = [identity.embed(animator.frame(*row), landmarks) for row in rows]
        found.append(StyleDistance(one.style, tuple(identity.distance(home, code) for code in codes)))
    return tuple(found)


def real_references(dataset: Path, tracker: FaceTracker, identity: Identity, size: int) -> tuple[Reference, ...]:
    """The same embedding on real videos of the talkset, brought to size x size px: dev clips with sound, and MEAD's.

    MEAD's clips, train rows among them, are measured here and nothing is learned from them.
    """
    clips = [clip for clip in read_talkset(dataset) if clip.file.is_file()]
    talking = _per_person([clip for clip in clips if clip.kind == "av" and clip.split == "dev"])
    codes = {clip.id: _codes(clip, tracker, identity, size) for clip in [*talking, *(c for c in clips if _acted(c))]}
    codes = {name: found for name, found in codes.items() if found}
    return (
        *_talkers([clip for clip in talking if clip.id in codes], codes, identity),
        *_actors(clips, codes, identity),
    )


def _talkers(clips: Sequence[Clip], codes: dict[str, list[Float]], identity: Identity) -> Iterator[Reference]:
    own = [identity.distance(codes[clip.id][0], code) for clip in clips for code in codes[clip.id][1:]]
    yield Reference(ONE_CLIP, tuple(own))
    pairs = [(a, b) for number, a in enumerate(clips) for b in clips[number + 1 :]]
    for name, alike in ((OTHER_CLIPS, True), (STRANGERS, False)):
        chosen = [(a, b) for a, b in pairs if (a.speaker == b.speaker) == alike]
        found = [identity.distance(codes[a.id][0], code) for a, b in chosen for code in codes[b.id]]
        yield Reference(name, tuple(found))


def _actors(clips: Sequence[Clip], codes: dict[str, list[Float]], identity: Identity) -> Iterator[Reference]:
    """From the first frame of an actor's neutral clip to the frames of the strong ones."""
    acted = [clip for clip in clips if _acted(clip) and clip.id in codes]
    calm = {clip.speaker: codes[clip.id][0] for clip in acted if clip.emotion == "neutral"}
    for emotion in dict.fromkeys(clip.emotion for clip in acted if clip.emotion != "neutral"):
        same = [clip for clip in acted if clip.emotion == emotion and clip.speaker in calm]
        found = [identity.distance(calm[clip.speaker], code) for clip in same for code in codes[clip.id]]
        yield Reference(f"{EMOTIONS} {emotion}", tuple(found))


def _acted(clip: Clip) -> bool:
    return clip.dataset == "MEAD" and (clip.emotion == "neutral" or clip.id.endswith(_STRONG))


def _per_person(clips: Sequence[Clip]) -> list[Clip]:
    return [
        clip
        for person in dict.fromkeys(each.speaker for each in clips)
        for clip in [each for each in clips if each.speaker == person][:_CLIPS_PER_PERSON]
    ]


def _codes(clip: Clip, tracker: FaceTracker, identity: Identity, size: int) -> list[Float]:
    """Of FRAMES frames spread over the clip; those without a face are left out."""
    wanted = set(_places(clip.frames))
    chosen = [frame for number, frame in enumerate(read_frames(clip.file)) if number in wanted]
    large = [np.asarray(cv2.resize(frame, (size, size), interpolation=cv2.INTER_CUBIC), np.uint8) for frame in chosen]
    tracked = tracker.track_frames(large)
    return [identity.embed(image, face.landmarks) for image, face in zip(large, tracked, strict=True) if face]


def _spread(motion: Motion) -> Motion:
    chosen = _places(len(motion))
    return Motion(
        motion.expression[chosen], motion.rotation[chosen], motion.translation[chosen], motion.gaze[chosen], motion.fps
    )


def _places(frames: int) -> list[int]:
    """Numbers of FRAMES frames, evenly spread over the middle of a clip."""
    return [int(place) for place in np.linspace(_EDGE * frames, (1.0 - _EDGE) * (frames - 1), FRAMES)]
