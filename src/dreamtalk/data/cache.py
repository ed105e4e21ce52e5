"""What is made from a clip once and kept: its face track and its speech features, one .npz each in a cache folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from rich.progress import track as progress

from dreamtalk.audio import SpeechEncoder, load_speech
from dreamtalk.data.talkset import Clip
from dreamtalk.face import FaceTracker
from dreamtalk.face.raw import RawTrack, stack_faces
from dreamtalk.media import read_frames
from dreamtalk.media.files import replacing
from dreamtalk.types import Float


def make_tracks(clips: list[Clip], folder: Path) -> Iterator[RawTrack]:
    """The raw track of each clip, tracked now where it is not in the folder yet. Stops and goes on where it was."""
    folder.mkdir(parents=True, exist_ok=True)
    tracker: FaceTracker | None = None
    for clip in progress(clips, description="Tracking faces", disable=all(_kept(folder, c) for c in clips)):
        file = folder / f"{clip.id}.npz"
        if not file.is_file():
            tracker = tracker or FaceTracker.load()
            stack_faces(tracker.track_frames(read_frames(clip.file))).write(file)
        yield RawTrack.read(file)


def make_features(clips: list[Clip], folder: Path, encoder_name: str) -> Iterator[Float]:
    """Speech features (N, D) at 50 Hz of each clip, encoded now where they are not in the folder yet."""
    folder.mkdir(parents=True, exist_ok=True)
    encoder: SpeechEncoder | None = None
    for clip in progress(clips, description="Encoding speech", disable=all(_kept(folder, c) for c in clips)):
        file = folder / f"{clip.id}.npz"
        if not file.is_file():
            encoder = encoder or SpeechEncoder.load(encoder_name)
            _write(file, values=encoder.encode(load_speech(clip.file)).values.astype(np.float16))
        with np.load(file, allow_pickle=False) as stored:
            yield stored["values"].astype(np.float32)


def _kept(folder: Path, clip: Clip) -> bool:
    return (folder / f"{clip.id}.npz").is_file()


def _write(file: Path, **arrays: object) -> None:
    """Whole or not at all."""
    with replacing(file) as part:
        np.savez(part, **arrays)  # type: ignore[arg-type]
