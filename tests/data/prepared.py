"""A small prepared folder made by code, for tests of whatever trains on one.

    from tests.data.prepared import make_prepared
    make_prepared(tmp_path / "clips")                # ten clips of three speakers, in under a second

Mouths open as loud as forty of the features say, so that a tiny model learns something within a few steps.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from dreamtalk.data.manifest import Manifest, ShardEntry
from dreamtalk.data.shards import ClipArrays, ClipInfo, ClipQuality, PreparedClip, write_shard
from dreamtalk.face.arkit import weights
from dreamtalk.face.model import FaceModel
from dreamtalk.types import VIDEO_FPS

ENCODER, FEATURE_SIZE = "whisper-base-l3", 512
LOUD = slice(0, 40)
"""Features that say how loud it is: -1 for silence, 1 for the loudest."""

_SPEAKERS = ("ada", "ben", "cleo")
_PER_SHARD = 4


def make_prepared(folder: Path, clips: int = 10, seed: int = 0) -> Path:
    """Write `clips` licence-clean training clips of three speakers, 60 to 100 frames each; returns the folder."""
    rng = np.random.default_rng(seed)
    model = FaceModel.load()
    made = [_clip(number, rng, model) for number in range(clips)]
    entries: list[ShardEntry] = []
    for begin in range(0, clips, _PER_SHARD):
        part = made[begin : begin + _PER_SHARD]
        name = f"shard-{len(entries):05d}.parquet"
        write_shard(folder / name, part)
        entries.append(ShardEntry(name, len(part), sum(c.info.frames for c in part)))
    Manifest("made", f"made by code, seed {seed}", {"seed": seed}, {}, tuple(entries)).write(folder)
    return folder


def _clip(number: int, rng: np.random.Generator, model: FaceModel) -> PreparedClip:
    frames = int(rng.integers(60, 101))
    speaker = number % len(_SPEAKERS)
    syllables = np.arange(0, frames + 5, 5)
    loud = np.interp(np.arange(frames), syllables, rng.random(len(syllables))).astype(np.float32)
    loud[: frames // 8] = 0.0  # a mouth that is shut before it speaks
    manner = model.from_arkit(weights(mouthSmile=0.2 * speaker, browInnerUp=0.1 * speaker))
    opening = model.from_arkit(weights(jawOpen=0.5, mouthLowerDown=0.2))
    still = loud[:, None] * opening + manner + 0.002 * rng.standard_normal((frames, 64))
    blink = np.zeros(frames)
    blink[frames // 2 - 1 : frames // 2 + 2] = (0.5, 1.0, 0.5)
    features = 0.1 * rng.standard_normal((2 * frames, FEATURE_SIZE))
    features[:, LOUD] += 2.0 * np.repeat(loud, 2)[:, None] - 1.0
    aperture = still @ model.measure("aperture")
    return PreparedClip(
        ClipInfo(
            id=f"made-{number:03d}",
            speaker=_SPEAKERS[speaker],
            dataset="made",
            split="train",
            licence_class="clean",
            emotion=("neutral", "happy", "happy")[speaker],
            intensity=str(speaker),
            language="en",
            transcript="",
            source=f"{_SPEAKERS[speaker]}/{number:03d}.mp4",
            frames=frames,
            fps=float(VIDEO_FPS),
            encoder=ENCODER,
            face_space="mesh64",
            lag_frames=0.0,
        ),
        ClipQuality(face_share=1.0, other_faces=0.0, eye_distance=90.0, loudness=-20.0),
        ClipArrays(
            expression=(still + blink[:, None] * model.from_arkit(weights(eyeBlink=1.0))).astype(np.float32),
            unblinking=still.astype(np.float32),
            pose=(0.02 * rng.standard_normal((frames, 6)).cumsum(axis=0)).astype(np.float32),
            gaze=(0.005 * rng.standard_normal((frames, 4))).astype(np.float32),
            valid=np.ones(frames, bool),
            identity=(rng.standard_normal(len(model.identity_basis)) * model.identity_std).astype(np.float32),
            closure=np.clip(aperture - np.percentile(aperture, 2.0), 0.0, None).astype(np.float32),
            features=features.astype(np.float16),
        ),
    )
