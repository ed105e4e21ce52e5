"""Which clips a training stage gets."""

from __future__ import annotations

from pathlib import Path

from dreamtalk.audio import SpeechEncoder
from dreamtalk.data.manifest import is_prepared
from dreamtalk.data.prepared import load_prepared
from dreamtalk.data.talkers import TalkingClip, load_talkers, with_silence
from dreamtalk.data.talkset import Clip, read_talkset
from dreamtalk.errors import UnusableInput
from dreamtalk.face.model import FaceModel
from dreamtalk.train.voices import other_voices

_SILENCE_SECONDS = 1.5
_SILENCE_NOISE = (0.0, 3e-4, 2e-3)
"""Standard deviation of the noise in the added silence, in full scale: digital silence, -70 dB, -54 dB."""


def load_training_talkers(
    data: Path,
    cache: Path,
    face_model: FaceModel,
    encoder: str,
    clean_only: bool = True,
    max_clips: int | None = None,
    rest_clips: int = 0,
    voices: bool = False,
) -> list[TalkingClip]:
    """The train split's talking clips; the first rest_clips of them a second time with silence around.

    data: a talkset, or a folder made by `dreamtalk prepare`; that holds no sounds, so what rest_clips and voices would
    make of them is left out. clean_only: licence-clean clips, as weights that are shipped require. max_clips: speakers
    with few clips come first. voices: all of them in other voices, too. Raises UnusableInput when there are none.
    """
    if is_prepared(data):
        return load_prepared(data, encoder, clean_only=clean_only, max_clips=max_clips)
    clips = [c for c in read_talkset(data) if c.kind == "av" and c.split == "train" and (c.clean or not clean_only)]
    clips = _rare_speakers_first(clips)[:max_clips]
    if not clips:
        raise UnusableInput(f"{data} has no talking clips to train on.")
    talkers = load_talkers(clips, cache, face_model, encoder)
    resting = _resting(clips, talkers, encoder, rest_clips)
    spoken = other_voices(clips, talkers, cache, encoder) if voices else []
    return talkers + resting + spoken


def load_strangers(
    data: Path, cache: Path, face_model: FaceModel, encoder: str, clean_only: bool = True
) -> list[TalkingClip]:
    """Talking clips of the train split that licence-clean training leaves out: people to choose checkpoints by.

    None where training leaves nobody out. A prepared folder has them in its split "validation", which may be empty.
    """
    if is_prepared(data):
        return load_prepared(data, encoder, split="validation", clean_only=False, needed=False)
    if not clean_only:
        return []
    clips = [c for c in read_talkset(data) if c.kind == "av" and c.split == "train" and not c.clean]
    return load_talkers(clips, cache, face_model, encoder)


def _resting(clips: list[Clip], talkers: list[TalkingClip], encoder: str, count: int) -> list[TalkingClip]:
    """The first `count` clips with silence around them."""
    by_id = {t.id: t for t in talkers}
    hear = SpeechEncoder.load(encoder)
    return [
        with_silence(clip, by_id[clip.id], hear, _SILENCE_SECONDS, _SILENCE_NOISE[number % len(_SILENCE_NOISE)])
        for number, clip in enumerate([c for c in clips if c.id in by_id][:count])
    ]


def _rare_speakers_first(clips: list[Clip]) -> list[Clip]:
    count: dict[str, int] = {}
    for clip in clips:
        count[clip.speaker] = count.get(clip.speaker, 0) + 1
    return sorted(clips, key=lambda c: (count[c.speaker], c.id))
