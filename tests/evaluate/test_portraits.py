"""Which frame is the portrait, and what is said of open mouths."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from dreamtalk.evaluate.portraits import PARTED, parted_lips, portrait_frame
from dreamtalk.face.align import canonical_face
from dreamtalk.face.measures import LOWER_LID_LEFT, LOWER_LID_RIGHT, UPPER_LID_LEFT, UPPER_LID_RIGHT, Y, aperture
from dreamtalk.store import save_track
from dreamtalk.types import FaceTrack

LOWER_LIP = [87, 14, 317]


def track(openings: list[float], shut: int | None = None) -> FaceTrack:
    """A face of 100 px iod whose lips are apart by so many % iod in each frame; shut: the frame with closed eyes."""
    face = np.concatenate([canonical_face(), np.zeros((10, 3), np.float32)])  # without irises
    frames = np.repeat(face[None], len(openings), axis=0)
    for frame, opening in zip(frames, openings, strict=True):
        frame[LOWER_LIP, Y] += (opening - aperture(face)) / 100
    if shut is not None:
        for lower, upper in ((LOWER_LID_RIGHT, UPPER_LID_RIGHT), (LOWER_LID_LEFT, UPPER_LID_LEFT)):
            frames[shut, list(upper), Y] = frames[shut, list(lower), Y]
    count = len(frames)
    return FaceTrack(
        landmarks=(100 * frames + 200).astype(np.float32),
        expression=np.zeros((count, 64), np.float32),
        pose=np.zeros((count, 6), np.float32),
        gaze=np.zeros((count, 4), np.float32),
        blendshapes=np.zeros((count, 52), np.float32),
        valid=np.ones(count, np.bool_),
        fps=25.0,
        face_space="mesh64",
    )


def test_the_first_frame_with_a_face_is_the_papers_portrait() -> None:
    seen = track([9.0, 8.0, 1.0])
    assert portrait_frame(seen, "first") == 0
    assert portrait_frame(replace(seen, valid=np.array([False, True, True])), "first") == 1


def test_the_calmest_has_closed_lips_open_eyes_and_is_near_the_beginning() -> None:
    openings = [9.0] * 30 + [0.2, 1.0] + [9.0] * 60 + [0.1]
    assert portrait_frame(track(openings), "calmest") == 30
    assert portrait_frame(track(openings, shut=30), "calmest") == 31
    lost = np.ones(len(openings), np.bool_)
    lost[[30, 31]] = False
    assert portrait_frame(replace(track(openings), valid=lost), "calmest") not in (30, 31, 92)


def test_portraits_with_an_open_mouth_are_counted(tmp_path: Path) -> None:
    for name, openings in (("open", [PARTED + 3, 0.5]), ("shut", [0.5, PARTED + 3])):
        save_track(tmp_path / f"{name}.npz", track(openings))
    files = {name: tmp_path / f"{name}.npz" for name in ("open", "shut")}
    (said,) = parted_lips(files, "first")
    assert "1 of 2 portraits" in said and ": open. --portrait calmest" in said
    assert parted_lips(files, "calmest") == []
