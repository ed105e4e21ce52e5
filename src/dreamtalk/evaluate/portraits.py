"""Which frame of a test video is the portrait, and whether its mouth is fit to be one.

The paper takes the first frame, whatever the mouth does in it (IV-A). A renderer that moves the picture carries an open
mouth through the whole talk, so portraits with parted lips are counted in every report.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np

from dreamtalk.evaluate.metrics.blinks import OPEN, usual_opening
from dreamtalk.evaluate.watching import in_face_frame
from dreamtalk.face.measures import aperture, eye_opening
from dreamtalk.store import load_track
from dreamtalk.types import VIDEO_FPS, FaceTrack

PortraitChoice: TypeAlias = Literal["first", "calmest"]
"""first: the first frame with a face, as in the paper. calmest: of the first seconds the one with the most closed lips
and open eyes."""

PARTED = 6.0
"""% iod of the inner lips from which on a portrait's mouth is open: teeth show, and stay in the picture."""

_CALM_SECONDS = 3.0
"""In which the calmest frame is looked for."""

_SHOWN = 8
"""Names that a note gives."""


def portrait_frame(track: FaceTrack, choice: PortraitChoice) -> int:
    """Number of the frame that is the portrait."""
    first = int(track.valid.argmax())
    if choice == "first":
        return first
    face = in_face_frame(track)
    eyes = eye_opening(face).mean(axis=-1)
    fit = track.valid & (eyes >= OPEN * usual_opening(eyes[track.valid]))
    fit[first + round(_CALM_SECONDS * VIDEO_FPS) :] = False
    return int(np.where(fit, aperture(face), np.inf).argmin()) if fit.any() else first


def parted_lips(tracks: Mapping[str, Path], choice: PortraitChoice) -> list[str]:
    """A note on the clips, given with their track files, whose portrait has its mouth open; nothing where none has."""
    found = []
    for name, file in tracks.items():
        track = load_track(file)
        if aperture(in_face_frame(track)[portrait_frame(track, choice)]) > PARTED:
            found.append(name)
    if not found:
        return []
    names = ", ".join(found[:_SHOWN]) + (f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else "")
    instead = "" if choice == "calmest" else " --portrait calmest takes a frame with closed lips instead."
    return [
        f"{len(found)} of {len(tracks)} portraits have their lips apart by more than {PARTED:g} % iod, which spoils "
        f"all of the talk: {names}.{instead}"
    ]
