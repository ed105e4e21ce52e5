"""Pairs that the style predictor learns from: how somebody sounds, and the style code of how they look (paper III-B).

Real pairs come from a prepared folder (MEAD): the code is that of the very clip that is heard. A talkset has none:
there RAVDESS actors are heard, and seen are licence-clean people of the same gender whose neutral talk is moved by the
named style of that emotion, as in training of the motion model (train/augment.py). docs/style_predictor.md says so.
Those people's own talk is heard as well, as the neutral.
"""

from __future__ import annotations

import zlib
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dreamtalk.audio import SpeechEncoder, load_speech
from dreamtalk.data.cache import make_tracks
from dreamtalk.data.manifest import is_prepared
from dreamtalk.data.shards import ClipHandle, read_shards
from dreamtalk.data.talkers import TalkingClip, load_talkers
from dreamtalk.data.talkset import Clip, read_talkset
from dreamtalk.errors import UnusableInput
from dreamtalk.face.arkit import weights
from dreamtalk.face.model import FaceModel
from dreamtalk.media.files import replacing
from dreamtalk.motion.model import MotionModel
from dreamtalk.style.hearing import LEAST_ACTIVE, Heard, hear, means
from dreamtalk.style.library import STYLES
from dreamtalk.train.augment import DrawnStyle, StyleAugmentation
from dreamtalk.train.voices import VOICES, changed
from dreamtalk.types import Float, Speech

_STRENGTHS = {"1": (0.6, 1.1), "2": (1.1, 1.6)}
"""RAVDESS's normal and strong intensity as strengths of a named style: between its levels 1 and 2, 2 and 3."""

_FAINT = ("calm",)
"""Styles whose normal intensity is made strong, too: on a face they are else no more than the neutral."""

_PEOPLE_CLIPS = 40
"""Clips of licence-clean people that are looked at; those of people with few clips come first."""

_DRAWS = 4
"""Faces made of each person in each emotion and intensity."""

_PORTRAITS = 4
"""Frames of a face that a portrait may be."""

_TALKSET_SPEECH = "speech"
"""Kind of the clips with emotional speech."""


@dataclass(frozen=True, slots=True)
class Face:
    """code: (D,) of a style clip. own: (J, I) identity coefficients as a portrait taken from that very clip gives them,
    in which its expression leaks; others: (J, I) from other clips of the person."""

    code: Float
    own: Float
    others: Float


@dataclass(frozen=True, slots=True)
class Utterance:
    """Speech of one emotion. versions: tokens (M, F) float16, in one voice each. faces: which faces go with it."""

    id: str
    speaker: str
    emotion: str
    intensity: str
    versions: tuple[NDArray[np.float16], ...]
    faces: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class StylePairs:
    """What is heard, and the faces that go with it."""

    utterances: tuple[Utterance, ...]
    faces: tuple[Face, ...]


def load_pairs(
    data: Path,
    cache: Path,
    model: MotionModel,
    face_model: FaceModel,
    stride: int,
    split: str = "train",
    voices: bool = True,
    clean_only: bool = True,
    max_clips: int | None = None,
) -> StylePairs:
    """The pairs of a split of a talkset or prepared folder. voices: hear every utterance in another voice, too; sounds
    are needed for that, so not from prepared folders. clean_only: of the people seen. Raises UnusableInput where there
    is nothing to pair."""
    if is_prepared(data):
        return _prepared_pairs(data, model, face_model, stride, split, clean_only, max_clips)
    clips = read_talkset(data)
    heard = [c for c in clips if c.kind == _TALKSET_SPEECH and c.split == split and c.emotion in STYLES]
    seen = [c for c in clips if c.kind == "av" and c.split == split and (c.clean or not clean_only)]
    if not heard or not seen:
        raise UnusableInput(f"{data} has no emotional speech, or no people to be seen, in its split {split!r}.")
    seen = _rarest(seen)
    people = _people(seen, cache, model.config.encoder, face_model)
    faces, which = _made_faces(people, model, face_model)
    thinned = heard[:: max(1, len(heard) // max_clips)] if max_clips else heard
    if split == "train":  # or what is no acting in a studio would sound like an emotion
        thinned += [clip for clip in seen if clip.emotion == "neutral"]
    tokens = _heard(thinned, cache, model.config.encoder, stride, voices and split == "train")
    utterances = []
    for clip, versions in zip(thinned, tokens, strict=True):
        key = _key(clip.gender, clip.emotion, clip.intensity)
        fitting = which.get(key) or which.get(_key("", clip.emotion, clip.intensity)) or ()
        if versions and fitting:
            utterances.append(Utterance(clip.id, clip.speaker, clip.emotion, clip.intensity, versions, tuple(fitting)))
    return StylePairs(tuple(utterances), tuple(faces))


def portrait_identity(face_model: FaceModel, identity: Float, expression: Float) -> Float:
    """(I,) that a portrait gives which shows the person with that identity (I,) and expression (E,): not quite the
    same, for in a single picture features and expression cannot be told apart."""
    shape = face_model.face(identity, expression)
    return face_model.identity(shape - face_model.displacement(face_model.portrait_expression(shape)))


@dataclass(frozen=True, slots=True)
class _Person:
    gender: str
    identity: Float
    clips: list[TalkingClip]


def _key(gender: str, emotion: str, intensity: str) -> tuple[str, str, str]:
    return gender, emotion, "" if emotion == "neutral" else intensity


def _rarest(clips: list[Clip]) -> list[Clip]:
    """Some of the clips, those of people with few clips first."""
    count: dict[str, int] = defaultdict(int)
    for clip in clips:
        count[clip.speaker] += 1
    return sorted(clips, key=lambda c: (count[c.speaker], c.id))[:_PEOPLE_CLIPS]


def _people(chosen: list[Clip], cache: Path, encoder: str, face_model: FaceModel) -> list[_Person]:
    talkers = load_talkers(chosen, cache, face_model, encoder)
    by_id = {t.id: t for t in talkers}
    people = []
    for speaker in sorted({t.speaker for t in talkers}):
        own = [c for c in chosen if c.id in by_id and c.speaker == speaker]
        tracks = [track.filled(c.file) for c, track in zip(own, make_tracks(own, cache / "tracks"), strict=True)]
        neutral = face_model.neutral(
            np.concatenate([t.landmarks for t in tracks]), np.concatenate([t.blendshapes for t in tracks])
        )
        people.append(_Person(own[0].gender, face_model.identity(neutral), [by_id[c.id] for c in own]))
    return people


def _made_faces(
    people: list[_Person], model: MotionModel, face_model: FaceModel
) -> tuple[list[Face], dict[tuple[str, str, str], list[int]]]:
    """Faces of all people in all emotions, and which of them are of a gender, emotion and intensity; gender "": any."""
    styles = StyleAugmentation([clip for person in people for clip in person.clips], face_model)
    null = model.neutral_style().code
    rng = np.random.default_rng(0)
    faces: list[Face] = []
    which: dict[tuple[str, str, str], list[int]] = defaultdict(list)
    for person in people:
        for emotion in STYLES:
            for intensity in ("1",) if emotion == "neutral" else _STRENGTHS:
                for _ in range(_DRAWS):
                    for gender in {person.gender, ""}:
                        which[_key(gender, emotion, intensity)].append(len(faces))
                    faces.append(_made_face(person, emotion, intensity, styles, model, face_model, null, rng))
    return faces, which


def _made_face(
    person: _Person,
    emotion: str,
    intensity: str,
    styles: StyleAugmentation,
    model: MotionModel,
    face_model: FaceModel,
    null: Float,
    rng: np.random.Generator,
) -> Face:
    """One person in one emotion. The neutral has the code of no style, as --style neutral has."""
    spread = (0.0, 0.0) if emotion == "neutral" else _STRENGTHS["2" if emotion in _FAINT else intensity]
    strength = float(rng.uniform(*spread))
    named = STYLES[emotion]
    gain = np.full(len(styles.mean), named.gain**strength, np.float32)
    offset = strength * face_model.from_arkit(weights(**named.actions)) if named.actions else np.zeros_like(gain)
    drawn = DrawnStyle(offset, gain)
    at = int(rng.integers(len(person.clips)))
    clip = np.concatenate([styles.apply(c, drawn) for c in (person.clips[at:] + person.clips[:at])])
    code = null if emotion == "neutral" else model.encode_style(clip, emotion).code
    other = np.concatenate([c.expression for c in (person.clips[at + 1 :] or person.clips)])

    def portraits(frames: Float) -> Float:
        picked = frames[rng.integers(len(frames), size=_PORTRAITS)]
        return np.stack([portrait_identity(face_model, person.identity, frame) for frame in picked])

    shown = len(person.clips[at].expression)
    return Face(code, portraits(clip[:shown]), portraits(other))


def in_another_voice(samples: Float, name: str) -> Float:
    """The speech (S,) in one of train/voices.py's other voices; the same name gets the same one."""
    number = zlib.crc32(name.encode())
    voice = VOICES[number % len(VOICES)]
    rng = np.random.default_rng(zlib.crc32(f"{name} {voice.name}".encode()))
    return changed(samples, voice, float(rng.uniform(*voice.speed)), rng)


def _heard(
    clips: list[Clip], cache: Path, encoder: str, stride: int, voices: bool
) -> list[tuple[NDArray[np.float16], ...]]:
    """Tokens of each clip in its own voice and, when asked for, in another; kept in the cache folder."""
    from rich.progress import track as progress

    hearing: list[SpeechEncoder] = []
    folder = cache / f"style-speech-{encoder}-{stride}"
    folder.mkdir(parents=True, exist_ok=True)
    made = []
    for clip in progress(clips, description="Hearing emotional speech"):
        versions = []
        for name in (clip.id, f"{clip.id}+voice") if voices else (clip.id,):
            file = folder / f"{name}.npz"
            if not file.is_file():
                hearing = hearing or [SpeechEncoder.load(encoder)]
                samples = load_speech(clip.file).samples
                sound = samples if name == clip.id else in_another_voice(samples, clip.id)
                _keep(file, hear(Speech(sound), hearing[0], stride))
            tokens = _kept(file)
            if tokens is not None:
                versions.append(tokens.astype(np.float16))
        made.append(tuple(versions))
    return made


def _keep(file: Path, heard: Heard) -> None:
    with replacing(file) as part, part.open("wb") as stream:
        np.savez(stream, values=heard.values.astype(np.float16), active=heard.active)


def _kept(file: Path) -> Float | None:
    with np.load(file, allow_pickle=False) as stored:
        heard = Heard(stored["values"].astype(np.float32), stored["active"])
    return heard.part(0, len(heard.values))


def _prepared_pairs(
    folder: Path,
    model: MotionModel,
    face_model: FaceModel,
    stride: int,
    split: str,
    clean_only: bool,
    max_clips: int | None,
) -> StylePairs:
    """Every clip with its own code; portraits from other clips of the speaker where there are any."""
    handles = [
        h for h in read_shards(folder) if h.info.split == split and (h.info.licence_class == "clean" or not clean_only)
    ][:max_clips]
    if not handles:
        hint = " Use --any-licence for weights that are yours alone." if clean_only else ""
        raise UnusableInput(f"{folder} has no clips to pair in its split {split!r}.{hint}")
    for wanted, found in (
        (model.config.encoder, handles[0].info.encoder),
        (model.config.face_space, handles[0].info.face_space),
    ):
        if wanted != found:
            raise UnusableInput(f"{folder} was prepared with {found}, but the motion model needs {wanted}.")
    rng = np.random.default_rng(0)
    portraits = [_portraits(h, face_model, rng) for h in handles]
    by_speaker: dict[str, list[int]] = defaultdict(list)
    for index, handle in enumerate(handles):
        by_speaker[handle.info.speaker].append(index)
    utterances: list[Utterance] = []
    faces: list[Face] = []
    for index, handle in enumerate(handles):
        info = handle.info
        tokens = means(np.asarray(handle.array("features"), np.float32)[: 2 * info.frames], stride)
        if len(tokens) < LEAST_ACTIVE:
            continue
        others = [i for i in by_speaker[info.speaker] if i != index] or [index]
        code = model.encode_style(np.array(handle.array("unblinking")), info.id).code
        utterances.append(
            Utterance(info.id, info.speaker, info.emotion, info.intensity, (tokens.astype(np.float16),), (len(faces),))
        )
        faces.append(Face(code, portraits[index], np.concatenate([portraits[i] for i in others[:_PORTRAITS]])))
    return StylePairs(tuple(utterances), tuple(faces))


def _portraits(handle: ClipHandle, face_model: FaceModel, rng: np.random.Generator) -> Float:
    frames = handle.array("expression")
    picked = frames[rng.integers(len(frames), size=_PORTRAITS)]
    return np.stack([portrait_identity(face_model, handle.array("identity"), frame) for frame in picked])
